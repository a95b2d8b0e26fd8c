/** @file Profiling: the time per operator of one run. */

import { availableParallelism } from "node:os";

import type { Tensor } from "../tensor/tensor.js";
import type { WireModel } from "./model-source.js";
import type { Profile, ProfileMessage } from "./profile-task.js";
import type { SessionOptions, SessionRunOptions } from "./session.js";
import { sharedPool } from "./shared-pool.js";
import { bytesOf, packTensors, type Tensors, unpackTensors } from "./values.js";

/** Time spent in one node of the graph as the runtime optimised it. */
export interface OperatorTime {
  /** Operator, such as "Conv"; fused ones have names of the runtime's own. */
  readonly op: string;
  /** The node's name; operator and number where it has none. */
  readonly node: string;
  readonly microseconds: number;
  /** Above 1 inside loops. */
  readonly calls: number;
}

/** Runs a model twice in a thread of the pool and measures the second run; the slowest operators come first. */
export async function profileModel(
  model: WireModel,
  feeds: Tensors,
  options: SessionOptions & SessionRunOptions,
): Promise<{ readonly operators: OperatorTime[]; readonly results: Record<string, Tensor> }> {
  const { name = model.name, device = "cpu", threads = availableParallelism(), fixedShapes = false } = options;
  const { fetches, signal } = options;
  const { wire, transfer } = packTensors(feeds, options.transfer ?? false);
  const message: ProfileMessage = { model, options: { name, device, threads, fixedShapes }, feeds: wire, fetches };
  const module = new URL("./profile-task.js", import.meta.url);
  const task = { module, export: "profile", message, transfer, bytes: bytesOf(feeds) };
  const { operators, results } = await sharedPool().run<Profile>(task, { signal });
  return { operators, results: unpackTensors(results) };
}
