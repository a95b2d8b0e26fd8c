/** @file Arithmetic on sizes that may be names: equal expressions give equal text. */

import { ShapeError } from "../errors.js";
import type { Dim } from "../graph/types.js";
import { formatShape } from "../tensor/shape.js";

export type Dims = readonly Dim[];

/** a * b, as `3*batch` where a name is in it. */
export function mulDims(...dims: Dims): Dim {
  let factor = 1;
  const names: string[] = [];
  for (const dim of dims) {
    if (dim === "?") return dims.includes(0) ? 0 : "?";
    if (typeof dim === "number") factor *= dim;
    else {
      const [, number, rest] = /^(\d+)\*([^()+-]+)$/.exec(dim) ?? [];
      if (number !== undefined) {
        factor *= Number(number);
        names.push(...rest!.split("*"));
      } else names.push(...(/[ ()+/-]/.test(dim) ? [dim.startsWith("(") ? dim : `(${dim})`] : dim.split("*")));
    }
  }
  if (factor === 0 || names.length === 0) return factor;
  names.sort();
  return factor === 1 ? (names.length === 1 ? names[0]! : names.join("*")) : `${factor}*${names.join("*")}`;
}

/** a + b, with the numbers gathered at the end. */
export function addDims(a: Dim, b: Dim): Dim {
  if (typeof a === "number" && typeof b === "number") return a + b;
  if (a === 0) return b;
  if (b === 0) return a;
  if (a === "?" || b === "?") return "?";
  const [nameA, offsetA] = splitOffset(a);
  const [nameB, offsetB] = splitOffset(b);
  const names = [nameA, nameB]
    .filter((name) => name !== "")
    .sort()
    .join("+");
  const offset = offsetA + offsetB;
  return offset === 0 ? names : `${names}${offset > 0 ? "+" : "-"}${Math.abs(offset)}`;
}

/** a - b; 0 where they are the same name. */
export function subDims(a: Dim, b: Dim): Dim {
  if (typeof b === "number") return addDims(a, -b);
  if (a === b && a !== "?") return 0;
  return a === "?" || b === "?" ? "?" : `(${a})-(${b})`;
}

/** floor(a / b), or ceil. */
export function divDims(a: Dim, b: number, round: "floor" | "ceil" = "floor"): Dim {
  if (typeof a === "number") return Math[round](a / b);
  if (a === "?" || b === 1) return a;
  return `${round}((${a})/${b})`;
}

/** Whether two sizes are surely the same. */
export function sameDim(a: Dim | undefined, b: Dim | undefined): boolean {
  return a !== undefined && a !== "?" && a === b;
}

/** The size that two operands are stretched to; "?" where it depends on sizes not known. */
export function broadcastDim(a: Dim, b: Dim): Dim | undefined {
  if (a === 1) return b;
  if (b === 1 || a === b) return a;
  if (typeof a === "number" && typeof b === "number") return undefined;
  // a name against a number other than 1 has to be that number, or 1
  if (typeof a === "number") return a;
  return typeof b === "number" ? b : "?";
}

/** Shapes stretched to each other, as NumPy does. @throws ShapeError where two sizes differ and neither is 1. */
export function broadcastDims(shapes: readonly (Dims | undefined)[], who: string): Dims | undefined {
  let result: Dims = [];
  for (const shape of shapes) {
    if (shape === undefined) return undefined;
    const [a, b] = [result, shape];
    const rank = Math.max(a.length, b.length);
    result = Array.from({ length: rank }, (_, i) => {
      const dim = broadcastDim(a[i - rank + a.length] ?? 1, b[i - rank + b.length] ?? 1);
      if (dim !== undefined) return dim;
      throw new ShapeError(who, `shapes ${shapes.map((s) => formatShape(s ?? [])).join(" and ")} do not broadcast`);
    });
  }
  return result;
}

/** The axis counted from the front. @throws ShapeError where there is none. */
export function axisOf(axis: number, rank: number, who: string): number {
  const from = axis < 0 ? axis + rank : axis;
  if (Number.isInteger(from) && from >= 0 && from < rank) return from;
  throw new ShapeError(who, `axis ${axis} is outside a tensor of ${rank} dimensions`);
}

function splitOffset(dim: Dim): [name: string, offset: number] {
  if (typeof dim === "number") return ["", dim];
  const [, name, offset] = /^(.+)([+-]\d+)$/.exec(dim) ?? [];
  return name === undefined || name.endsWith("(") || dim.includes("(") ? [dim, 0] : [name, Number(offset)];
}

/** Whether every size is known. */
export function areNumbers(dims: Dims): dims is readonly number[] {
  return dims.every((dim) => typeof dim === "number");
}
