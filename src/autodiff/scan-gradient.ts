/** @file The gradient of a Scan: a Scan that goes back over the rounds, each done again from the states it began with. */

import type { GraphBuilder } from "../graph/graph-builder.js";
import { inlineBody } from "../graph/inline.js";
import { capturesOf } from "../graph/scope.js";
import type { Attribute, GraphBody, Node, ValueInfo } from "../graph/types.js";
import type { Value } from "../graph/value.js";
import type { OpTable } from "../ops/infer.js";
import { Product } from "../ops/product.js";
import { type DType, isFloat } from "../tensor/dtype.js";
import { bodyOf, copyOf } from "./control-flow.js";
import { type Contribution, partsOf, type Seed, sumOf } from "./vjp.js";

/**
 * The Scan is made to keep the states that each round began with. A second one goes from the last round to the first, and carries
 * the gradients of the states and of what the body captures; products for a captured matrix become one over all rounds. Slices lie
 * along the first axis.
 */
export function scanGradient(
  g: GraphBuilder,
  node: Node,
  dys: readonly (Value | undefined)[],
  varying: ReadonlySet<string>,
  table: OpTable,
): readonly Contribution[] {
  const body = bodyOf(node, "body");
  const count = Number(numbersOf(node, "num_scan_inputs")[0]);
  const first = node.inputs.length - count;
  const [initial, slices] = [node.inputs.slice(0, first), node.inputs.slice(first).map((name) => g.tensor(name))];
  const captures = [...capturesOf(body)].filter((name) => varying.has(name)).map((name) => g.tensor(name));
  const smooth = [...initial.keys()].filter((i) => isSmooth(g.tensor(initial[i]!)));
  const wanted = [...slices.keys()].filter((i) => varying.has(slices[i]!.name) && isSmooth(slices[i]!));
  const results = [...dys.keys()].filter((i) => i >= first && dys[i] !== undefined);
  const kept = keepStates(g, node, body, first);
  const stateGrads = smooth.map((i) => dys[i] ?? g.zerosLike(g.tensor(initial[i]!)));
  const scanned = [...kept, ...slices, ...results.map((i) => dys[i]!)];

  const b = g.bodyBuilder();
  const current = stateGrads.map((x) => b.bodyInput("grad", x.dtype, x.shape));
  const parts = scanned.map((x) => b.bodyInput("part", x.dtype, x.shape?.slice(1)));
  const [states, read] = [parts.slice(0, first), parts.slice(first, first + count)];
  const ys = inlineBody(b, body, [...states, ...read]);
  const seeds = [
    ...smooth.map((i, k): Seed => [ys[i]!, current[k]!]),
    ...results.map((i, k): Seed => [ys[i]!, parts[first + count + k]!]),
  ];
  const wrt = [...smooth.map((i) => states[i]!), ...wanted.map((i) => read[i]!), ...captures];
  const found = partsOf(b, [...b.nodes], seeds, wrt, table);
  const whole = (k: number) => (found[k]!.length === 0 ? b.zerosLike(wrt[k]!) : sumOf(b, found[k]!));
  const nextGrads = smooth.map((_, k) => whole(k));
  const partGrads = wanted.map((_, k) => whole(smooth.length + k));
  const ofCaptures = captures.map((of, k) => {
    const each = found[smooth.length + wanted.length + k]!;
    const products = each.filter((part) => part instanceof Product);
    return { of, products, tensors: each.filter((part) => !(part instanceof Product)) as Value[] };
  });
  const summed = ofCaptures.filter(({ tensors }) => tensors.length > 0);
  const sums = summed.map(({ of, tensors }) => {
    const before = b.bodyInput("sum", of.dtype, of.shape);
    return { before, next: b.sum(before, ...tensors) };
  });
  const factors = ofCaptures.flatMap(({ of, products }) => products.map(({ left, right }) => ({ of, left, right })));

  const next = [...nextGrads, ...sums.map((sum) => sum.next)];
  const stacked = [...partGrads, ...factors.flatMap(({ left, right }) => [left, right])];
  const outputs = [...next, ...stacked].map((value): [string, Value] => [b.fresh("next"), value]);
  const inner = b.body(Object.fromEntries(outputs), "body");
  const order = [...current, ...sums.map(({ before }) => before), ...parts].map(({ name }) => name);
  const inputs = order.map((name) => inner.inputs.find((info) => info.name === name)!);

  const ofSlices = slices.map((_, i) => reversed(node, "scan_input_directions", i));
  const ofResults = results.map((i) => reversed(node, "scan_output_directions", i - first));
  const directions = [...wanted.map((i) => ofSlices[i]!), ...factors.flatMap(() => [1, 1])];
  const made = g.ops(
    "Scan",
    [...stateGrads, ...summed.map(({ of }) => g.zerosLike(of)), ...scanned],
    {
      ...{ body: { ...inner, inputs }, num_scan_inputs: scanned.length },
      scan_input_directions: [...kept.map(() => 1), ...ofSlices, ...ofResults],
      ...(directions.length > 0 && { scan_output_directions: directions }),
    },
    { outputs: next.length + stacked.length },
  );
  const names = [...smooth.map((i) => initial[i]!), ...summed.map(({ of }) => of.name)];
  const ofParts = wanted.map((i) => slices[i]!.name);
  const grads = [...names, ...ofParts].map((name, k): Contribution => [name, made[k]!]);
  /** The factors of all rounds below each other. */
  const rows = (k: number) => g.op("Flatten", [made[names.length + ofParts.length + k]!], { axis: 2 });
  return [...grads, ...factors.map(({ of }, k): Contribution => [of.name, new Product(rows(2 * k), rows(2 * k + 1))])];
}

/** The other way than a slice or result of the Scan goes, 1 being from the end. */
function reversed(node: Node, directions: string, i: number): number {
  return 1 - (numbersOf(node, directions)[i] ?? 0);
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
