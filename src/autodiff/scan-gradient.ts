/** @file The gradient of a Scan: a Scan that goes back over the rounds, each done again from the states it began with. */

import type { GraphBuilder } from "../graph/graph-builder.js";
import { inlineBody } from "../graph/inline.js";
import { capturesOf } from "../graph/scope.js";
import type { Attribute, GraphBody, Node, ValueInfo } from "../graph/types.js";
import type { Value } from "../graph/value.js";
import type { OpTable } from "../ops/infer.js";
import { Product } from "../ops/product.js";
import { bodyOf, copyOf, isSmooth } from "./control-flow.js";
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
  const first = node.inputs.length - Number(numbersOf(node, "num_scan_inputs")[0]);
  const inputs = node.inputs.map((name) => g.tensor(name));
  const [initial, slices] = [inputs.slice(0, first), inputs.slice(first)];
  const captures = [...capturesOf(body)].filter((name) => varying.has(name)).map((name) => g.tensor(name));
  const smooth = [...initial.keys()].filter((i) => isSmooth(initial[i]!));
  const wanted = [...slices.keys()].filter((i) => varying.has(slices[i]!.name) && isSmooth(slices[i]!));
  const results = [...dys.keys()].filter((i) => i >= first && dys[i] !== undefined);

  const kept = keepStates(g, node, body, first);
  const stateGrads = smooth.map((i) => dys[i] ?? g.zerosLike(initial[i]!));
  const scanned = [...kept, ...slices, ...results.map((i) => dys[i]!)];
  const back = backBody(g, stateGrads, scanned, (b, grads, parts) => {
    const [states, read, dResults] = [
      parts.slice(0, first),
      parts.slice(first, inputs.length),
      parts.slice(inputs.length),
    ];
    const ys = inlineBody(b, body, [...states, ...read]);
    const seeds = [
      ...smooth.map((i, k): Seed => [ys[i]!, grads[k]!]),
      ...results.map((i, k): Seed => [ys[i]!, dResults[k]!]),
    ];
    const whole = [...smooth.map((i) => states[i]!), ...wanted.map((i) => read[i]!)];
    const found = partsOf(b, [...b.nodes], seeds, [...whole, ...captures], table);
    const sums = whole.map((x, k) => (found[k]!.length === 0 ? b.zerosLike(x) : sumOf(b, found[k]!)));
    return {
      states: sums.slice(0, smooth.length),
      slices: sums.slice(smooth.length),
      captures: captures.map((of, k) => ({ of, parts: found[whole.length + k]! })),
    };
  });

  const ofSlices = slices.map((_, i) => reversed(node, "scan_input_directions", i));
  const ofResults = results.map((i) => reversed(node, "scan_output_directions", i - first));
  const directions = [...wanted.map((i) => ofSlices[i]!), ...back.factors.flatMap(() => [1, 1])];
  const made = g.ops(
    "Scan",
    [...stateGrads, ...back.summed.map((of) => g.zerosLike(of)), ...scanned],
    {
      ...{ body: back.body, num_scan_inputs: scanned.length },
      scan_input_directions: [...kept.map(() => 1), ...ofSlices, ...ofResults],
      ...(directions.length > 0 && { scan_output_directions: directions }),
    },
    { outputs: back.body.outputs.length },
  );
  const targets = [...smooth.map((i) => initial[i]!), ...back.summed, ...wanted.map((i) => slices[i]!)];
  // the factors of all rounds below each other
  const rows = (k: number) => g.op("Flatten", [made[targets.length + k]!], { axis: 2 });
  return [
    ...targets.map(({ name }, k): Contribution => [name, made[k]!]),
    ...back.factors.map(({ name }, k): Contribution => [name, new Product(rows(2 * k), rows(2 * k + 1))]),
  ];
}

/** What a round gives: gradients of its states and slices, and parts of those of what the body captures. */
interface Round {
  readonly states: readonly Value[];
  readonly slices: readonly Value[];
  readonly captures: readonly { readonly of: Value; readonly parts: readonly (Value | Product)[] }[];
}

/**
 * The body that goes back. It gives the gradients of states, the sums so far for the captured tensors in `summed`, and of each
 * round the gradients of slices and both factors of the products for the tensors in `factors`.
 */
function backBody(
  g: GraphBuilder,
  stateGrads: readonly Value[],
  scanned: readonly Value[],
  round: (b: GraphBuilder, grads: readonly Value[], parts: readonly Value[]) => Round,
): { readonly body: GraphBody; readonly summed: readonly Value[]; readonly factors: readonly Value[] } {
  const b = g.bodyBuilder();
  const grads = stateGrads.map((x) => b.bodyInput("grad", x.dtype, x.shape));
  const parts = scanned.map((x) => b.bodyInput("part", x.dtype, x.shape?.slice(1)));
  const { states, slices, captures } = round(b, grads, parts);
  const sums = captures.flatMap(({ of, parts }) => {
    const tensors = parts.filter((part) => !(part instanceof Product)) as Value[];
    if (tensors.length === 0) return [];
    const before = b.bodyInput("sum", of.dtype, of.shape);
    return [{ of, before, next: b.sum(before, ...tensors) }];
  });
  const products = captures.flatMap(({ of, parts }) =>
    parts.filter((part) => part instanceof Product).map(({ left, right }) => ({ of, left, right })),
  );
  const next = [...states, ...sums.map((sum) => sum.next)];
  const stacked = [...slices, ...products.flatMap(({ left, right }) => [left, right])];
  const outputs = [...next, ...stacked].map((value): [string, Value] => [b.fresh("next"), value]);
  const made = b.body(Object.fromEntries(outputs), "body");
  // states come first, and which sums there are is known last
  const order = [...grads, ...sums.map(({ before }) => before), ...parts];
  const inputs = order.map(({ name }) => made.inputs.find((info) => info.name === name)!);
  return { body: { ...made, inputs }, summed: sums.map(({ of }) => of), factors: products.map(({ of }) => of) };
}

/** The other way than a slice or result of the Scan goes, 1 being from the end. */
function reversed(node: Node, directions: string, i: number): number {
  return 1 - (numbersOf(node, directions)[i] ?? 0);
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
