/** @file The gradient of MaxPool: each output's gradient goes to the first largest element that its window saw. */

import type { GraphBuilder } from "../graph/graph-builder.js";
import type { Node } from "../graph/types.js";
import type { Value } from "../graph/value.js";
import { sizeOf } from "../tensor/shape.js";
import { Tensor } from "../tensor/tensor.js";
import { cropTo, toTiles } from "./window-parts.js";

/**
 * Windows side by side: what equals its window's largest wins. Of several equal ones the first does, as in PyTorch: they are
 * numbered, falling in the window's order, and the largest number is looked for. A quarter of the time of the form below.
 */
export function tiledMaxGradient(g: GraphBuilder, x: Value, y: Value, dy: Value, kernel: readonly number[]): Value {
  const size = sizeOf(kernel);
  const falling = Float32Array.from({ length: size }, (_, i) => size - i);
  const tile = g.constant(new Tensor("float32", falling, [1, 1, ...kernel]));
  const places = g.shapeLike(g.slice(dy, [0, 0], [1, 1], { axes: [0, 1] }));
  const numbers = cropTo(
    g,
    g.tile(tile, places),
    kernel.map(() => 0),
    x,
  );
  // a product with 1 or 0 takes two thirds of Where's time
  const same = (a: Value, b: Value) => g.cast(g.equal(a, toTiles(g, b, kernel, x)), "float32");
  const numbered = g.mul(same(x, y), numbers);
  const first = g.maxPool(numbered, { kernel, strides: kernel });
  return g.mul(same(numbered, first), toTiles(g, dy, kernel, x));
}

/**
 * The node is made to give the winners' places too, and dY is added up there. Ties go to the first element in the window's
 * order, as in PyTorch. Finding the winners by comparing what each offset of the window sees with Y takes 2.5 to 4.5 times
 * longer in all, though it needs no places.
 */
export function maxPoolGradient(g: GraphBuilder, x: Value, dy: Value, node: Node): Value {
  const places = placesOfWinners(g, node);
  const zeros = g.reshape(g.zerosLike(x), [-1]);
  const sums = g.scatterElements(zeros, g.reshape(places, [-1]), g.reshape(dy, [-1]), { reduction: "add" });
  return g.reshape(sums, g.shapeLike(x), { allowZero: true });
}

function placesOfWinners(g: GraphBuilder, node: Node): Value {
  const [y = "", places = ""] = node.outputs;
  const rowMajor = Number(node.attrs.get("storage_order")?.value ?? 0) === 0;
  if (places !== "" && rowMajor) return g.tensor(places);
  const attrs = new Map([...node.attrs].filter(([name]) => name !== "storage_order"));
  const fresh = g.fresh(`${y}/places`);
  if (places === "" && g.nodes.includes(node)) {
    g.replaceNode(node, { ...node, outputs: [y, fresh], attrs });
    return g.tensor(fresh);
  }
  const again: Node = { ...node, name: "", outputs: [g.fresh(`${y}/again`), fresh], attrs };
  return g.addNode(again)[1]!;
}
