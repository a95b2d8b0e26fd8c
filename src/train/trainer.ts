/** @file Training: epochs over the rows in chunks of steps, with validation, callbacks, checkpoints, and an end that keeps what was learned. */

import { setImmediate as nextTurn } from "node:timers/promises";
import { DataError, ParamError, type Who } from "../errors.js";
import { lrAt, type Optimizer } from "../optim/optimizer.js";
import type { Device } from "../runtime/device.js";
import { sizeOf } from "../tensor/shape.js";
import type { Tensor } from "../tensor/tensor.js";
import type { Callback, Logs } from "./callback.js";
import type { Checkpoint } from "./checkpoint.js";
import { CheckpointFolder } from "./checkpoint-folder.js";
import { Engine } from "./engine.js";
import { type Block, runsOf } from "./epoch-plan.js";
import { Feed } from "./feed.js";
import { statCountOf } from "./forward.js";
import { frozenCache } from "./frozen-cache.js";
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
  /**
   * Folder where the run is saved as it goes: after each epoch, every `checkpointSeconds`, and when it is aborted. A run
   * that is killed and started again with the same options ends with the very same weights.
   */
  readonly checkpointDir?: string | undefined;
  /**
   * Whether the results of layers before the first that is trained are computed once per row and kept, where nothing before
   * them is random: in memory and in a file as the rows are. Default true.
   */
  readonly cacheFrozen?: boolean;
  /**
   * Whether most results of layers are computed a second time for the gradients instead of kept (gradient checkpointing): a
   * third more time, and far less memory for deep networks. Default false.
   */
  readonly recompute?: boolean;
  /** Where steps run; default "cpu". */
  readonly device?: Device;
  /** Bytes that a step may take, by estimate; default what the machine has free. */
  readonly memoryLimit?: number;
  /** Default 60. */
  readonly checkpointSeconds?: number;
  /** A checkpoint to go on from; true, the default, takes the newest in `checkpointDir`, false begins anew and empties it. */
  readonly resume?: Checkpoint | boolean | undefined;
  /** Ends the run after the steps under way. */
  readonly signal?: AbortSignal | undefined;
  /** What an abort gives: the signal's reason as an error, or ("keep") what was learned so far. Default "throw". */
  readonly onAbort?: "throw" | "keep";
}

export interface Trained {
  /** All weights and states by name; averaged where the optimizer keeps an average. */
  readonly weights: ReadonlyMap<string, Tensor>;
  /** The logs of each epoch. */
  readonly history: readonly Logs[];
  /** Rows of which the frozen part's results were computed once and kept. */
  readonly cachedRows: number;
  /** Why it ended before its epochs were done. */
  readonly stopped: string | undefined;
}

/** Milliseconds that a call should take: several reports a second, and little time between calls. */
const chunkTime = 120;

/**
 * Trains a network.
 *
 * @throws ShapeError where layers do not fit; DataError without rows, EngineError where a step would take more
 * memory than there is, with its largest tensor; DataError where the loss is no longer finite: it says the
 * step, the learning rate and the largest gradient, and its field `weights` holds those before that step; the signal's reason.
 */
export async function train(options: TrainOptions): Promise<Trained> {
  if (options.train.rows === 0) {
    throw new DataError(options.who, "there are no rows to train on; check the filter before it", { code: "NO_ROWS" });
  }
  const { weights } = manifestOf(options.problem);
  const first = new Map<string, Tensor>();
  for (const spec of weights) {
    first.set(spec.name, options.weights?.get(spec.name) ?? spec.initial(options.seed));
    // drawing millions of numbers takes a while
    if (sizeOf(spec.shape) > 2 ** 16) await nextTurn();
  }
  const work = await withoutFrozen(options, first);
  try {
    const { problem } = work;
    const { recompute = false, who, seed, memoryLimit, device = "cpu" } = options;
    const rest = manifestOf(problem);
    const layout = new Layout(rest.weights, rest.states, options.optimizer, !recompute);
    if (layout.groups.length === 0) {
      throw new ParamError(options.who, "no weight of the network can be trained; unfreeze a layer or add one");
    }
    const engine = await Engine.open({ problem, layout, values: first, seed, recompute, who, memoryLimit, device });
    try {
      const run = new Run(options, layout, engine, first);
      const folder = await folderOf(options);
      const start = typeof options.resume === "object" ? options.resume : await folder?.newest();
      if (start === undefined) await engine.write(layout.first(options.seed, first), true);
      else await run.resume(start);
      return {
        ...(await new Trainer({ ...options, ...work }, engine, run, folder).train()),
        cachedRows: work.cachedRows,
      };
    } finally {
      engine.close();
    }
  } finally {
    await work.close();
  }
}

/** What is left to do where the frozen part's results are kept: a smaller problem, on rows of results. */
async function withoutFrozen(options: TrainOptions, first: ReadonlyMap<string, Tensor>) {
  const { problem, train, validation, signal, cacheFrozen = true } = options;
  const count = train.rows + (validation?.rows ?? 0);
  const cache = cacheFrozen ? await frozenCache(problem, first, count, options.device) : undefined;
  const stores: RowStore[] = [];
  const close = async () => void (await Promise.all(stores.map((store) => store.close())));
  if (cache === undefined) return { problem, train, validation, cachedRows: 0, close };
  const results = async (store: RowStore) => {
    const found = await cache.rows(store, signal);
    stores.push(found);
    return found;
  };
  try {
    const rows = { train: await results(train), validation: validation && (await results(validation)) };
    return { problem: cache.problem, ...rows, cachedRows: count, close };
  } catch (error) {
    await close();
    throw error;
  } finally {
    await cache.close();
  }
}

async function folderOf({ checkpointDir, resume, who }: TrainOptions): Promise<CheckpointFolder | undefined> {
  if (checkpointDir === undefined) return undefined;
  const folder = new CheckpointFolder(checkpointDir, who);
  if (resume === false) await folder.clear();
  return folder;
}

/** The loop over epochs, blocks and chunks of steps. */
class Trainer {
  readonly #options: TrainOptions;
  readonly #engine: Engine;
  readonly #run: Run;
  readonly #feed: Feed;
  readonly #heldOut: Feed | undefined;
  readonly #folder: CheckpointFolder | undefined;
  /** Milliseconds of one step, as measured. */
  #stepTime: number | undefined;
  /** When the run was saved. */
  #saved = performance.now();

  constructor(options: TrainOptions, engine: Engine, run: Run, folder: CheckpointFolder | undefined) {
    this.#options = options;
    this.#engine = engine;
    this.#run = run;
    this.#folder = folder;
    const { train: store, seed, shuffle = true } = options;
    this.#feed = new Feed({ set: "train", store, engine, seed, shuffle, stepRows: options.batchSize * run.batches });
    const { validation } = options;
    this.#heldOut =
      validation && new Feed({ set: "validation", store: validation, engine, seed, shuffle: false, stepRows: 1 });
  }

  async train(): Promise<Omit<Trained, "cachedRows">> {
    const run = this.#run;
    let failure: unknown;
    try {
      await run.tell((each) => each.onTrainBegin?.(run));
      while (run.epoch < run.epochs && run.stopped === undefined) await this.#trainEpoch();
    } catch (error) {
      failure = await this.#aborted(error);
      if (failure !== undefined) throw failure;
    } finally {
      await run.tell((each) => each.onTrainEnd?.(run, failure));
    }
    return { weights: await run.learned(), history: run.history, stopped: run.stopped };
  }

  /** What an error that ended the loop is to the caller: nothing where it is an abort that keeps what was learned. */
  async #aborted(error: unknown): Promise<unknown> {
    const { signal, onAbort = "throw" } = this.#options;
    if (!signal?.aborted || error !== signal.reason) return error;
    this.#run.isAborted = true;
    await this.#save();
    if (onAbort === "throw") return error;
    this.#run.stop("aborted");
    return undefined;
  }

  async #save(): Promise<void> {
    if (this.#folder === undefined) return;
    await this.#folder.save(this.#run.step, await this.#run.checkpoint());
    this.#saved = performance.now();
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
    await this.#save();
  }

  async #trainBlock(block: Block, number: number, skip: number): Promise<void> {
    const { shuffle = true, callbacks = [], problem, signal, checkpointSeconds = 60 } = this.#options;
    const run = this.#run;
    const watched = callbacks.some(({ onBatchBegin }) => onBatchBegin !== undefined);
    const width = statCountOf(problem);
    let skipped = skip;
    for (const { from, steps, batches, batchSize } of runsOf(block.rows, run.batchSize, run.batches)) {
      for (let done = Math.min(skipped, steps); done < steps && run.stopped === undefined; ) {
        signal?.throwIfAborted();
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
        if (failed) {
          const at = { ...place, step: run.step - 1, from: place.from + (trained - 1) * batches * batchSize };
          throw await this.#notFinite(await this.#engine.gradients(at, { batches, batchSize }));
        }
        await this.#report(stats, width, batches);
        if (performance.now() - this.#saved > 1000 * checkpointSeconds) await this.#save();
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
    const { validation, signal } = this.#options;
    const run = this.#run;
    if (validation === undefined || this.#heldOut === undefined || validation.rows === 0) return {};
    const weights = await run.learned();
    const sums = run.emptySums();
    const blocks = this.#heldOut.blocks(0);
    for (const [number, { rows }] of blocks.entries()) {
      await this.#heldOut.load(0, blocks, number);
      const size = Math.min(rows, Math.max(run.batchSize, 256));
      for (const stats of await this.#engine.evaluate("validation", rows, size, weights, signal)) sums.add(stats);
    }
    return sums.logs("val_");
  }

  /** Steps of the next call: few at first, then as many as the time of a report allows. */
  #chunk(): number {
    if (this.#stepTime === undefined) return 1;
    return Math.max(1, Math.round(chunkTime / this.#stepTime));
  }

  /** @param gradients the largest of each weight in the step that failed */
  async #notFinite(gradients: ReadonlyMap<string, number>): Promise<DataError> {
    const { epoch } = this.#run;
    const step = this.#run.step - 1;
    const lr = lrAt(this.#options.optimizer, step) * this.#run.lrFactor;
    const size = ([, gradient]: readonly [string, number]) => (Number.isNaN(gradient) ? Infinity : gradient);
    const [weight, gradient] = [...gradients].reduce((most, each) => (size(each) > size(most) ? each : most));
    return new DataError(
      this.#options.who,
      `the loss is no longer a finite number at step ${step + 1} (epoch ${epoch + 1}), with learning rate ${lr} and ${gradient} as the largest gradient, that of "${weight}"; lower the learning rate, clip the gradients (globalClipNorm: 1), or look for extreme values in the data`,
      { code: "NOT_FINITE", step: step + 1, lr, weight, gradient, gradients, weights: await this.#run.learned() },
    );
  }
}
