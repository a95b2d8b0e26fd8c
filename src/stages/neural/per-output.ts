/** @file What is given once for all outputs of a network, or for each by its name: losses, metrics. */

import { listNames, ParamError } from "../../errors.js";
import { type Loss, losses } from "../../nn/losses/loss.js";
import type { Stage } from "../../pipeline/stage.js";
import { isRecordOf, type MetricList } from "./params.js";

/** The loss of each output. @throws ParamError where one has none */
export function lossesBy(
  given: Loss | string | Readonly<Record<string, Loss | string>>,
  outputs: readonly string[],
  who: Stage,
): ReadonlyMap<string, Loss> {
  const isPerOutput = typeof given !== "string" && !losses.has(given) && isRecordOf(given, () => true);
  if (!isPerOutput) return new Map(outputs.map((output) => [output, losses.of(given as Loss | string, who)]));
  const byOutput = given as Readonly<Record<string, Loss | string>>;
  const missing = outputs.filter((output) => byOutput[output] === undefined);
  if (missing.length > 0)
    throw new ParamError(who, `loss lacks the network's output "${missing[0]}"; name a loss for each output`, {
      param: "loss",
    });
  return new Map(outputs.map((output) => [output, losses.of(byOutput[output]!, who)]));
}

/** The metrics of each output: a list is for all of them but `numbers`. */
export function metricsBy(
  given: MetricList | Readonly<Record<string, MetricList>>,
  outputs: readonly string[],
  numbers: readonly string[],
  who: Stage,
): (output: string) => MetricList {
  if (isRecordOf(given, () => true)) {
    const byOutput = given as Readonly<Record<string, MetricList>>;
    requireOutputs(byOutput, "metrics", outputs, who);
    return (output) => byOutput[output] ?? [];
  }
  return (output) => (numbers.includes(output) ? [] : (given as MetricList));
}

/** @throws ParamError where something is named for an output that the network lacks */
export function requireOutputs(
  byOutput: Readonly<Record<string, unknown>>,
  param: string,
  outputs: readonly string[],
  who: Stage,
): void {
  const unknown = Object.keys(byOutput).find((name) => !outputs.includes(name));
  if (unknown === undefined) return;
  throw new ParamError(who, `${param} names the output "${unknown}", but the network has ${listNames(outputs)}`, {
    param,
  });
}
