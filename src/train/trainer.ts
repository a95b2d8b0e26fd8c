/** @file Training: epochs over the rows in chunks of steps, with validation, callbacks, checkpoints, and an end that keeps what was learned. */

import { DataError, ParamError, type Who } from "../errors.js";
import type { Optimizer } from "../optim/optimizer.js";
import type { Tensor } from "../tensor/tensor.js";
import type { Callback, Logs } from "./callback.js";
import type { Checkpoint } from "./checkpoint.js";
import { Engine } from "./engine.js";
import { type Block, runsOf } from "./epoch-plan.js";
import { Feed } from "./feed.js";
import { statCountOf } from "./forward.js";
import { Layout } from "./layout.js";
import { manifestOf, type Problem } from "./problem.js";
import type { RowStore } from "./row-store.js";
import { Run } from "./run.js";

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
    if (options.resume === undefined) await engine.write(layout.first(options.seed, first));
    else await run.resume(options.resume);
    return await new Trainer(options, engine, run).train();
  } finally {
    engine.close();
  }
}

/** The loop over epochs, blocks and chunks of steps. */
class Trainer {
  readonly #options: TrainOptions;
  readonly #engine: Engine;
  readonly #run: Run;
  readonly #feed: Feed;
  /** Milliseconds of one step, as measured. */
  #stepTime: number | undefined;

  constructor(options: TrainOptions, engine: Engine, run: Run) {
    this.#options = options;
    this.#engine = engine;
    this.#run = run;
    const { train: store, seed, shuffle = true } = options;
    this.#feed = new Feed({ store, engine, seed, shuffle, stepRows: options.batchSize * run.batches });
  }

  async train(): Promise<Trained> {
    const { validation } = this.#options;
    const run = this.#run;
    if (validation !== undefined) await this.#engine.load("validation", await validation.read(wholeOf(validation)));
    let failure: unknown;
    try {
      await run.tell((each) => each.onTrainBegin?.(run));
      while (run.epoch < run.epochs && run.stopped === undefined) await this.#trainEpoch();
    } catch (error) {
      failure = error;
      throw error;
    } finally {
      await run.tell((each) => each.onTrainEnd?.(run, failure));
    }
    return { weights: await run.learned(), history: run.history, stopped: run.stopped };
  }

  async #trainEpoch(): Promise<void> {
    const run = this.#run;
    const { epoch } = run;
    if (run.stepInEpoch === 0) {
      run.sums = run.emptySums();
      await run.tell((each) => each.onEpochBegin?.(epoch, run));
    }
    const blocks = this.#feed.blocks(epoch);
    let skip = run.stepInEpoch;
    for (const [number, block] of blocks.entries()) {
      const steps = runsOf(block.rows, run.batchSize, run.batches).reduce((sum, { steps }) => sum + steps, 0);
      if (skip >= steps && number < blocks.length - 1) {
        skip -= steps;
        continue;
      }
      await this.#feed.load(epoch, blocks, number);
      await this.#trainBlock(block, number, skip);
      skip = 0;
      if (run.stopped !== undefined) break;
    }
    const logs = { ...run.sums.logs(), ...(await this.#validate()), lr: run.lr };
    run.history.push(logs);
    run.epoch++;
    run.stepInEpoch = 0;
    await run.tell((each) => each.onEpochEnd?.(epoch, logs, run));
  }

  async #trainBlock(block: Block, number: number, skip: number): Promise<void> {
    const { shuffle = true, callbacks = [], problem } = this.#options;
    const run = this.#run;
    const watched = callbacks.some(({ onBatchBegin }) => onBatchBegin !== undefined);
    const width = statCountOf(problem);
    let skipped = skip;
    for (const { from, steps, batches, batchSize } of runsOf(block.rows, run.batchSize, run.batches)) {
      for (let done = Math.min(skipped, steps); done < steps && run.stopped === undefined; ) {
        const count = watched ? 1 : Math.min(steps - done, this.#chunk());
        if (watched) await run.tell((each) => each.onBatchBegin?.(run.step, run));
        const at = from + done * batches * batchSize;
        const place = { step: run.step, epoch: run.epoch, block: number, from: at, shuffle };
        const started = performance.now();
        const { stats, failed } = await this.#engine.steps(place, { steps: count, batches, batchSize }, run.lrFactor);
        const trained = stats.length / (width * batches);
        this.#stepTime = (performance.now() - started) / trained;
        for (let i = 0; i < stats.length; i += width) run.sums.add(stats.subarray(i, i + width));
        done += trained;
        run.stepInEpoch += trained;
        run.step += trained;
        if (failed) throw this.#notFinite();
        await this.#report(stats, width, batches);
      }
      skipped = Math.max(0, skipped - steps);
    }
  }

  async #report(stats: Float32Array, width: number, batches: number): Promise<void> {
    const run = this.#run;
    const { callbacks = [] } = this.#options;
    const steps = stats.length / (width * batches);
    if (callbacks.some(({ onBatchEnd }) => onBatchEnd !== undefined)) {
      for (let i = 0; i < steps; i++) {
        const sums = run.emptySums();
        for (let j = i * batches; j < (i + 1) * batches; j++) sums.add(stats.subarray(j * width, (j + 1) * width));
        const logs = { ...sums.logs(), lr: run.lr };
        await run.tell((each) => each.onBatchEnd?.(run.step - steps + i, logs, run));
      }
    }
    const logs = { ...run.sums.logs(), lr: run.lr };
    await run.tell((each) => each.onProgress?.(logs, run));
  }

  async #validate(): Promise<Logs> {
    const { validation } = this.#options;
    const run = this.#run;
    if (validation === undefined || validation.rows === 0) return {};
    const weights = await run.learned();
    const sums = run.emptySums();
    const size = Math.min(validation.rows, Math.max(run.batchSize, 256));
    for (const stats of await this.#engine.evaluate("validation", validation.rows, size, weights)) sums.add(stats);
    return sums.logs("val_");
  }

  /** Steps of the next call: few at first, then as many as the time of a report allows. */
  #chunk(): number {
    if (this.#stepTime === undefined) return 1;
    return Math.max(1, Math.round(chunkTime / this.#stepTime));
  }

  #notFinite(): DataError {
    const { step, epoch, lr } = this.#run;
    return new DataError(
      this.#options.who,
      `the loss is no longer a finite number at step ${step} (epoch ${epoch + 1}), with learning rate ${lr}; lower it, clip the gradients (globalClipNorm: 1), or look for extreme values in the data`,
      { code: "NOT_FINITE", step, lr },
    );
  }
}

function wholeOf({ segments }: RowStore) {
  return segments.map((rows, segment) => ({ segment, from: 0, to: rows }));
}
