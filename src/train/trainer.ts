/** @file Training: epochs over the rows in chunks of steps, with validation, callbacks, checkpoints, and an end that keeps what was learned. */

import { availableParallelism } from "node:os";
import { setImmediate as nextTurn } from "node:timers/promises";
import { DataError, messageOf, ParamError, type Who } from "../errors.js";
import type { Optimizer } from "../optim/optimizer.js";
import type { Device } from "../runtime/device.js";
import { openSession } from "../runtime/session.js";
import type { Tensor } from "../tensor/tensor.js";
import { Asset } from "../util/asset.js";
import { Builder } from "./builder.js";
import type { Callback, Logs } from "./callback.js";
import type { Checkpoint } from "./checkpoint.js";
import { CheckpointFolder } from "./checkpoint-folder.js";
import { Engine } from "./engine.js";
import { resultRows } from "./frozen-cache.js";
import { Layout } from "./layout.js";
import { requireWeightMemory } from "./memory.js";
import { type Manifest, manifestOf, type Problem } from "./problem.js";
import type { RowStore } from "./row-store.js";
import { Run } from "./run.js";
import { shardsOf } from "./shards.js";
import { TrainingLoop } from "./training-loop.js";

export interface TrainOptions {
  readonly who: Who;
  readonly problem: Problem;
  /** Of the problem, where it is known already: finding it takes a while for large networks. */
  readonly manifest?: Manifest | undefined;
  readonly optimizer: Optimizer;
  /** Rows to learn from; those in memory are moved to where training goes on, so the store is good for one run. */
  readonly train: RowStore;
  readonly validation?: RowStore | undefined;
  /** Steps between two validations within epochs; each epoch ends with one anyway. */
  readonly validateEverySteps?: number | undefined;
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
  /** Threads that share each step, a divisor of `batchSize`; default by the sizes of network and batch, see shards.ts. */
  readonly shards?: number;
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

/**
 * Trains a network.
 *
 * @throws ShapeError where layers do not fit; DataError without rows, EngineError where a step would take more
 * memory than there is, with its largest tensor; the signal's reason where it is aborted before the first step;
 * TrainingError<Trained> where it is aborted later, or the loss is no longer finite: then it says the step, the learning
 * rate and the largest gradient, and gives the weights of the last step with a finite loss.
 */
export async function train(options: TrainOptions): Promise<Trained> {
  if (options.train.rows === 0) {
    throw new DataError(options.who, "there are no rows to train on; check the filter before it", { code: "NO_ROWS" });
  }
  const { manifest: whole = manifestOf(options.problem) } = options;
  await nextTurn();
  const { recompute = false, who, problem, seed, optimizer, weights, memoryLimit, device = "cpu" } = options;
  const slots = Object.keys(optimizer.slots).length;
  if (whole.weights.length > 0) {
    requireWeightMemory(whole.weights, slots, who, memoryLimit ?? process.availableMemory());
  }
  const builder = new Builder({ who, problem, optimizer, seed, recompute, weights, memoryLimit }, whole);
  try {
    const first = await builder.draw();
    const work = await withoutFrozen(options, builder, whole);
    try {
      const { form, manifest } = work;
      const layout = new Layout(manifest.weights, manifest.states, optimizer, !recompute);
      if (layout.groups.length === 0) {
        throw new ParamError(who, "no weight of the network can be trained; unfreeze a layer or add one");
      }
      const sizes = { form, manifest, layout, batchSize: options.batchSize, recompute, device };
      const { shards = shardsOf({ ...sizes, threads: availableParallelism() }) } = options;
      const engine = await Engine.open({ form, layout, builder, seed, device, shards });
      try {
        const run = new Run(options, layout, engine, first);
        const folder = await folderOf(options);
        const start = typeof options.resume === "object" ? options.resume : await folder?.newest();
        if (start === undefined) await engine.write(await layout.first(seed, first));
        else await run.resume(start);
        const loop = new TrainingLoop({ ...options, ...work }, engine, run, folder);
        return await loop.train().catch((error) => Promise.reject(explained(error, who)));
      } finally {
        await engine.close();
      }
    } finally {
      await work.close();
    }
  } finally {
    builder.close();
  }
}

/** A number without a row in a table, which only the runtime sees, told in words of the data. */
function explained(error: unknown, who: Who): unknown {
  const found =
    /(?:bounds, idx=|asked for (?:row |a row ))(-?\d+|below 0)(?: must be within the inclusive range \[-\d+,|; .* go from 0 to )(\d+)/.exec(
      messageOf(error),
    );
  if (found === null) return error;
  const fed = /^[-b]/.test(found[1]!) ? "a number below 0" : found[1];
  const message = `an Embedding was fed ${fed}, but its numbers go from 0 to ${found[2]}; make its inputDim larger, or check the column`;
  return new DataError(who, message, { code: "OUT_OF_RANGE", cause: error });
}

/** What is left to do where the frozen part's results are kept: rows of results, of another form. */
async function withoutFrozen(options: TrainOptions, builder: Builder, whole: Manifest) {
  const { problem, train, validation, signal, device = "cpu", cacheFrozen = true } = options;
  const count = train.rows + (validation?.rows ?? 0);
  const isPartlyFrozen = whole.weights.some(({ name, trainable }) => !trainable && !whole.states.has(name));
  const split = cacheFrozen && isPartlyFrozen ? await builder.split(count) : undefined;
  const stores: RowStore[] = [];
  const close = async () => void (await Promise.all(stores.map((store) => store.close())));
  if (split === undefined) return { form: problem, manifest: whole, train, validation, cachedRows: 0, close };
  const { graph, form } = split;
  const specs = new Map(whole.weights.map((spec) => [spec.name, spec]));
  const manifest: Manifest = { ...split.manifest, weights: split.manifest.weights.map((name) => specs.get(name)!) };
  const frozen = new Asset(graph.bytes, graph.sha256);
  const session = await openSession(frozen, { name: "frozen part", threads: 1, device });
  const results = async (store: RowStore) => {
    const found = await resultRows(session, problem.inputs, split, store, signal);
    stores.push(found);
    return found;
  };
  try {
    const rows = { train: await results(train), validation: validation && (await results(validation)) };
    // what is trained on are the results
    await train.close();
    await validation?.close();
    return { form, manifest, ...rows, cachedRows: count, close };
  } catch (error) {
    await close();
    throw error;
  } finally {
    await session.close();
  }
}

async function folderOf({ checkpointDir, resume, who }: TrainOptions): Promise<CheckpointFolder | undefined> {
  if (checkpointDir === undefined) return undefined;
  const folder = new CheckpointFolder(checkpointDir, who);
  if (resume === false) await folder.clear();
  return folder;
}
