/** @file What a pool thread does for a training run: holds the data and the carried tensors, and runs the graphs. */

import { EngineError } from "../errors.js";
import { Graph } from "../graph/graph.js";
import { fitToMachine } from "../runtime/blocked.js";
import type { ThreadContext } from "../runtime/context.js";
import type { Device } from "../runtime/device.js";
import { openSession, type Session } from "../runtime/session.js";
import { Tensor } from "../tensor/tensor.js";
import { Asset } from "../util/asset.js";
import { BatchBuffers } from "./batch-buffers.js";
import { orderOf } from "./epoch-plan.js";
import { dataInput, type Field } from "./problem.js";
import { RandomFeeds } from "./random-feeds.js";
import type { Rows } from "./resident-rows.js";
import { type Share, Sharer } from "./shared-steps.js";

/** A graph as a message. */
export interface WireProgram {
  readonly graph: Pick<Asset, "bytes" | "sha256">;
  readonly batchSize: number;
  readonly batches: number;
  readonly randomSizes: { readonly uniform: readonly number[]; readonly normal: readonly number[] };
}

export type SetName = "train" | "validation";

type Values = Readonly<Record<string, Tensor>>;

interface LoadedRows {
  readonly count: number;
  readonly columns: Values;
  order: { readonly key: string; readonly rows: Uint32Array } | undefined;
  /** Where batches are copied together, by the graphs that read them. */
  readonly batches: Map<string, BatchBuffers>;
}

interface Training {
  readonly fields: readonly Field[];
  readonly seed: number;
  readonly threads: number;
  readonly device: Device;
  /** Where other threads share the steps. */
  readonly sharer: Sharer | undefined;
  readonly sets: Map<SetName, LoadedRows>;
  readonly sessions: Map<string, Promise<Session>>;
  readonly randoms: RandomFeeds;
  /** Names of what a model is made of, among what is carried. */
  readonly learned: readonly string[];
  /** What is carried from step to step. */
  values: Values;
  /** What is learned, as it was before a step whose loss was finite; see `retreat`. */
  sound: Values;
}

const trainings = new Map<string, Training>();

export interface OpenMessage {
  readonly id: string;
  readonly fields: readonly Field[];
  readonly seed: number;
  readonly threads: number;
  readonly device: Device;
  readonly learned: readonly string[];
  readonly share: Share | undefined;
}

export function open({ id, share, ...given }: OpenMessage): void {
  const empty = { sets: new Map(), sessions: new Map(), randoms: new RandomFeeds(given.seed), values: {}, sound: {} };
  trainings.set(id, { ...given, sharer: share && new Sharer(share), ...empty });
}

/** Takes rows in place of those it holds. */
export function load({ id, set, rows }: { id: string; set: SetName; rows: Rows }): void {
  const { fields, sets } = trainingOf(id);
  const columns = fields.map(({ name, dtype, shape }): [string, Tensor] => {
    return [dataInput(name), new Tensor(dtype, rows.columns[name]!, [rows.count, ...shape])];
  });
  sets.set(set, { count: rows.count, columns: Object.fromEntries(columns), order: undefined, batches: new Map() });
}

export interface StepsMessage {
  readonly id: string;
  readonly program: WireProgram;
  readonly steps: number;
  /** [steps, numberCount] */
  readonly numbers: Float32Array;
  /** Number of the first step, for the random numbers. */
  readonly step: number;
  /** Which order of the block's rows, and where in it the first step begins. */
  readonly epoch: number;
  readonly block: number;
  readonly from: number;
  readonly shuffle: boolean;
}

export interface StepsResult {
  /** [steps done, batches, statCount] */
  readonly stats: Float32Array;
  readonly done: number;
  /** Whether the last of them had a loss that is not finite; the carried tensors are those before it. */
  readonly failed: boolean;
}

/** Trains. */
export async function steps(message: StepsMessage, { signal }: ThreadContext): Promise<StepsResult> {
  const training = trainingOf(message.id);
  const { program, steps: count } = message;
  const result = await runSteps(training, message, count, signal);
  const stats = result.stats!.data as Float32Array;
  const [done] = result.stats!.shape;
  const failed = !lossesOf(stats, done!, program.batches).every(Number.isFinite);
  const before = training.values;
  // those before a step went as it was begun: the same steps again, without the last
  const after = async (steps: number) =>
    steps === 0 ? before : nextIn(await runSteps(training, message, steps, signal));
  if (!failed) keep(training, nextIn(result), before);
  else if (done === 1) keep(training, before, training.sound);
  else keep(training, await after(done! - 1), await after(done! - 2));
  return { stats, done: done!, failed };
}

export interface GradientsMessage extends StepsMessage {
  /** Instead of what is carried. */
  readonly values: Values;
}

/** One step of a graph whose next weights are the gradients: the largest of each; NaN where one is none. */
export async function gradients(message: GradientsMessage, { signal }: ThreadContext): Promise<Record<string, number>> {
  const training = trainingOf(message.id);
  const result = await runSteps({ ...training, values: tensorsOf(message.values) }, message, 1, signal);
  return largestOf(result, "next/");
}

/** The largest element of each tensor whose name begins so, by the rest of its name; NaN where one is none. */
export function largestOf(tensors: Values, prefix: string): Record<string, number> {
  const largest = ({ data }: Tensor) => (data as Float32Array).reduce((most, x) => Math.max(most, Math.abs(x)), 0);
  return Object.fromEntries(
    Object.entries(tensors)
      .filter(([name]) => name.startsWith(prefix))
      .map(([name, tensor]) => [name.slice(prefix.length), largest(tensor)]),
  );
}

function lossesOf(stats: Float32Array, steps: number, batches: number): number[] {
  const width = stats.length / (steps * batches);
  return Array.from({ length: batches }, (_, i) => stats[((steps - 1) * batches + i) * width]!);
}

async function runSteps(
  training: Training,
  message: StepsMessage,
  count: number,
  signal: AbortSignal,
): Promise<Values> {
  const { program, numbers } = message;
  const { batchSize, batches } = program;
  const rows = rowsOf(training, "train");
  const order = Int32Array.from(orderFor(training, message, count * batches * batchSize));
  const session = await sessionOf(training, program);
  return session.run(
    {
      count: new Tensor("int64", BigInt64Array.of(BigInt(count)), []),
      order: new Tensor("int32", order, [count, batches * batchSize]),
      numbers: new Tensor("float32", numbers.subarray(0, (numbers.length / message.steps) * count), [
        count,
        numbers.length / message.steps,
      ]),
      ...readBy(session, rows.columns),
      ...training.values,
      ...training.randoms.of(program, message.step, count),
    },
    { signal },
  );
}

/** `count` rows of the order that the message names. */
export function orderFor(
  training: Training,
  { epoch, block, from, shuffle }: Pick<StepsMessage, "epoch" | "block" | "from" | "shuffle">,
  count: number,
): Uint32Array {
  const rows = rowsOf(training, "train");
  const key = `${epoch} ${block} ${shuffle}`;
  if (rows.order?.key !== key) {
    rows.order = { key, rows: orderOf(rows.count, shuffle, training.seed, epoch, block) };
  }
  return rows.order.rows.subarray(from, from + count);
}

/** The same for each call, since new arrays of this size keep the garbage collector busy. */
export function batchFor(rows: LoadedRows, session: Session, { graph, batchSize }: WireProgram): BatchBuffers {
  let found = rows.batches.get(graph.sha256);
  if (found === undefined) {
    found = new BatchBuffers(readBy(session, rows.columns), batchSize);
    rows.batches.set(graph.sha256, found);
  }
  return found;
}

/** What steps begin with from now on, and what one began with whose loss was finite. */
export function keep(training: Training, values: Values, sound: Values): void {
  training.values = values;
  training.sound = learnedIn(training, sound);
}

function learnedIn({ learned }: Training, values: Values): Values {
  return Object.fromEntries(learned.flatMap((name) => (values[name] ? [[name, values[name]]] : [])));
}

/** Goes back to what had been learned when a loss was last finite: what came after it may be good for nothing. */
export function retreat(id: string): void {
  const training = trainingOf(id);
  training.values = { ...training.values, ...training.sound };
}

function nextIn(result: Values): Values {
  const next = Object.entries(result).filter(([name]) => name.startsWith("next/"));
  return Object.fromEntries(next.map(([name, value]) => [name.slice("next/".length), value]));
}

/** Some fields are not read by every network; the runtime refuses feeds that the graph lacks. */
function readBy(session: Session, values: Values): Values {
  const names = new Set(session.inputs.map(({ name }) => name));
  return Object.fromEntries(Object.entries(values).filter(([name]) => names.has(name)));
}

export interface EvaluateMessage {
  readonly id: string;
  readonly program: WireProgram;
  readonly set: SetName;
  readonly from: number;
  readonly batches: number;
}

/** Loss and sums of metrics of batches in the data's order, by what is learned so far, [batches, statCount]. */
export async function evaluate(message: EvaluateMessage, { signal }: ThreadContext): Promise<Float32Array> {
  const training = trainingOf(message.id);
  const { program, batches, from } = message;
  const rows = rowsOf(training, message.set);
  const session = await sessionOf(training, program);
  const size = batches * program.batchSize;
  const result = await session.run(
    {
      count: new Tensor("int64", BigInt64Array.of(BigInt(batches)), []),
      order: new Tensor(
        "int32",
        Int32Array.from({ length: size }, (_, i) => from + i),
        [batches, program.batchSize],
      ),
      ...readBy(session, rows.columns),
      ...readBy(session, training.values),
    },
    { signal },
  );
  return result.stats!.data as Float32Array;
}

/** The carried tensors; copies, made here and moved, so that the main thread is not held up. */
export function read(id: string, { transfer }: ThreadContext): Values {
  const copies = Object.entries(trainingOf(id).values).map(([name, { dtype, data, shape }]): [string, Tensor] => {
    const copy = (data as Float32Array).slice();
    transfer(copy.buffer);
    return [name, new Tensor(dtype, copy, shape)];
  });
  return Object.fromEntries(copies);
}

export function write({ id, values }: { id: string; values: Values }): void {
  trainingOf(id).values = tensorsOf(values);
}

/** Tensors that came as a message have lost their class; the runtime takes none that lie in shared memory. */
export function tensorsOf(values: Values): Values {
  const tensors = Object.entries(values).map(([name, { dtype, data, shape }]) => {
    const numbers = data as Float32Array;
    const own = numbers.buffer instanceof SharedArrayBuffer ? numbers.slice() : numbers;
    return [name, new Tensor(dtype, own, shape)];
  });
  return Object.fromEntries(tensors);
}

export async function close(id: string): Promise<void> {
  const training = trainings.get(id);
  trainings.delete(id);
  for (const session of training?.sessions.values() ?? []) await (await session.catch(() => undefined))?.close();
}

export function trainingOf(id: string): Training {
  const found = trainings.get(id);
  if (found !== undefined) return found;
  throw new EngineError(
    "training",
    "the thread that trained has ended, and what it held is lost; go on from a checkpoint",
  );
}

export function rowsOf({ sets }: Training, set: SetName): LoadedRows {
  const found = sets.get(set);
  if (found === undefined) throw new EngineError("training", `internal: no rows of set "${set}"`);
  return found;
}

/** @param threads of the runtime; default all that the run has */
export function sessionOf(training: Training, { graph }: WireProgram, threads = training.threads): Promise<Session> {
  const { sessions, device } = training;
  let session = sessions.get(graph.sha256);
  if (session === undefined) {
    session = openFitted(graph, { threads, device });
    sessions.set(graph.sha256, session);
  }
  return session;
}

async function openFitted(
  { bytes, sha256 }: WireProgram["graph"],
  options: Pick<Training, "threads" | "device">,
): Promise<Session> {
  // a copy, since what threads share cannot be decoded
  const graph = Graph.fromBytes(bytes.slice());
  const fitted = await fitToMachine(graph);
  return openSession(fitted === graph ? new Asset(bytes, sha256) : fitted, {
    ...{ name: "training graph", fixedShapes: true },
    ...options,
  });
}
