/** @file Gradients of If and Loop: an If of the branches' gradients, a Loop that runs backward over the kept states. */

import { GraphError } from "../errors.js";
import type { GraphBuilder } from "../graph/graph-builder.js";
import { inlineBody } from "../graph/inline.js";
import { capturesOf, describeNode } from "../graph/scope.js";
import type { Attribute, GraphBody, Node } from "../graph/types.js";
import type { Value } from "../graph/value.js";
import type { OpTable } from "../ops/infer.js";
import { loopOver } from "../ops/rounds.js";
import { type DType, isFloat } from "../tensor/dtype.js";
import { type Seed, vjp } from "./vjp.js";

type Grads = readonly (readonly [name: string, grad: Value])[];

/** if (c) y = f(a) else y = g(b)  =>  if (c) (da, db) = (dy f'(a), 0) else (0, dy g'(b)). */
export function ifGradient(
  g: GraphBuilder,
  node: Node,
  dys: readonly (Value | undefined)[],
  varying: ReadonlySet<string>,
  table: OpTable,
): Grads {
  const branches = ["then_branch", "else_branch"] as const;
  const bodies = branches.map((name) => bodyOf(node, name));
  const captured = new Set(bodies.flatMap((body) => [...capturesOf(body)]));
  const wrt = [...captured].filter((name) => varying.has(name)).map((name) => g.tensor(name));
  const attrs = bodies.map((body, i): [string, Attribute] => {
    const b = g.bodyBuilder();
    const ys = inlineBody(b, body, []);
    const seeds = ys.flatMap((y, k): Seed[] => (dys[k] === undefined ? [] : [[y, dys[k]]]));
    const grads = vjp(b, [...b.nodes], seeds, wrt, table).map((grad, k) => grad ?? b.zerosLike(wrt[k]!));
    const outputs = Object.fromEntries(grads.map((grad) => [b.fresh("grad"), grad]));
    return [branches[i]!, { type: "graph", value: b.body(outputs, branches[i]) }];
  });
  const outputs = wrt.map(() => g.fresh("If"));
  const grads = g.addNode({ ...node, name: "", outputs, attrs: new Map(attrs) });
  return wrt.map((x, i) => [x.name, grads[i]!]);
}

/**
 * The loop is made to keep the states that each round began with. A second loop goes through the rounds from the last to
 * the first, repeats each from its states, and carries the gradients of the states and of everything the body captures.
 */
export function loopGradient(
  g: GraphBuilder,
  node: Node,
  dys: readonly (Value | undefined)[],
  varying: ReadonlySet<string>,
  table: OpTable,
): Grads {
  const body = bodyOf(node, "body");
  const initial = node.inputs.slice(2);
  const captures = [...capturesOf(body)].filter((name) => varying.has(name)).map((name) => g.tensor(name));
  const kept = keepStates(g, node, body);
  // as many as were made, whatever ended it; without states there are results of each round alone
  const stacks = [...kept, ...node.outputs.filter((_, i) => dys[i] !== undefined).map((name) => g.tensor(name))];
  const rounds = g.gather(g.shapeOf(stacks[0]!), 0);
  const smooth = initial.map((_, i) => i).filter((i) => isSmooth(g.tensor(node.outputs[i]!)));
  const stateGrads = smooth.map((i) => dys[i] ?? g.zerosLike(g.tensor(node.outputs[i]!)));
  const carried = [...stateGrads, ...captures.map((x) => g.zerosLike(x))];
  const grads = loopOver(g, rounds, carried, 0, (b, iteration, current) => {
    const round = b.sub(b.sub(rounds, 1), iteration);
    const states = kept.map((all) => b.gather(all, round));
    const go = b.constant(1, "bool");
    const [, ...ys] = inlineBody(b, body, [round, go, ...states]);
    const seeds: Seed[] = smooth.map((i, k) => [ys[i]!, current[k]!]);
    for (let i = initial.length; i < ys.length; i++) {
      const dy = dys[i];
      if (dy !== undefined) seeds.push([ys[i]!, b.gather(dy, round)]);
    }
    const wrt = [...smooth.map((i) => states[i]!), ...captures];
    const parts = vjp(b, [...b.nodes], seeds, wrt, table);
    return parts.map((part, k) => {
      if (k < smooth.length) return part ?? b.zerosLike(wrt[k]!);
      return part === undefined ? current[k]! : b.add(current[k]!, part);
    });
  });
  const states = smooth.map((i, k): Grads[number] => [initial[i]!, grads[k]!]);
  return [...states, ...captures.map((x, k): Grads[number] => [x.name, grads[k + smooth.length]!])];
}

/** Puts in the loop's place one that also stacks the states each round began with; gives the stacks. */
function keepStates(g: GraphBuilder, node: Node, body: GraphBody): Value[] {
  const states = body.inputs.slice(2);
  const copies = states.map(({ name }) => copyOf(name, g.fresh("kept")));
  const outputs = states.map(({ dtype, shape }, i) => ({ name: copies[i]!.outputs[0]!, dtype, shape }));
  const keeping: GraphBody = { ...body, nodes: [...body.nodes, ...copies], outputs: [...body.outputs, ...outputs] };
  const stacks = states.map(() => g.fresh("kept"));
  const attrs = new Map([...node.attrs, ["body", { type: "graph", value: keeping }] as const]);
  g.replaceNode(node, { ...node, outputs: [...padOutputs(g, node, body), ...stacks], attrs });
  return stacks.map((name) => g.tensor(name));
}

/** The loop's outputs, none left out: the kept states come after them. */
function padOutputs(g: GraphBuilder, node: Node, body: GraphBody): string[] {
  return Array.from({ length: body.outputs.length - 1 }, (_, i) => node.outputs[i] || g.fresh("unused"));
}

/** Whether it is of floating-point numbers, for which there are gradients. */
export function isSmooth({ dtype }: Value): boolean {
  return isFloat((dtype ?? "int64") as DType);
}

export function copyOf(input: string, output: string): Node {
  return { opType: "Identity", domain: "", name: "", inputs: [input], outputs: [output], attrs: new Map() };
}

export function bodyOf(node: Node, name: string): GraphBody {
  const attr = node.attrs.get(name);
  if (attr?.type === "graph") return attr.value;
  throw new GraphError("gradient", `${describeNode(node)} lacks its ${name}`);
}
