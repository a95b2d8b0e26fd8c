/** @file A training run by hand: epochs with given logs, hooks in the engine's order. For tests of callbacks. */

import { Tensor } from "../src/tensor/tensor.js";
import type { Callback, Logs, TrainingRun } from "../src/train/callback.js";

export class HandMadeRun implements TrainingRun {
  readonly epochs: number;
  readonly steps = 4;
  readonly samples = 100;
  readonly batchSize = 25;
  readonly validateEverySteps = undefined;
  readonly history: Logs[] = [];
  readonly largerIsBetter: ReadonlySet<string> = new Set(["accuracy", "val_accuracy"]);
  readonly scheduledLr = 0.1;
  epoch = 0;
  step = 0;
  lrFactor = 1;
  stopped: string | undefined;
  /** The only weight; training makes it the number of steps done. */
  weight = 0;
  /** Learning rates at the end of each epoch. */
  readonly rates: number[] = [];
  readonly #logs: readonly Logs[];
  readonly #callbacks: readonly Callback[];

  constructor(logs: readonly Logs[], callbacks: readonly Callback[]) {
    this.#logs = logs;
    this.#callbacks = callbacks;
    this.epochs = logs.length;
  }

  get lr(): number {
    return this.scheduledLr * this.lrFactor;
  }

  /** @param until epochs after which it pretends to have been killed */
  async go({ until = this.epochs, error }: { readonly until?: number; readonly error?: unknown } = {}): Promise<this> {
    await this.#tell((each) => each.onTrainBegin?.(this));
    while (this.epoch < until && this.stopped === undefined) {
      const { epoch } = this;
      const logs = this.#logs[epoch]!;
      await this.#tell((each) => each.onEpochBegin?.(epoch, this));
      for (let i = 0; i < this.steps; i++) {
        this.step++;
        this.weight++;
        await this.#tell((each) => each.onBatchEnd?.(this.step - 1, { loss: logs.loss! }, this));
        await this.#tell((each) => each.onProgress?.({ loss: logs.loss! }, this));
      }
      this.history.push(logs);
      this.epoch++;
      await this.#tell((each) => each.onEpochEnd?.(epoch, logs, this));
      this.rates.push(this.lr);
    }
    if (until === this.epochs) await this.#tell((each) => each.onTrainEnd?.(this, error));
    return this;
  }

  /** A run that goes on where this one is, with callbacks of its own. */
  resumed(callbacks: readonly Callback[]): HandMadeRun {
    const run = new HandMadeRun(this.#logs, callbacks);
    Object.assign(run, { epoch: this.epoch, step: this.step, lrFactor: this.lrFactor, weight: this.weight });
    run.history.push(...this.history);
    callbacks.forEach((each, i) => {
      const state = this.#callbacks[i]!.state?.();
      if (state !== undefined) each.restore?.(JSON.parse(JSON.stringify(state)));
    });
    return run;
  }

  async weights(): Promise<ReadonlyMap<string, Tensor>> {
    return new Map([["dense/kernel", new Tensor("float32", Float32Array.of(this.weight, -1), [1, 2])]]);
  }

  async setWeights(weights: ReadonlyMap<string, Tensor>): Promise<void> {
    this.weight = Number(weights.get("dense/kernel")!.data[0]);
  }

  stop(reason: string): void {
    this.stopped ??= reason;
  }

  checkpoint = async (): Promise<Uint8Array> => new TextEncoder().encode(`checkpoint at ${this.step}`);
  model = async (): Promise<Uint8Array> => new TextEncoder().encode(`model at ${this.step}`);

  async #tell(what: (callback: Callback) => void | Promise<void>): Promise<void> {
    for (const callback of this.#callbacks) await what(callback);
  }
}

/** Logs of epochs with these losses of validation. */
export function losses(...values: number[]): Logs[] {
  return values.map((value) => ({ loss: value / 2, val_loss: value, val_accuracy: 1 - value }));
}
