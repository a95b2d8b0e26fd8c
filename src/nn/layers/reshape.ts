/** @file Flatten, Reshape, Permute, RepeatVector: the same elements in other places. */

import { ParamError, ShapeError } from "../../errors.js";
import type { Dim } from "../../graph/types.js";
import { formatShape } from "../../tensor/shape.js";
import { integer, json } from "../../util/params.js";
import { defineLayer } from "../layer.js";
import { expectLayout, expectRank } from "./expect.js";

/** All dimensions but the batch's become one: [batch, ...] to [batch, features]. */
export const flatten = defineLayer({
  type: "Flatten",
  params: {},
  build({ g }, [x]) {
    const shape = expectRank("Flatten", x);
    if (shape.length === 2) return x!;
    if (shape.length === 1) return g.unsqueeze(x!, [1]);
    const size = product(shape.slice(1));
    return g.reshape(x!, [0, size ?? -1]);
  },
});

const targetShape = json<readonly number[]>(
  "sizes of one row, without the batch; one of them may be -1",
  "a list of whole numbers of at least 1, one of which may be -1",
  (value) =>
    Array.isArray(value) &&
    value.every((size) => Number.isInteger(size) && (size === -1 || size > 0)) &&
    value.filter((size) => size === -1).length <= 1,
);

/**
 * The same elements with other sizes.
 *
 * @example nn.reshape([1, 28, 28]) // [batch, 784] to [batch, 1, 28, 28]
 */
export const reshape = defineLayer({
  type: "Reshape",
  positional: ["targetShape"],
  params: { targetShape },
  build({ g }, [x], params) {
    const shape = expectRank("Reshape", x);
    const have = product(shape.slice(1));
    const given = params.targetShape.filter((size) => size !== -1).reduce((a, b) => a * b, 1);
    const isOpen = params.targetShape.includes(-1);
    if (have !== undefined && (isOpen ? have % given !== 0 : have !== given)) {
      throw new ShapeError(
        "Reshape",
        `${formatShape(shape)} has ${have} elements per row, which do not fit ${formatShape(params.targetShape)}; give sizes whose product is ${have}`,
      );
    }
    const sizes = params.targetShape.map((size) => (size === -1 && have !== undefined ? have / given : size));
    if (sizes.includes(-1) && typeof shape[0] !== "number") {
      const batch = g.shapeOf(x!, { start: 0, end: 1 });
      return g.reshape(x!, g.concat(batch, [g.ints(sizes)], { axis: 0 }));
    }
    return g.reshape(x!, [typeof shape[0] === "number" ? shape[0] : 0, ...sizes]);
  },
});

/**
 * The dimensions in another order; they are counted from 1, the batch's stays first.
 *
 * @example nn.permute([2, 1]) // [batch, time, features] to [batch, features, time]
 */
export const permute = defineLayer({
  type: "Permute",
  positional: ["dims"],
  params: {
    dims: json<readonly number[]>("the new order, from 1", "the numbers from 1 on, each once, in some order", (value) =>
      isOrder(value),
    ),
  },
  build({ g }, [x], { dims }) {
    const shape = expectRank("Permute", x);
    if (dims.length !== shape.length - 1) {
      throw new ParamError(
        "Permute",
        `dims has ${dims.length} numbers for ${formatShape(shape)}; give ${shape.length - 1}`,
      );
    }
    return g.transpose(x!, [0, ...dims]);
  },
});

/** Each row several times, as a sequence: [batch, features] to [batch, n, features]. */
export const repeatVector = defineLayer({
  type: "RepeatVector",
  positional: ["n"],
  params: { n: integer("length of the sequence", { min: 1 }) },
  build({ g }, [x], { n }) {
    expectLayout("RepeatVector", x, "features");
    return g.expand(g.unsqueeze(x!, [1]), [1, n, 1]);
  },
});

function product(dims: readonly Dim[]): number | undefined {
  return dims.every((dim) => typeof dim === "number") ? dims.reduce((a, b) => a * b, 1) : undefined;
}

function isOrder(value: unknown): boolean {
  if (!Array.isArray(value)) return false;
  const sorted = [...(value as number[])].sort((a, b) => a - b);
  return sorted.length > 0 && sorted.every((dim, i) => dim === i + 1);
}
