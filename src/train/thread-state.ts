/** @file What a pool thread holds of a training run: rows, loaded graphs, and the tensors that are carried from step to step. */

import { EngineError } from "../errors.js";
import { Graph } from "../graph/graph.js";
import { fitToMachine } from "../runtime/blocked.js";
import type { ThreadContext } from "../runtime/context.js";
import type { Device } from "../runtime/device.js";
import { flushedToZero } from "../runtime/flush-to-zero.js";
import { openSession, type Session } from "../runtime/session.js";
import { Tensor } from "../tensor/tensor.js";
import { Asset } from "../util/asset.js";
import { BatchBuffers } from "./batch-buffers.js";
import type { Share } from "./division.js";
import { orderOf, type Place } from "./epoch-plan.js";
import { dataInput, type Field } from "./problem.js";
import { RandomFeeds } from "./random-feeds.js";
import type { Rows } from "./resident-rows.js";
import { Sharer } from "./shared-steps.js";

/** A graph as a message. */
export interface WireProgram {
  readonly graph: Pick<Asset, "bytes" | "sha256">;
  readonly batchSize: number;
  readonly batches: number;
  readonly randomSizes: { readonly uniform: readonly number[]; readonly normal: readonly number[] };
}

export type SetName = "train" | "validation";

export type Values = Readonly<Record<string, Tensor>>;

export interface LoadedRows {
  readonly count: number;
  readonly columns: Values;
  order: { readonly key: string; readonly rows: Uint32Array } | undefined;
  /** Where batches are copied together, by the graphs that read them. */
  readonly batches: Map<string, BatchBuffers>;
}

export interface Training {
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

/** `count` rows of the order that a place names. */
export function orderFor(training: Training, { epoch, block, from, shuffle }: Place, count: number): Uint32Array {
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

/** Some fields are not read by every network; the runtime refuses feeds that the graph lacks. */
export function readBy(session: Session, values: Values): Values {
  const names = new Set(session.inputs.map(({ name }) => name));
  return Object.fromEntries(Object.entries(values).filter(([name]) => names.has(name)));
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
  const session = await openSession(fitted === graph ? new Asset(bytes, sha256) : fitted, {
    ...{ name: "training graph", fixedShapes: true },
    ...options,
  });
  // gradients vanish over many steps of a sequence
  return { ...session, run: (feeds, given) => flushedToZero(() => session.run(feeds, given)) };
}
