/** @file Training: epochs over the rows in chunks of steps, with validation, callbacks, checkpoints, and an end that keeps what was learned. */

import { DataError, ParamError, type Who } from "../errors.js";
import type { Optimizer } from "../optim/optimizer.js";
import { lrAt } from "../optim/optimizer.js";
import type { Tensor } from "../tensor/tensor.js";
import type { Callback, Logs, TrainingRun } from "./callback.js";
import { type Checkpoint, encodeCheckpoint } from "./checkpoint.js";
import { Engine } from "./engine.js";
import { type Block, blocksOf, runsOf } from "./epoch-plan.js";
import { statCountOf } from "./forward.js";
import { Layout } from "./layout.js";
import { inferenceGraph, manifestOf, type Problem } from "./problem.js";
import type { RowStore } from "./row-store.js";
import { Sums } from "./sums.js";

export interface TrainOptions {
  readonly who: Who;
  readonly problem: Problem;
  readonly optimizer: Optimizer;
  readonly train: RowStore;
  readonly validation?: RowStore | undefined;
  readonly epochs: number;
  readonly batchSize: number;
  readonly shuffle?: boolean;
  readonly seed: number;
  readonly callbacks?: readonly Callback[];
  /** First values of weights, by name; those that are missing are drawn. */
  readonly weights?: ReadonlyMap<string, Tensor>;
  readonly resume?: Checkpoint | undefined;
  /** Ends the run; `keep` says whether it gives what was learned instead of the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

export interface Trained {
  /** Weights and states by name; averaged where the optimizer keeps an average. */
  readonly weights: ReadonlyMap<string, Tensor>;
  /** The logs of each epoch. */
  readonly history: readonly Logs[];
  /** Why it ended before its epochs were done. */
  readonly stopped: string | undefined;
}

/** Bytes of rows that the training thread holds at once where not all of them fit. */
const blockBytes = 64 * 2 ** 20;

/** Milliseconds that a call should take: several reports a second, and little time between calls. */
const chunkTime = 120;

/**
 * Trains a network.
 *
 * @throws ShapeError where layers do not fit; DataError without rows, and where the loss is no longer finite: it says the
 * step, the learning rate and the largest gradient; the signal's reason.
 */
export async function train(options: TrainOptions): Promise<Trained> {
  if (options.train.rows === 0) {
    throw new DataError(options.who, "there are no rows to train on; check the filter before it", { code: "NO_ROWS" });
  }
  const { problem, optimizer } = options;
  const { weights, states } = manifestOf(problem);
  const layout = new Layout(weights, states, optimizer);
  if (layout.groups.length === 0) {
    throw new ParamError(options.who, "no weight of the network can be trained; unfreeze a layer or add one");
  }
  const first = new Map(
    weights.map((spec) => [spec.name, options.weights?.get(spec.name) ?? spec.initial(options.seed)]),
  );
  const engine = await Engine.open({ problem, layout, values: first, seed: options.seed, signal: options.signal });
  const run = new Run(options, layout, engine, first);
  try {
    return await run.train();
  } finally {
    engine.close();
  }
}

class Run implements TrainingRun {
  readonly epochs: number;
  readonly samples: number;
  readonly batchSize: number;
  readonly history: Logs[] = [];
  readonly largerIsBetter: ReadonlySet<string>;
  lrFactor = 1;
  epoch = 0;
  step = 0;
  stopped: string | undefined;
  readonly #options: TrainOptions;
  readonly #layout: Layout;
  readonly #engine: Engine;
  readonly #first: ReadonlyMap<string, Tensor>;
  readonly #callbacks: readonly Callback[];
  readonly #batches: number;
  readonly #problemKey: string;
  #stepInEpoch = 0;
  #sums: Sums;
  /** Milliseconds of one step, as measured. */
  #stepTime: number | undefined;

  constructor(options: TrainOptions, layout: Layout, engine: Engine, first: ReadonlyMap<string, Tensor>) {
    this.#options = options;
    this.#layout = layout;
    this.#engine = engine;
    this.#first = first;
    this.#callbacks = options.callbacks ?? [];
    this.#batches = options.optimizer.params.gradientAccumulationSteps;
    this.epochs = options.epochs;
    this.samples = options.train.rows;
    this.batchSize = options.batchSize;
    this.#sums = this.#emptySums();
    this.#problemKey = JSON.stringify(layout.parts);
    const better = options.problem.heads.flatMap(({ metrics, output }) =>
      metrics.filter(({ isLargerBetter }) => isLargerBetter).flatMap(({ name }) => [name, `${output}_${name}`]),
    );
    this.largerIsBetter = new Set(better.flatMap((name) => [name, `val_${name}`]));
  }

  get steps(): number {
    return runsOf(this.samples, this.batchSize, this.#batches).reduce((sum, { steps }) => sum + steps, 0);
  }

  get lr(): number {
    return lrAt(this.#options.optimizer, this.step) * this.lrFactor;
  }

  stop(reason: string): void {
    this.stopped ??= reason;
  }

  async train(): Promise<Trained> {
    const { resume, seed, validation } = this.#options;
    if (resume === undefined) await this.#engine.write(this.#layout.first(seed, this.#first));
    else await this.#resume(resume);
    if (validation !== undefined) await this.#engine.load("validation", await validation.read(wholeOf(validation)));
    let failure: unknown;
    try {
      await this.#tell((each) => each.onTrainBegin?.(this));
      while (this.epoch < this.epochs && this.stopped === undefined) await this.#trainEpoch();
    } catch (error) {
      failure = error;
      throw error;
    } finally {
      await this.#tell((each) => each.onTrainEnd?.(this, failure));
    }
    return { weights: await this.#averaged(), history: this.history, stopped: this.stopped };
  }

  async #trainEpoch(): Promise<void> {
    const { epoch } = this;
    if (this.#stepInEpoch === 0) {
      this.#sums = this.#emptySums();
      await this.#tell((each) => each.onEpochBegin?.(epoch, this));
    }
    const blocks = this.#blocks();
    let skip = this.#stepInEpoch;
    for (const [number, block] of blocks.entries()) {
      const steps = runsOf(block.rows, this.batchSize, this.#batches).reduce((sum, run) => sum + run.steps, 0);
      if (skip >= steps && number < blocks.length - 1) {
        skip -= steps;
        continue;
      }
      await this.#loadBlock(blocks, number);
      await this.#trainBlock(block, number, skip);
      skip = 0;
      if (this.stopped !== undefined) break;
    }
    const logs = { ...this.#sums.logs(), ...(await this.#validate()), lr: this.lr };
    this.history.push(logs);
    this.epoch++;
    this.#stepInEpoch = 0;
    await this.#tell((each) => each.onEpochEnd?.(epoch, logs, this));
  }

  async #trainBlock(block: Block, number: number, skip: number): Promise<void> {
    const { shuffle = true } = this.#options;
    const watched = this.#callbacks.some(({ onBatchBegin }) => onBatchBegin !== undefined);
    let skipped = skip;
    for (const { from, steps, batches, batchSize } of runsOf(block.rows, this.batchSize, this.#batches)) {
      for (let done = Math.min(skipped, steps); done < steps && this.stopped === undefined; ) {
        const count = watched ? 1 : Math.min(steps - done, this.#chunk());
        if (watched) await this.#tell((each) => each.onBatchBegin?.(this.step, this));
        const at = from + done * batches * batchSize;
        const place = { step: this.step, epoch: this.epoch, block: number, from: at, shuffle };
        const started = performance.now();
        const { stats, failed } = await this.#engine.steps(place, { steps: count, batches, batchSize }, this.lrFactor);
        const width = statCountOf(this.#options.problem);
        const trained = stats.length / (width * batches);
        this.#stepTime = (performance.now() - started) / trained;
        for (let i = 0; i < stats.length; i += width) this.#sums.add(stats.subarray(i, i + width));
        done += trained;
        this.#stepInEpoch += trained;
        this.step += trained;
        if (failed) throw this.#notFinite();
        await this.#report(stats, width * batches);
      }
      skipped = Math.max(0, skipped - steps);
    }
  }

  async #report(stats: Float32Array, width: number): Promise<void> {
    const steps = stats.length / width;
    if (this.#callbacks.some(({ onBatchEnd }) => onBatchEnd !== undefined)) {
      for (let i = 0; i < steps; i++) {
        const sums = this.#emptySums();
        const each = statCountOf(this.#options.problem);
        for (let at = i * width; at < (i + 1) * width; at += each) sums.add(stats.subarray(at, at + each));
        const logs = { ...sums.logs(), lr: this.lr };
        await this.#tell((callback) => callback.onBatchEnd?.(this.step - steps + i, logs, this));
      }
    }
    const logs = { ...this.#sums.logs(), lr: this.lr };
    await this.#tell((each) => each.onProgress?.(logs, this));
  }

  async #validate(): Promise<Logs> {
    const { validation } = this.#options;
    if (validation === undefined || validation.rows === 0) return {};
    const weights = await this.#averaged();
    const sums = this.#emptySums();
    const size = Math.min(validation.rows, Math.max(this.batchSize, 256));
    for (const stats of await this.#engine.evaluate("validation", validation.rows, size, weights)) sums.add(stats);
    return sums.logs("val_");
  }

  /** Steps of the next call: few at first, then as many as the time of a report allows. */
  #chunk(): number {
    if (this.#stepTime === undefined) return 1;
    return Math.max(1, Math.round(chunkTime / this.#stepTime));
  }

  #blocks(): Block[] {
    const { train: store, seed, shuffle = true } = this.#options;
    const blockRows = store.isResident
      ? Number.POSITIVE_INFINITY
      : Math.max(1, Math.floor(blockBytes / store.rowBytes));
    const stepRows = this.batchSize * this.#batches;
    return blocksOf(store.segments, { blockRows, stepRows, shuffle, seed, epoch: this.epoch });
  }

  #loaded: Block | undefined;
  #next: { readonly key: string; readonly rows: ReturnType<RowStore["read"]> } | undefined;

  /** Loads a block unless it is there, and begins to read the one after it. */
  async #loadBlock(blocks: readonly Block[], number: number): Promise<void> {
    const { train: store } = this.#options;
    const block = blocks[number]!;
    const isWhole = blocks.length === 1;
    if (isWhole && this.#loaded !== undefined) return;
    const key = `${this.epoch} ${number}`;
    const rows = this.#next?.key === key ? await this.#next.rows : await store.read(block.pieces);
    await this.#engine.load("train", rows);
    this.#loaded = block;
    const after = blocks[number + 1];
    if (after === undefined) return;
    const reading = store.read(after.pieces);
    // a failure is told when its turn comes
    reading.catch(() => {});
    this.#next = { key: `${this.epoch} ${number + 1}`, rows: reading };
  }

  async weights(): Promise<ReadonlyMap<string, Tensor>> {
    return this.#layout.weightsIn(await this.#engine.read());
  }

  async #averaged(): Promise<ReadonlyMap<string, Tensor>> {
    return this.#layout.weightsIn(await this.#engine.read(), true);
  }

  async setWeights(weights: ReadonlyMap<string, Tensor>): Promise<void> {
    const values = await this.#engine.read();
    for (const [name, value] of this.#layout.first(this.#options.seed, weights)) {
      // slots stay as they are, but for the average, which begins anew
      if (!values.has(name) || !isSlot(this.#layout, name)) values.set(name, value);
    }
    await this.#engine.write(values);
  }

  async model(): Promise<Uint8Array> {
    const weights = new Map([...this.#first, ...(await this.#averaged())]);
    return inferenceGraph(this.#options.problem, weights).toBytes();
  }

  async checkpoint(): Promise<Uint8Array> {
    const states = this.#callbacks.flatMap((each, i) => (each.state ? [[`${i} ${each.name}`, each.state()]] : []));
    return encodeCheckpoint({
      tensors: await this.#engine.read(),
      progress: {
        seed: this.#options.seed,
        fingerprint: this.#options.train.fingerprint(),
        problem: this.#problemKey,
        epoch: this.epoch,
        stepInEpoch: this.#stepInEpoch,
        step: this.step,
        lrFactor: this.lrFactor,
        sums: this.#sums.toJSON(),
        history: this.history,
        callbacks: Object.fromEntries(states) as Record<string, unknown>,
      },
    });
  }

  async #resume({ tensors, progress }: Checkpoint): Promise<void> {
    const { who, seed, train: store } = this.#options;
    const differs = (what: string, mend: string) =>
      new DataError(who, `the checkpoint is of another run: ${what} changed since; ${mend}, or set resume: false`, {
        code: "CHECKPOINT",
      });
    if (progress.problem !== this.#problemKey)
      throw differs("the network or the optimizer", "take those it was made with");
    if (progress.seed !== seed) throw differs(`the seed (${progress.seed} then, ${seed} now)`, "take the same one");
    if (progress.fingerprint !== store.fingerprint()) {
      throw differs("the rows, or their order,", "train on the same data in a fixed order, as with orderBy");
    }
    await this.#engine.write(tensors);
    this.epoch = progress.epoch;
    this.step = progress.step;
    this.#stepInEpoch = progress.stepInEpoch;
    this.lrFactor = progress.lrFactor;
    this.#sums = new Sums(this.#options.problem, statCountOf(this.#options.problem), progress.sums);
    this.history.push(...progress.history);
    for (const [i, each] of this.#callbacks.entries()) {
      const state = progress.callbacks[`${i} ${each.name}`];
      if (state !== undefined) each.restore?.(state);
    }
  }

  #notFinite(): DataError {
    const at = `step ${this.step} (epoch ${this.epoch + 1})`;
    return new DataError(
      this.#options.who,
      `the loss is no longer a finite number at ${at}, with learning rate ${this.lr}; lower it, clip the gradients (globalClipNorm: 1), or look for extreme values in the data`,
      { code: "NOT_FINITE", step: this.step, lr: this.lr },
    );
  }

  #emptySums(): Sums {
    const { problem } = this.#options;
    return new Sums(problem, statCountOf(problem));
  }

  async #tell(what: (callback: Callback) => void | Promise<void>): Promise<void> {
    for (const callback of this.#callbacks) await what(callback);
  }
}

function isSlot({ slots }: Layout, name: string): boolean {
  return slots.some((slot) => slot !== "ema" && name.startsWith(`${slot}/`));
}

function wholeOf({ segments }: RowStore) {
  return segments.map((rows, segment) => ({ segment, from: 0, to: rows }));
}
