/** @file The graphs that train and validate: Loops that run many steps per call. */

import type { Graph } from "../graph/graph.js";
import { GraphBuilder } from "../graph/graph-builder.js";
import type { Value } from "../graph/value.js";
import type { WeightSpec } from "../nn/build.js";
import { shapeRules } from "../ops/infer.js";
import { loopOver } from "../ops/rounds.js";
import type { Tensor } from "../tensor/tensor.js";
import { forward } from "./forward.js";
import type { Layout } from "./layout.js";
import { dataInput, fieldsOf, type Problem } from "./problem.js";
import { RandomTables } from "./random-tables.js";
import { gradientsOf, nextParts, type RandomSource, updatesOf } from "./step.js";
import { loopOfSteps } from "./step-loop.js";

/** A graph and what it must be fed beside the data. */
export interface Program {
  readonly graph: Graph;
  readonly batchSize: number;
  /** Sizes of the random tensors of each step; their places in the tables are fed. */
  readonly randomSizes: { readonly uniform: readonly number[]; readonly normal: readonly number[] };
}

/** Values of weights that do not change. */
export type FrozenValues = (spec: WeightSpec) => Tensor;

/**
 * The graph of `count` training steps. Inputs: `count`; `order`, int32 [steps, batches * batchSize], the rows of each step;
 * `numbers`, float32 [steps, numberCount]; the fields, [rows, ...], under their `dataInput`; the layout's parts; where layers need random numbers a
 * table of each kind and `places/<kind>`, int64 [steps, batches, tensors]. Outputs: `next/<part>`, and `stats`, float32
 * [steps done, statCount] or [steps done, batches, statCount]. It ends after a step whose loss is not finite,
 * or few steps later.
 */
export function trainingGraph(
  problem: Problem,
  layout: Layout,
  frozen: FrozenValues,
  batchSize: number,
  accumulated = 1,
  recompute = false,
): Program {
  const g = new GraphBuilder({ rules: shapeRules() });
  const count = g.input("count", "int64", []);
  const order = g.input("order", "int32", ["steps", accumulated * batchSize]);
  const numbers = g.input("numbers", "float32", ["steps", layout.numberCount]);
  const data = new Map(
    fieldsOf(problem).map(({ name, dtype, shape }) => [name, g.input(dataInput(name), dtype, ["rows", ...shape])]),
  );
  const parts = layout.parts.map(({ name, shape }) => g.input(name, "float32", shape));
  const frozenValues = new Map(layout.frozen.map((spec) => [spec.name, g.parameter(spec.name, frozen(spec))]));
  const randoms = new RandomTables(g, accumulated);

  const b = g.bodyBuilder();
  const iteration = b.bodyInput("iteration", "int64", []);
  b.bodyInput("go", "bool", []);
  const current = layout.parts.map(({ name, shape }) => b.bodyInput(name, "float32", shape));
  const partOf = new Map(layout.parts.map(({ name }, i) => [name, current[i]!]));
  const learned = layout.groups.map(({ name }) => partOf.get(name)!);
  const rows = b.gather(order, iteration);

  /** One batch of the step, number `at`. */
  const batchStep = (inner: GraphBuilder, at: Value, states: readonly Value[]) => {
    const index = accumulated === 1 ? rows : inner.gather(inner.reshape(rows, [accumulated, batchSize]), at);
    const batch = new Map([...data].map(([name, all]) => [name, inner.gather(all, index)]));
    const random: RandomSource = (kind, shape) => randoms.take(inner, kind, shape, iteration, at);
    return gradientsOf(inner, {
      problem,
      layout,
      batch,
      batchSize,
      frozen: frozenValues,
      learned,
      states,
      random,
      recompute,
    });
  };

  const states = layout.states.map(({ name }) => partOf.get(name)!);
  const { grads, nextStates, stats, loss } =
    accumulated === 1 ? batchStep(b, b.constant(0, "int64"), states) : accumulate(b);

  function accumulate(outer: GraphBuilder) {
    const zeros = learned.map((x) => outer.zerosLike(x));
    const rounds = outer.constant(accumulated, "int64");
    const found = loopOver(outer, rounds, [...zeros, ...states], 1, (inner, at, carried) => {
      const step = batchStep(inner, at, carried.slice(zeros.length));
      return [...step.grads.map((grad, i) => inner.add(carried[i]!, grad)), ...step.nextStates, step.stats];
    });
    return {
      grads: found.slice(0, zeros.length).map((sum) => outer.mul(sum, 1 / accumulated)),
      nextStates: found.slice(zeros.length, -1),
      stats: found.at(-1)!,
      loss: outer.reduceSum(outer.slice(found.at(-1)!, [0], [1], { axes: [1] })),
    };
  }

  // false for NaN too
  const finite = b.less(b.abs(loss), Number.POSITIVE_INFINITY);
  const row = b.gather(numbers, iteration);
  const next = updatesOf(b, layout, partOf, grads, row);
  const outputs = [finite, ...next, ...nextStates, stats].map((value): [string, Value] => [b.fresh("next"), value]);
  const body = b.body(Object.fromEntries(outputs), "step");
  const results = loopOfSteps(g, count, parts, body);
  return {
    graph: g.finish({ ...nextParts(g, layout, results), stats: results.at(-1)! }, "training"),
    batchSize,
    randomSizes: randoms.sizes,
  };
}

/**
 * The graph that sums loss and metrics over `count` batches: inputs as those of the training graph, with `order` int32
 * [batches, batchSize] and of the parts those that are learned; output `stats`.
 */
export function evaluationGraph(problem: Problem, layout: Layout, frozen: FrozenValues, batchSize: number): Program {
  const g = new GraphBuilder({ rules: shapeRules() });
  const count = g.input("count", "int64", []);
  const order = g.input("order", "int32", ["steps", batchSize]);
  const data = new Map(
    fieldsOf(problem).map(({ name, dtype, shape }) => [name, g.input(dataInput(name), dtype, ["rows", ...shape])]),
  );
  const weights = new Map([
    ...layout.frozen.map((spec): [string, Value] => [spec.name, g.parameter(spec.name, frozen(spec))]),
    ...layout.groups.flatMap((group) => {
      const carried = g.input(`${layout.averaged}${group.name}`, "float32", group.shape);
      return layout.weightsOf(g, group, carried).map((weight, i): [string, Value] => [group.weights[i]!.name, weight]);
    }),
    ...layout.states.map(({ name, shape }): [string, Value] => [name, g.input(name, "float32", shape)]),
  ]);
  const results = loopOver(g, count, [], 1, (b, iteration) => {
    const index = b.gather(order, iteration);
    const batch = new Map([...data].map(([name, all]) => [name, b.gather(all, index)]));
    return [
      forward(b, problem, batch, batchSize, { training: false, weight: ({ name }) => weights.get(name)! }).stats(),
    ];
  });
  return {
    graph: g.finish({ stats: results[0]! }, "evaluation"),
    batchSize,
    randomSizes: { uniform: [], normal: [] },
  };
}
