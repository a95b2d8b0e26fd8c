/** @file The graphs that train and validate: Loops that run many steps per call. */

import { differentiate } from "../autodiff/gradient.js";
import type { Graph } from "../graph/graph.js";
import { GraphBuilder } from "../graph/graph-builder.js";
import type { Value } from "../graph/value.js";
import type { BuildOptions, WeightSpec } from "../nn/build.js";
import { loopOver } from "../ops/control-flow.js";
import { shapeRules } from "../ops/infer.js";
import { clipGradients } from "../optim/clip.js";
import { sizeOf } from "../tensor/shape.js";
import type { Tensor } from "../tensor/tensor.js";
import { forward } from "./forward.js";
import { emaSlot, type Layout } from "./layout.js";
import { dataInput, fieldsOf, type Problem } from "./problem.js";
import { recomputedGradients } from "./recompute.js";

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
 * [steps done, statCount] or [steps done, batches, statCount]. It ends after a step whose loss is not finite.
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

  /** Gradients of the groups, next states and stats of one batch. */
  const batchStep = (inner: GraphBuilder, at: Value, states: readonly Value[]) => {
    const index = accumulated === 1 ? rows : inner.gather(inner.reshape(rows, [accumulated, batchSize]), at);
    const weights = new Map<string, Value>([...frozenValues]);
    layout.groups.forEach((group, i) => {
      const values = layout.weightsOf(inner, group, learned[i]!);
      values.forEach((value, j) => void weights.set(group.weights[j]!.name, value));
    });
    layout.states.forEach(({ name }, i) => void weights.set(name, states[i]!));
    const batch = new Map([...data].map(([name, all]) => [name, inner.gather(all, index)]));
    const options: BuildOptions = {
      training: true,
      weight: ({ name }) => weights.get(name)!,
      random: (kind, shape) => randoms.take(inner, kind, shape, iteration, at),
    };
    const before = inner.nodes.length;
    const { loss, stats, built } = forward(inner, problem, batch, batchSize, options);
    const grads = recompute
      ? recomputedGradients(inner, before, loss, learned)
      : differentiate(inner, [...inner.nodes], loss, learned);
    const nextStates = layout.states.map(({ name }, i) => {
      const next = built.updates.get(name);
      return next === undefined ? states[i]! : inner.reshape(next, layout.states[i]!.shape);
    });
    return { grads, nextStates, stats: stats(), loss };
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
  const row = b.split(
    b.gather(numbers, iteration),
    layout.numberCount === 1 ? [1] : new Array<number>(layout.numberCount).fill(1),
  );
  const clipped = clipGradients(b, grads, layout.optimizer.params);
  const next = layout.groups.flatMap((group, i) => {
    const slots = Object.fromEntries(layout.slots.map((slot) => [slot, partOf.get(`${slot}/${group.name}`)!]));
    const updated = layout.optimizer.update({
      g: b,
      weight: learned[i]!,
      grad: clipped[i]!,
      slots,
      numbers: layout.numbersIn(row, group),
      decay: group.decay,
    });
    const { useEma, emaMomentum } = layout.optimizer.params;
    const ema = useEma ? b.add(b.mul(slots[emaSlot]!, emaMomentum), b.mul(updated.weight, 1 - emaMomentum)) : undefined;
    return [updated.weight, ...layout.slots.map((slot) => (slot === emaSlot ? ema! : updated.slots[slot]!))];
  });
  const outputs = [finite, ...next, ...nextStates, stats].map((value): [string, Value] => [b.fresh("next"), value]);
  const body = b.body(Object.fromEntries(outputs), "step");
  const results = g.ops("Loop", [count, undefined, ...parts], { body }, { outputs: parts.length + 1 });
  const named = layout.parts.map(({ name }, i): [string, Value] => [`next/${name}`, results[i]!]);
  return {
    graph: g.finish({ ...Object.fromEntries(named), stats: results.at(-1)! }, "training"),
    batchSize,
    randomSizes: randoms.sizes,
  };
}

/**
 * The graph that sums loss and metrics over `count` batches: inputs as those of the training graph, with `order` int32
 * [batches, batchSize] and the weights instead of the parts; output `stats`.
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
    ...layout.learned.map(({ name, shape }): [string, Value] => [name, g.input(name, "float32", shape)]),
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

/** Random tensors of a step: slices of tables of random numbers, whose places are fed. */
class RandomTables {
  readonly sizes = { uniform: [] as number[], normal: [] as number[] };
  readonly #g: GraphBuilder;
  readonly #accumulated: number;
  readonly #inputs = new Map<string, { table: Value; places: Value }>();
  readonly #rows = new Map<string, Value>();

  constructor(g: GraphBuilder, accumulated: number) {
    this.#g = g;
    this.#accumulated = accumulated;
  }

  take(b: GraphBuilder, kind: "uniform" | "normal", shape: readonly number[], iteration: Value, at: Value): Value {
    let inputs = this.#inputs.get(kind);
    if (inputs === undefined) {
      const table = this.#g.input(`table/${kind}`, "float32", ["numbers"]);
      inputs = {
        table,
        places: this.#g.input(`places/${kind}`, "int64", ["steps", this.#accumulated, `tensors of ${kind}`]),
      };
      this.#inputs.set(kind, inputs);
    }
    let row = this.#rows.get(kind);
    if (row === undefined) {
      row = b.gather(b.gather(inputs.places, iteration), at);
      this.#rows.set(kind, row);
    }
    const number = this.sizes[kind].length;
    this.sizes[kind].push(sizeOf(shape));
    const start = b.slice(row, [number], [number + 1]);
    return b.reshape(b.slice(inputs.table, start, b.add(start, b.ints([sizeOf(shape)]))), shape);
  }
}
