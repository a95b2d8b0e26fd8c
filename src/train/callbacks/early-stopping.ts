/** @file EarlyStopping: ends a run that gets no better. */

import { Tensor } from "../../tensor/tensor.js";
import { boolean, integer, number, optional } from "../../util/params.js";
import type { TrainingRun } from "../callback.js";
import { defineCallback, withState } from "./define.js";
import { isBetter, monitored, watched } from "./monitor.js";

interface State {
  /** Epochs without improvement. */
  wait: number;
  best?: number;
  bestEpoch?: number;
  /** Weights of the best epoch: shape and bytes in base64. */
  weights?: Record<string, readonly [shape: readonly number[], bytes: string]>;
}

/**
 * Ends the run when the watched log has not improved for `patience` epochs, as Keras's EarlyStopping.
 *
 * @example callbacks.earlyStopping({ monitor: "val_accuracy", patience: 3, restoreBestWeights: true })
 */
export const earlyStopping = defineCallback(
  "EarlyStopping",
  {
    ...monitored,
    minDelta: number("smallest change that counts as an improvement", { default: 0, min: 0 }),
    patience: integer("epochs without improvement after which the run ends", { default: 0, min: 0 }),
    baseline: optional(number("value that must be reached for an improvement to count")),
    startFromEpoch: integer("epochs at the beginning that are not looked at", { default: 0, min: 0 }),
    restoreBestWeights: boolean("whether the run ends with the weights of its best epoch", { default: false }),
  },
  (params, name) => {
    const { minDelta, patience, baseline, startFromEpoch, restoreBestWeights } = params;
    return withState<State>(
      () => ({ wait: 0 }),
      (state) => ({
        name,
        async onEpochEnd(epoch, logs, run) {
          const value = watched(name, params, logs);
          if (epoch < startFromEpoch) return;
          const now = state();
          const improved = isBetter(params, run, { value, best: now.best, minDelta });
          if (improved) {
            now.best = value;
            now.bestEpoch = epoch;
          }
          if (restoreBestWeights && (improved || now.weights === undefined)) now.weights = await stored(run);
          const counts =
            improved && (baseline === undefined || isBetter(params, run, { value, best: baseline, minDelta }));
          now.wait = counts ? 0 : now.wait + 1;
          if (now.wait < Math.max(1, patience) || epoch === 0) return;
          const best =
            now.best === undefined ? "" : ` than ${Number(now.best.toPrecision(6))} after epoch ${now.bestEpoch! + 1}`;
          run.stop(`${params.monitor} got no better${best} for ${now.wait} ${now.wait === 1 ? "epoch" : "epochs"}`);
        },
        // after a failure or an abort too: what is kept then are the best weights
        async onTrainEnd(run) {
          const { weights } = state();
          if (weights === undefined) return;
          await run.setWeights(
            new Map(Object.entries(weights).map(([weight, [shape, bytes]]) => [weight, restored(shape, bytes)])),
          );
        },
      }),
    );
  },
);

async function stored(run: TrainingRun): Promise<State["weights"] & object> {
  const entries = [...(await run.weights())].map(([name, { data, shape }]) => {
    const { buffer, byteOffset, byteLength } = data as Float32Array;
    return [name, [shape, Buffer.from(buffer, byteOffset, byteLength).toString("base64")]] as const;
  });
  return Object.fromEntries(entries);
}

function restored(shape: readonly number[], bytes: string): Tensor {
  // a buffer of its own: views into Node's shared one need not be aligned
  const { buffer } = Uint8Array.from(Buffer.from(bytes, "base64"));
  return new Tensor("float32", new Float32Array(buffer), shape);
}
