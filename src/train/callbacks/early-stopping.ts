/** @file EarlyStopping: ends a run that gets no better. */

import { Tensor } from "../../tensor/tensor.js";
import { boolean, integer, number, optional } from "../../util/params.js";
import { defineCallback, type StateForm, withState } from "./define.js";
import { isBetter, lookingEvery, monitored, watched } from "./monitor.js";

interface State {
  /** Epochs, or validations, without improvement. */
  wait: number;
  best?: number;
  /** Where that was, as messages call it. */
  bestPlace?: string;
  weights?: ReadonlyMap<string, Tensor>;
}

/**
 * Ends the run when the watched log has not improved for `patience` epochs, as Keras's EarlyStopping; for as many validations
 * within epochs with `interval: "validation"`, as Lightning's with `val_check_interval` and Transformers' with `eval_steps`.
 *
 * @example callbacks.earlyStopping({ monitor: "val_accuracy", patience: 3, restoreBestWeights: true })
 * @example callbacks.earlyStopping({ interval: "validation", patience: 5 }) // and validateEverySteps: 500
 */
export const earlyStopping = defineCallback(
  "EarlyStopping",
  {
    ...monitored,
    minDelta: number("smallest change that counts as an improvement", { default: 0, min: 0 }),
    patience: integer("epochs without improvement after which the run ends", { default: 0, min: 0 }),
    baseline: optional(number("value that must be reached for an improvement to count")),
    startFromEpoch: integer("epochs at the beginning that are not looked at", { default: 0, min: 0 }),
    restoreBestWeights: boolean("whether the run ends with the weights with which the log was best", {
      default: false,
    }),
  },
  (params, name) => {
    const { minDelta, patience, baseline, startFromEpoch, restoreBestWeights, interval } = params;
    return withState<State>(
      () => ({ wait: 0 }),
      (state) => ({
        name,
        ...lookingEvery(name, params, async ({ number, epoch, place }, logs, run) => {
          const value = watched(name, params, logs);
          if (epoch < startFromEpoch) return;
          const now = state();
          const improved = isBetter(params, run, { value, best: now.best, minDelta });
          if (improved) {
            now.best = value;
            now.bestPlace = place;
          }
          if (restoreBestWeights && (improved || now.weights === undefined)) now.weights = await run.weights();
          const counts =
            improved && (baseline === undefined || isBetter(params, run, { value, best: baseline, minDelta }));
          now.wait = counts ? 0 : now.wait + 1;
          if (now.wait < Math.max(1, patience) || number === 0) return;
          const best = now.best === undefined ? "" : ` than ${Number(now.best.toPrecision(6))} after ${now.bestPlace}`;
          run.stop(`${params.monitor} got no better${best} for ${now.wait} ${interval}${now.wait === 1 ? "" : "s"}`);
        }),
        // after a failure or an abort too: what is kept then are the best weights
        async onTrainEnd(run) {
          const { weights } = state();
          if (weights !== undefined) await run.setWeights(weights);
        },
      }),
      form,
    );
  },
);

/** Weights as shape and bytes in base64. */
type StoredWeights = Record<string, readonly [shape: readonly number[], bytes: string]>;

const form: StateForm<State> = {
  store({ weights, ...state }) {
    if (weights === undefined) return state;
    const entries = [...weights].map(([name, { data, shape }]) => {
      const { buffer, byteOffset, byteLength } = data as Float32Array;
      return [name, [shape, Buffer.from(buffer, byteOffset, byteLength).toString("base64")]] as const;
    });
    return { ...state, weights: Object.fromEntries(entries) };
  },
  load(stored) {
    const { weights, ...state } = stored as Omit<State, "weights"> & { readonly weights?: StoredWeights };
    if (weights === undefined) return state;
    const entries = Object.entries(weights).map(([name, [shape, bytes]]): [string, Tensor] => {
      // a buffer of its own: views into Node's shared one need not be aligned
      const { buffer } = Uint8Array.from(Buffer.from(bytes, "base64"));
      return [name, new Tensor("float32", new Float32Array(buffer), shape)];
    });
    return { ...state, weights: new Map(entries) };
  },
};
