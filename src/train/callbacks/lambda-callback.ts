/** @file LambdaCallback and History. */

import { ParamError } from "../../errors.js";
import type { Callback, Logs } from "../callback.js";

const hooks = [
  "onTrainBegin",
  "onTrainEnd",
  "onEpochBegin",
  "onEpochEnd",
  "onBatchBegin",
  "onBatchEnd",
  "onProgress",
  "onValidation",
] as const;

/**
 * A callback of functions.
 *
 * @throws ParamError for a hook there is not.
 * @example callbacks.lambdaCallback({ onEpochEnd: (epoch, logs) => console.log(epoch, logs.loss) })
 */
export function lambdaCallback(functions: Partial<Pick<Callback, (typeof hooks)[number]>>): Callback {
  for (const [name, given] of Object.entries(functions)) {
    if (!(hooks as readonly string[]).includes(name)) {
      throw new ParamError("LambdaCallback", `no hook "${name}" (there are ${hooks.join(", ")})`, { param: name });
    }
    if (given !== undefined && typeof given !== "function") {
      throw new ParamError("LambdaCallback", `${name} must be a function, got ${typeof given}`, { param: name });
    }
  }
  return { name: "LambdaCallback", ...functions };
}

/**
 * Keeps the logs of every epoch, also when the run fails.
 *
 * @example
 * const history = callbacks.history();
 * // train with callbacks: [history]; then
 * history.logs.map(({ loss }) => loss);
 */
export function history(): Callback & { readonly logs: readonly Logs[] } {
  const logs: Logs[] = [];
  return {
    name: "History",
    logs,
    onTrainBegin(run) {
      logs.splice(0, logs.length, ...run.history);
    },
    onEpochEnd(_epoch, now) {
      logs.push(now);
    },
  };
}
