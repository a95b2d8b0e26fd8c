/** @file The Loop over steps: several in each round of its body where the runtime then updates large weights in place. */

import type { GraphBuilder } from "../graph/graph-builder.js";
import { inlineBody } from "../graph/inline.js";
import { bodiesOf } from "../graph/scope.js";
import type { GraphBody } from "../graph/types.js";
import type { Value } from "../graph/value.js";
import { sizeOf } from "../tensor/shape.js";
import { Tensor } from "../tensor/tensor.js";

/** Steps of a round. */
const roundSteps = 4;

/** Operators of a step up to which rounds of several are worth being built and held. */
const mostNodes = 200;

/** Elements of the largest tensor that is carried from which rounds pay: smaller ones stay in a core's cache. */
const largePart = 2 ** 16;

/**
 * Runs `body`, a step of (iteration, go, ...carried) that gives (go, ...carried, stats), `count` times. What a round carries
 * within it is updated in place, where from one round to the next it is written anew: 2 % of the time of a perceptron of 234,000
 * weights. Gives what is carried in the end, and the stats of all steps. Ends after the round in which a step says so.
 */
export function loopOfSteps(g: GraphBuilder, count: Value, carried: readonly Value[], body: GraphBody): Value[] {
  if (!paysInRounds(carried, body)) {
    return g.ops("Loop", [count, undefined, ...carried], { body }, { outputs: carried.length + 1 });
  }
  const rounds = g.div(count, roundSteps);
  const done = g.mul(rounds, roundSteps);
  const go = g.constant(new Tensor("bool", Uint8Array.of(1), []));
  const [stillGo, ...after] = g.ops(
    "Loop",
    [rounds, undefined, go, ...carried],
    { body: roundOf(g, body) },
    { outputs: carried.length + 2 },
  );
  const rest = g.ops(
    "Loop",
    [g.sub(count, done), stillGo, ...after.slice(0, -1)],
    { body: laterStep(g, body, done) },
    { outputs: carried.length + 1 },
  );
  const stats = rest.at(-1)!;
  const first = g.reshape(after.at(-1)!, [-1, ...(stats.shape!.slice(1) as number[])]);
  return [...rest.slice(0, -1), g.concat(first, [stats], { axis: 0 })];
}

function paysInRounds(carried: readonly Value[], { nodes }: GraphBody): boolean {
  const largest = Math.max(...carried.map(({ shape }) => sizeOf(shape as number[])));
  return largest >= largePart && nodes.length <= mostNodes && nodes.every((node) => bodiesOf(node).length === 0);
}

/**
 * A round's body. Whether to go on is also carried, before all else, since a Loop does not tell why it ended and the steps after
 * the rounds want to know.
 */
function roundOf(g: GraphBuilder, body: GraphBody): GraphBody {
  const b = g.bodyBuilder();
  const iteration = b.bodyInput("round", "int64", []);
  const go = b.bodyInput("go", "bool", []);
  b.bodyInput("went on", "bool", []);
  let carried = body.inputs.slice(2).map(({ name, dtype, shape }) => b.bodyInput(name, dtype, shape));
  const first = b.mul(iteration, roundSteps);
  const gos: Value[] = [];
  const stats: Value[] = [];
  for (let i = 0; i < roundSteps; i++) {
    const results = inlineBody(b, body, [b.add(first, i), go, ...carried]);
    gos.push(results[0]!);
    carried = results.slice(1, -1);
    stats.push(b.unsqueeze(results.at(-1)!, [0]));
  }
  const goesOn = gos.reduce((all, each) => b.and(all, each));
  const outputs = [goesOn, goesOn, ...carried, b.concat(stats[0]!, stats.slice(1), { axis: 0 })];
  return bodyOf(b, outputs, "round");
}

/** The body with a count that begins at `from`. */
function laterStep(g: GraphBuilder, body: GraphBody, from: Value): GraphBody {
  const b = g.bodyBuilder();
  const [iteration, ...others] = body.inputs.map(({ name, dtype, shape }) => b.bodyInput(name, dtype, shape));
  return bodyOf(b, inlineBody(b, body, [b.add(iteration!, from), ...others]), "step");
}

function bodyOf(b: GraphBuilder, outputs: readonly Value[], name: string): GraphBody {
  return b.body(Object.fromEntries(outputs.map((value) => [b.fresh("next"), value])), name);
}
