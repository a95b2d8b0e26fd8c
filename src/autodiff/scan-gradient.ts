/** @file The gradient of a Scan: a Scan that goes back over the rounds, each done again from the states it began with. */

import type { GraphBuilder } from "../graph/graph-builder.js";
import { inlineBody } from "../graph/inline.js";
import { capturesOf } from "../graph/scope.js";
import type { Attribute, GraphBody, Node, ValueInfo } from "../graph/types.js";
import type { Value } from "../graph/value.js";
import type { OpTable } from "../ops/infer.js";
import { type DType, isFloat } from "../tensor/dtype.js";
import { bodyOf, copyOf } from "./control-flow.js";
import { type Seed, vjp } from "./vjp.js";

/**
 * The Scan is made to keep the states that each round began with. A second one goes from the last round to the first, and carries
 * the gradients of the states and of everything the body captures. Slices lie along the first axis.
 */
export function scanGradient(
  g: GraphBuilder,
  node: Node,
  dys: readonly (Value | undefined)[],
  varying: ReadonlySet<string>,
  table: OpTable,
): readonly (readonly [name: string, grad: Value])[] {
  const body = bodyOf(node, "body");
  const count = Number(numbersOf(node, "num_scan_inputs")[0]);
  const first = node.inputs.length - count;
  const [initial, slices] = [node.inputs.slice(0, first), node.inputs.slice(first).map((name) => g.tensor(name))];
  const captures = [...capturesOf(body)].filter((name) => varying.has(name)).map((name) => g.tensor(name));
  const smooth = [...initial.keys()].filter((i) => isSmooth(g.tensor(node.outputs[i] || initial[i]!)));
  const wanted = [...slices.keys()].filter((i) => varying.has(slices[i]!.name) && isSmooth(slices[i]!));
  const results = [...dys.keys()].filter((i) => i >= first && dys[i] !== undefined);
  const kept = keepStates(g, node, body, first);

  const stateGrads = smooth.map((i) => dys[i] ?? g.zerosLike(g.tensor(initial[i]!)));
  const carried = [...stateGrads, ...captures.map((x) => g.zerosLike(x))];
  const scanned = [...kept, ...slices, ...results.map((i) => dys[i]!)];

  const b = g.bodyBuilder();
  const current = carried.map((x) => b.bodyInput("grad", x.dtype, x.shape));
  const parts = scanned.map((x) => b.bodyInput("part", x.dtype, x.shape?.slice(1)));
  const [states, read] = [parts.slice(0, first), parts.slice(first, first + count)];
  const ys = inlineBody(b, body, [...states, ...read]);
  const seeds = [
    ...smooth.map((i, k): Seed => [ys[i]!, current[k]!]),
    ...results.map((i, k): Seed => [ys[i]!, parts[first + count + k]!]),
  ];
  const wrt = [...smooth.map((i) => states[i]!), ...captures, ...wanted.map((i) => read[i]!)];
  const next = vjp(b, [...b.nodes], seeds, wrt, table).map((grad, k) => {
    const isCapture = k >= smooth.length && k < carried.length;
    if (isCapture) return grad === undefined ? current[k]! : b.add(current[k]!, grad);
    return grad ?? b.zerosLike(wrt[k]!);
  });
  const outputs = next.map((value): [string, Value] => [b.fresh("next"), value]);

  const inputs = numbersOf(node, "scan_input_directions");
  const outs = numbersOf(node, "scan_output_directions");
  const back = (directions: readonly number[], i: number) => 1 - (directions[i] ?? 0);
  const ofSlices = slices.map((_, i) => back(inputs, i));
  const attrs = {
    ...{ body: b.body(Object.fromEntries(outputs), "body"), num_scan_inputs: scanned.length },
    scan_input_directions: [...kept.map(() => 1), ...ofSlices, ...results.map((i) => back(outs, i - first))],
    ...(wanted.length > 0 && { scan_output_directions: wanted.map((i) => ofSlices[i]!) }),
  };
  const grads = g.ops("Scan", [...carried, ...scanned], attrs, { outputs: next.length });
  const names = [...smooth.map((i) => initial[i]!), ...captures.map(({ name }) => name)];
  return [...names, ...wanted.map((i) => slices[i]!.name)].map((name, k) => [name, grads[k]!] as const);
}

function isSmooth({ dtype }: Value): boolean {
  return isFloat((dtype ?? "int64") as DType);
}

/** Puts in the Scan's place one that also stacks the states each round began with; gives the stacks. */
function keepStates(g: GraphBuilder, node: Node, body: GraphBody, first: number): Value[] {
  const states = body.inputs.slice(0, first);
  const copies = states.map(({ name }) => copyOf(name, g.fresh("kept")));
  const outputs = states.map(({ dtype }, i): ValueInfo => {
    return { name: copies[i]!.outputs[0]!, dtype, shape: g.tensor(node.inputs[i]!).shape };
  });
  const keeping: GraphBody = { ...body, nodes: [...body.nodes, ...copies], outputs: [...body.outputs, ...outputs] };
  const stacks = states.map(() => g.fresh("kept"));
  const attrs = new Map<string, Attribute>([...node.attrs, ["body", { type: "graph", value: keeping }]]);
  for (const name of ["scan_output_axes", "scan_output_directions"]) {
    const given = numbersOf(node, name);
    if (given.length > 0) attrs.set(name, { type: "ints", value: [...given, ...states.map(() => 0)].map(BigInt) });
  }
  const made = body.outputs.map((_, i) => node.outputs[i] || g.fresh("unused"));
  g.replaceNode(node, { ...node, outputs: [...made, ...stacks], attrs });
  return stacks.map((name) => g.tensor(name));
}

/** The integers of an attribute; none where it is left out. */
function numbersOf(node: Node, name: string): readonly number[] {
  const attr = node.attrs.get(name);
  if (attr?.type === "int") return [Number(attr.value)];
  return attr?.type === "ints" ? attr.value.map(Number) : [];
}
