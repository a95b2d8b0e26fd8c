/** @file The graphs of steps that several threads share: the gradients of one thread's part of a batch, and the update by those of all. */

import { GraphBuilder } from "../graph/graph-builder.js";
import type { Value } from "../graph/value.js";
import { shapeRules } from "../ops/infer.js";
import type { FrozenValues, Program } from "./graphs.js";
import type { Layout, Part } from "./layout.js";
import { dataInput, fieldsOf, type Problem } from "./problem.js";
import { RandomTables } from "./random-tables.js";
import { gradientsOf, nextParts, updatesOf } from "./step.js";

/**
 * The gradients of `rows` rows. Inputs: the fields, [rows, ...], under their `dataInput`; the weights of the layout's groups;
 * where layers need random numbers a table of each kind and `places/<kind>`, int64 [1, 1, tensors]. Outputs: `grad/<group>`,
 * and `stats`, float32 [statCount].
 */
export function shardGraph(problem: Problem, layout: Layout, frozen: FrozenValues, rows: number): Program {
  const g = new GraphBuilder({ rules: shapeRules() });
  const batch = new Map(
    fieldsOf(problem).map(({ name, dtype, shape }) => [name, g.input(dataInput(name), dtype, [rows, ...shape])]),
  );
  const learned = layout.groups.map(({ name, shape }) => g.input(name, "float32", shape));
  const frozenValues = new Map(layout.frozen.map((spec) => [spec.name, g.parameter(spec.name, frozen(spec))]));
  const randoms = new RandomTables(g, 1);
  const first = g.constant(0, "int64");
  const { grads, stats } = gradientsOf(g, {
    ...{ problem, layout, batch, batchSize: rows, frozen: frozenValues, learned, states: [], recompute: false },
    random: (kind, shape) => randoms.take(g, kind, shape, first, first),
  });
  const named = layout.groups.map(({ name }, i): [string, Value] => [`grad/${name}`, grads[i]!]);
  return {
    graph: g.finish({ ...Object.fromEntries(named), stats }, "gradients"),
    batchSize: rows,
    randomSizes: randoms.sizes,
  };
}

/**
 * The update by the mean of gradients. Inputs: `numbers`, float32 [numberCount]; the layout's parts; `grad/<shard>/<group>`.
 * Outputs: `next/<part>`. With `isDivided` the parts of groups are vectors, as many of their elements as a thread updates;
 * `isLast` of a call of steps, after which moments hold no negligible numbers.
 */
export function updateGraph(
  layout: Layout,
  { shards, isDivided, isLast }: { readonly shards: number; readonly isDivided: boolean; readonly isLast: boolean },
): Program {
  const g = new GraphBuilder({ rules: shapeRules() });
  const numbers = g.input("numbers", "float32", [layout.numberCount]);
  const shapeOf = ({ name, shape }: Part) => (isDivided ? [`elements of ${name}`] : shape);
  const partOf = new Map<string, Value>();
  for (const group of layout.groups) {
    const names = [group.name, ...layout.slots.map((slot) => `${slot}/${group.name}`)];
    for (const name of names) partOf.set(name, g.input(name, "float32", shapeOf(group)));
  }
  const grads = layout.groups.map((group) => {
    const [first, ...others] = Array.from({ length: shards }, (_, i) => {
      return g.input(`grad/${i}/${group.name}`, "float32", shapeOf(group));
    });
    return others.length === 0 ? first! : g.mul(g.sum(first!, ...others), 1 / shards);
  });
  const next = updatesOf(g, layout, partOf, grads, numbers);
  return {
    graph: g.finish(nextParts(g, layout, next, isLast), "update"),
    batchSize: 0,
    randomSizes: { uniform: [], normal: [] },
  };
}
