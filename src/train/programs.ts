/** @file The graphs that a training run asks for, by requests that can be sent to a thread. */

import type { Who } from "../errors.js";
import type { Optimizer } from "../optim/optimizer.js";
import { sgd } from "../optim/sgd.js";
import { evaluationGraph, type FrozenValues, type Program, trainingGraph } from "./graphs.js";
import { Layout } from "./layout.js";
import { requireMemory } from "./memory.js";
import type { Problem } from "./problem.js";
import { shardGraph, updateGraph } from "./shard-graphs.js";

export type ProgramRequest =
  /** Steps of `batches` batches each; with `probe` their gradients take the place of the next weights. */
  | { readonly kind: "steps"; readonly batchSize: number; readonly batches: number; readonly probe?: boolean }
  /** The gradients of one thread's rows, of the batch that `threads` threads share. */
  | { readonly kind: "part"; readonly rows: number; readonly threads: number; readonly probe?: boolean }
  /** With more than one shard each thread updates a part of the weights, where the optimizer allows. */
  | { readonly kind: "update"; readonly shards: number; readonly isLast: boolean }
  | { readonly kind: "evaluation"; readonly batchSize: number };

/** What graphs are made of. */
export interface Ground {
  readonly who: Who;
  readonly problem: Problem;
  readonly layout: Layout;
  readonly frozen: FrozenValues;
  /** See TrainOptions. */
  readonly recompute: boolean;
  readonly memoryLimit: number | undefined;
}

/** @throws EngineError where a step would take more memory than there is, with its largest tensor. */
export function buildProgram(ground: Ground, request: ProgramRequest): Program {
  const { who, problem, layout, frozen, recompute, memoryLimit: free = process.availableMemory() } = ground;
  switch (request.kind) {
    case "steps": {
      const { batchSize, batches, probe = false } = request;
      if (probe) return trainingGraph(problem, probeOf(layout), frozen, batchSize, batches);
      const program = trainingGraph(problem, layout, frozen, batchSize, batches, recompute);
      requireMemory(program.graph, { who, free, batchSize, mayRecompute: !recompute });
      return program;
    }
    case "part": {
      const { rows, threads, probe = false } = request;
      const program = shardGraph(problem, probe ? probeOf(layout) : layout, frozen, rows);
      if (!probe) requireMemory(program.graph, { who, free, batchSize: rows * threads, threads, mayRecompute: true });
      return program;
    }
    case "update": {
      const { shards, isLast } = request;
      return updateGraph(layout, { shards, isDivided: shards > 1 && layout.isByElement, isLast });
    }
    case "evaluation":
      return evaluationGraph(problem, layout, frozen, request.batchSize);
  }
}

/** Puts each weight's gradient in its place. */
const plain = sgd();
const gradientsOnly: Optimizer = {
  ...plain,
  scope: "weight",
  slots: {},
  numbers: () => ({}),
  update: ({ grad }) => ({ weight: grad, slots: {} }),
};

/** The same weights, each on its own, for graphs that give gradients. */
export function probeOf({ weights, states }: Layout): Layout {
  return new Layout(weights, new Set(states.map(({ name }) => name)), gradientsOnly);
}
