/** @file LambdaCallback and History. */

import { didYouMean, ParamError } from "../../errors.js";
import type { Callback, Logs } from "../callback.js";

/** What callbacks may hear. */
export const hooks: readonly string[] = [
  "onTrainBegin",
  "onTrainEnd",
  "onEpochBegin",
  "onEpochEnd",
  "onBatchBegin",
  "onBatchEnd",
  "onProgress",
  "onValidation",
];

/**
 * A callback of functions.
 *
 * @throws ParamError for a hook there is not.
 * @example callbacks.lambdaCallback({ onEpochEnd: (epoch, logs) => console.log(epoch, logs.loss) })
 */
export function lambdaCallback(functions: Partial<Omit<Callback, "name" | "isLast" | "state" | "restore">>): Callback {
  for (const [name, given] of Object.entries(functions)) {
    if (!hooks.includes(name)) {
      throw new ParamError(
        "LambdaCallback",
        `no hook "${name}" (there are ${hooks.join(", ")})${didYouMean(name, hooks)}`,
        { param: name },
      );
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
