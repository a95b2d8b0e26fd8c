/** @file Runs a graph with ONNX Runtime in this thread: what tests compare against. */

import { type InferenceSession, Tensor as OrtTensor, InferenceSession as Session } from "onnxruntime-node";
import type { Graph } from "../src/graph/graph.js";
import { type DType, isBigInt } from "../src/tensor/dtype.js";
import { fromHalf } from "../src/tensor/half.js";
import { Tensor } from "../src/tensor/tensor.js";

type Feeds = Readonly<Record<string, Tensor>>;

/** Feeds the inputs, gives every output. */
export async function runOnnx(graph: Graph, feeds: Feeds): Promise<Record<string, Tensor>> {
  const session = await openOnnx(graph);
  return session(feeds);
}

interface OpenGraph {
  (feeds: Feeds, fetches?: readonly string[]): Promise<Record<string, Tensor>>;
  release(): Promise<void>;
}

/** Loads a graph once, for several runs. */
export async function openOnnx(graph: Graph, options: InferenceSession.SessionOptions = {}): Promise<OpenGraph> {
  const session = await Session.create(graph.toBytes(), { logSeverityLevel: 3, intraOpNumThreads: 1, ...options });
  const run = async (feeds: Feeds, fetches: readonly string[] = session.outputNames) => {
    const given = Object.entries(feeds).map(([name, { dtype, data, shape }]) => {
      const numbers = data as Float32Array;
      // the runtime takes no shared memory, which weights of a file lie in
      const own = numbers.buffer instanceof SharedArrayBuffer ? numbers.slice() : numbers;
      // the runtime's own Tensor wants its own names of dtypes, which are ours
      return [name, new OrtTensor(dtype as "float32", own, shape)] as const;
    });
    const results = await session.run(Object.fromEntries(given), fetches);
    return Object.fromEntries(
      Object.entries(results).map(([name, { type, data, dims }]) => {
        return [name, new Tensor(type as DType, data as Float32Array, dims)];
      }),
    );
  };
  return Object.assign(run, { release: () => session.release() });
}

/** float32 values drawn from a fixed sequence, about normal. */
export function randomTensor(shape: readonly number[], seed = 1, scale = 1): Tensor<"float32"> {
  const random = randomNumbers(seed);
  const data = new Float32Array(shape.reduce((a, b) => a * b, 1));
  for (let i = 0; i < data.length; i++) {
    data[i] = scale * (random() + random() + random() - 1.5) * 2;
  }
  return new Tensor("float32", data, shape);
}

/** Numbers from 0 to 1 that are the same for the same seed (mulberry32). */
export function randomNumbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t ^= t + Math.imul(t ^ (t >>> 7), 61 | t);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Largest difference of two tensors' elements; halves are read as numbers. */
export function maxDifference(a: Tensor, b: Tensor): number {
  const [x, y] = [numbersOf(a), numbersOf(b)];
  return x.reduce((worst, value, i) => Math.max(worst, Math.abs(value - y[i]!)), 0);
}

function numbersOf(tensor: Tensor): number[] {
  if (tensor.dtype === "float16") return [...fromHalf(tensor.data as Uint16Array)];
  return isBigInt(tensor.dtype) ? Array.from(tensor.data as BigInt64Array, Number) : tensor.toNumbers();
}
