/** @file Callback: what is told about a training run, and may change it; hooks as in Keras. */

import type { Tensor } from "../tensor/tensor.js";

/** Numbers of an epoch or a step by name: `loss`, `accuracy`, `val_loss`, `val_accuracy`, `lr`. */
export type Logs = Readonly<Record<string, number>>;

/** A training run as callbacks see it. */
export interface TrainingRun {
  readonly epochs: number;
  /** Steps of one epoch. */
  readonly steps: number;
  /** Rows of one epoch. */
  readonly samples: number;
  readonly batchSize: number;
  /** Steps between validations within epochs, where there are such. */
  readonly validateEverySteps: number | undefined;
  /** From 0. */
  readonly epoch: number;
  /** Steps done since the run began, over all epochs. */
  readonly step: number;
  /** The logs of each epoch that is done. */
  readonly history: readonly Logs[];
  /** Names of the logs for which larger is better. */
  readonly largerIsBetter: ReadonlySet<string>;
  /** Weights and states as they are now, by name; copies. */
  weights(): Promise<ReadonlyMap<string, Tensor>>;
  /** Puts weights back that `weights()` gave. */
  setWeights(weights: ReadonlyMap<string, Tensor>): Promise<void>;
  /** The learning rate of the next step by the optimizer alone: its number, or what its schedule gives. */
  readonly scheduledLr: number;
  /** A factor of that rate, 1 at first. */
  lrFactor: number;
  /** The learning rate of the next step. */
  readonly lr: number;
  /** Ends the run after the steps under way; it gives the model as it is then. */
  stop(reason: string): void;
  /** The reason it was told to stop. */
  readonly stopped: string | undefined;
  /** Everything needed to go on from here, for ModelCheckpoint. */
  checkpoint(): Promise<Uint8Array>;
  /** The trained network as it is now, as an ONNX file. */
  model(): Promise<Uint8Array>;
}

/**
 * Hooks into a training run. Whoever keeps a state that matters for going on (a patience counter) gives it as JSON, and
 * gets it back when a run is resumed.
 *
 * @example
 * const enough: Callback = {
 *   name: "Enough",
 *   onEpochEnd: (_epoch, { val_accuracy = 0 }, run) => {
 *     if (val_accuracy > 0.99) run.stop("good enough");
 *   },
 * };
 */
export interface Callback {
  /** As messages and checkpoints call it: `EarlyStopping`. */
  readonly name: string;
  /** Told after all others, whose states it looks at. */
  readonly isLast?: boolean;
  onTrainBegin?(run: TrainingRun): void | Promise<void>;
  onEpochBegin?(epoch: number, run: TrainingRun): void | Promise<void>;
  /** Before a step; steps run one by one then, which is slower. */
  onBatchBegin?(step: number, run: TrainingRun): void | Promise<void>;
  /** After a step; told in bunches, several times a second. */
  onBatchEnd?(step: number, logs: Logs, run: TrainingRun): void | Promise<void>;
  /** After some steps, several times a second: logs are means over the epoch so far. */
  onProgress?(logs: Logs, run: TrainingRun): void | Promise<void>;
  /**
   * Each time that validation rows were looked at by steps (`validateEverySteps`): the logs are means over the epoch so far,
   * and `val_loss` and the like of the weights as they are now.
   */
  onValidation?(logs: Logs, run: TrainingRun): void | Promise<void>;
  onEpochEnd?(epoch: number, logs: Logs, run: TrainingRun): void | Promise<void>;
  /** At the end, also after a failure or an abort; `error` says which. */
  onTrainEnd?(run: TrainingRun, error?: unknown): void | Promise<void>;
  state?(): unknown;
  restore?(state: unknown): void;
}
