/** @file Einsum: sums of products by index letters. */

import { ShapeError } from "../errors.js";
import type { GraphBuilder } from "../graph/graph-builder.js";
import type { Dim } from "../graph/types.js";
import type { Value } from "../graph/value.js";
import { broadcastDim } from "./dims.js";
import { defineOp } from "./op.js";
import { sumTo } from "./unbroadcast.js";

/** `"ij,jk->ik"` taken apart; what "..." stands for is named "#1", "#2", … from the last dimension on. */
interface Equation {
  readonly inputs: readonly (readonly string[])[];
  readonly output: readonly string[];
}

function parse(text: string, ranks: readonly number[]): Equation {
  const equation = text.replaceAll(" ", "");
  const [left = "", right] = equation.split("->");
  const terms = left.split(",");
  if (terms.length !== ranks.length) {
    throw new ShapeError("Einsum", `equation "${text}" is for ${terms.length} inputs, got ${ranks.length}`);
  }
  const rests = terms.map((term, i) => (term.includes("...") ? ranks[i]! - (term.length - 3) : 0));
  if (terms.some((term, i) => term.includes("...") && rests[i] !== rests[terms.findIndex((t) => t.includes("..."))])) {
    // the runtime ends the whole process on these
    throw new ShapeError(
      "Einsum",
      `"..." in "${text}" stands for different numbers of dimensions; unsqueeze the smaller input`,
    );
  }
  const rest = (count: number) => Array.from({ length: count }, (_, i) => `#${count - i}`);
  const letters = (term: string, count: number) => {
    const [before, after] = term.split("...");
    return after === undefined ? [...term] : [...before!, ...rest(count), ...after];
  };
  const inputs = terms.map((term, i) => letters(term, rests[i]!));
  inputs.forEach((names, i) => {
    if (names.length === ranks[i]) return;
    throw new ShapeError("Einsum", `"${terms[i]}" in "${text}" is for ${names.length} dimensions, got ${ranks[i]}`);
  });
  const all = inputs.flat();
  const once = [...new Set(all)].filter((name) => !name.startsWith("#") && all.indexOf(name) === all.lastIndexOf(name));
  const longest = Math.max(...rests);
  const output = right === undefined ? [...rest(longest), ...once.sort()] : letters(right, longest);
  return { inputs, output };
}

export const einsum = defineOp({
  type: "Einsum",
  inputs: ["...xs"],
  attrs: { equation: "" },
  infer({ xs }, { equation }) {
    const dtype = xs[0]?.dtype;
    if (xs.some(({ shape }) => shape === undefined)) return { dtype, shape: undefined };
    const { inputs, output } = parse(
      equation,
      xs.map(({ shape }) => shape!.length),
    );
    const sizes = sizesOf(
      inputs,
      xs.map(({ shape }) => shape!),
    );
    return { dtype, shape: output.map((name) => sizes.get(name) ?? "?") };
  },
  // the gradient of one input is the product of dY and the others, summed over what that input does not have
  grad(g, { xs, dy, attrs: { equation } }) {
    const ranks = xs.map(({ rank }) => {
      if (rank === undefined)
        throw new ShapeError("Einsum", "its gradient needs the number of dimensions of its inputs");
      return rank;
    });
    const { inputs, output } = parse(equation, ranks);
    return { xs: xs.map((x, i) => gradientOf(g, i, x, { inputs, output }, xs, dy)) };
  },
});

function sizesOf(inputs: Equation["inputs"], shapes: readonly (readonly Dim[])[]): Map<string, Dim> {
  const sizes = new Map<string, Dim>();
  inputs.forEach((names, i) => {
    names.forEach((name, k) => {
      const [known, size] = [sizes.get(name) ?? 1, shapes[i]![k]!];
      const both = broadcastDim(known, size);
      if (both === undefined) throw new ShapeError("Einsum", `"${name}" stands for sizes ${known} and ${size}`);
      sizes.set(name, both);
    });
  });
  return sizes;
}

function gradientOf(
  g: GraphBuilder,
  i: number,
  x: Value,
  { inputs, output }: Equation,
  xs: readonly Value[],
  dy: Value,
): Value {
  const own = inputs[i]!;
  if (new Set(own).size < own.length)
    throw new ShapeError("Einsum", `the gradient of a diagonal ("${own.join("")}") is not supported`);
  // letters that only this input has were summed over: their gradient is the same everywhere
  const others = inputs.flatMap((names, k) => (k === i ? [] : names));
  const seen = own.filter((name) => output.includes(name) || others.includes(name));
  const names = new Map(
    [...new Set([...inputs.flat(), ...output])].map((name, k) => [name, String.fromCharCode(97 + k)]),
  );
  const term = (letters: readonly string[]) => letters.map((name) => names.get(name)!).join("");
  const terms = [term(output), ...inputs.filter((_, k) => k !== i).map(term)].join(",");
  const product = g.einsum(dy, `${terms}->${term(seen)}`, ...xs.filter((_, k) => k !== i));
  const missing = own.flatMap((name, k) => (seen.includes(name) ? [] : [k]));
  // dimensions of size 1 may have been stretched to the other inputs', under a letter as well as under "..."
  const stretched = own.some((name, k) => name.startsWith("#") || x.shape?.[k] === 1 || x.shape?.[k] === "?");
  const partial = stretched ? sumTo(g, product, missing.length === 0 ? x : g.reduceSum(x, { axes: missing })) : product;
  return missing.length === 0 ? partial : g.expand(g.unsqueeze(partial, missing), g.shapeLike(x));
}
