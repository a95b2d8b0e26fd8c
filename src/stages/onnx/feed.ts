/** @file How a column feeds a model's input: whether they fit, told before any work. */

import type { Schema } from "../../data/schema.js";
import { type ColumnType, formatType, isNumeric } from "../../data/types.js";
import { SchemaError, type Who } from "../../errors.js";
import type { ValueInfo } from "../../graph/types.js";
import { type DType, dtypes } from "../../tensor/dtype.js";
import { sizeOf } from "../../tensor/shape.js";
import { describeValue, describeValues } from "./signature.js";

/** A column by its name, or with the shape that the numbers of each row are given. */
export type Feed = string | { readonly column: string; readonly shape: readonly number[] };

/** A column that fits an input. */
export interface FeedPlan {
  readonly column: string;
  readonly input: string;
  readonly dtype: DType;
  /** Sizes of one row; undefined stands for a size that the rows tell. One of them at most. */
  readonly rowShape: readonly (number | undefined)[];
  /** Rows that the model takes at once, where its input has a fixed first size. */
  readonly fixedBatch: number | undefined;
  /** The input's named sizes that the column decides. */
  readonly sizes: ReadonlyMap<string, number>;
}

/**
 * How the column feeds the input.
 *
 * @param param the stage's parameter that names the column
 * @throws SchemaError that names column, type, input, dtype and shape, and says what to change.
 */
export function planFeed(
  schema: Schema,
  feed: Feed,
  input: ValueInfo,
  inputs: readonly ValueInfo[],
  who: Who,
  param = "feeds",
): FeedPlan {
  const column = typeof feed === "string" ? feed : feed.column;
  const type = schema.require(column, who, param);
  const fail = (advice: string): never => {
    const others = inputs.length > 1 ? ` (its inputs: ${describeValues(inputs)})` : "";
    const message = `column "${column}" is ${formatType(type)}, but the model's input is ${describeValue(input)}${others}; ${advice}`;
    throw new SchemaError(who, message, { code: "FEED", column, input: input.name });
  };
  const dtype = dtypes.find((known) => known === input.dtype);
  if (dtype === undefined || dtype === "bfloat16")
    return fail("columns cannot hold this dtype; put a Cast before it in the model");
  const holdsText = elementOf(type) === "string";
  if (elementOf(type) === undefined) fail("feed a column of numbers, or an array or tensor of them");
  if (elementOf(type) !== "null" && holdsText !== (dtype === "string")) {
    fail(holdsText ? "index or tokenize the strings first" : "cast the column to string first");
  }
  const { shape } = input;
  if (shape?.length === 0)
    fail("it has no dimension for the rows, so it cannot be fed by a column; make it a constant");
  const [batch, ...rest] = shape ?? ["batch"];
  const given = typeof feed === "string" ? shapeOf(type) : feed.shape;
  const rowShape = shape === undefined ? (given ?? [undefined]) : fitShape(type, given, rest, typeof feed !== "string");
  if (rowShape === undefined) return fail(adviceFor(given, rest));
  const named = rest.flatMap((dim, i) =>
    typeof dim === "string" && rowShape[i] !== undefined ? [[dim, rowShape[i]] as const] : [],
  );
  return {
    column,
    input: input.name,
    dtype,
    rowShape,
    fixedBatch: typeof batch === "number" ? batch : undefined,
    sizes: new Map(named),
  };
}

/** Numbers per row; undefined where the rows tell. */
export function widthOfRow(rowShape: readonly (number | undefined)[]): number | undefined {
  return rowShape.every((dim) => dim !== undefined) ? sizeOf(rowShape) : undefined;
}

type Dims = readonly (number | string)[];

/** The shape of one row where the column fits, else undefined. */
function fitShape(
  type: ColumnType,
  given: readonly number[] | undefined,
  rest: Dims,
  isReshaped: boolean,
): readonly (number | undefined)[] | undefined {
  const sizes = rest.map((dim) => (typeof dim === "number" ? dim : undefined));
  const fits = (shape: readonly number[]) =>
    shape.length === rest.length && shape.every((n, i) => (sizes[i] ?? n) === n);
  if (isReshaped) {
    const own = shapeOf(type);
    const holds = own === undefined || sizeOf(own) === sizeOf(given!);
    return holds && fits(given!) ? given : undefined;
  }
  // a list of unknown length: the model tells its length, or the rows do
  if (given === undefined) return rest.length === 1 ? sizes : undefined;
  // nulls alone, as predictOne may have them: no row will be fed
  if (type === "null") return sizes.map((size) => size ?? 1);
  // one number per row: [batch], or [batch, 1]
  if (given.length === 0)
    return sizes.every((size) => size === undefined || size === 1) ? rest.map(() => 1) : undefined;
  return fits(given) ? given : undefined;
}

function adviceFor(given: readonly number[] | undefined, rest: Dims): string {
  const isKnown = rest.every((dim) => typeof dim === "number");
  const shape = `[${rest.join(", ")}]`;
  const sorted = (sizes: Dims) => [...sizes].sort().join();
  if (given !== undefined && given.length > 1 && sorted(given) === sorted(rest)) {
    return `bring its dimensions into the order ${shape}, as with ImageTransformer's layout`;
  }
  if (given === undefined || given.length === 1) {
    const size = isKnown ? sizeOf(rest as number[]) : undefined;
    if (size !== undefined && (given === undefined || given[0] === size))
      return `feed it as { column, shape: ${shape} }`;
  }
  return `feed a column of shape ${shape} per row, or set { column, shape } for a flat list`;
}

/** Sizes of one row: none for one value, undefined for a list. */
function shapeOf(type: ColumnType): readonly number[] | undefined {
  if (typeof type === "string" || type.kind === "decimal") return [];
  return type.kind === "tensor" ? type.shape : undefined;
}

function elementOf(type: ColumnType): "number" | "string" | "null" | undefined {
  if (type === "null") return "null";
  if (type === "string") return "string";
  if (isNumeric(type) || type === "boolean") return "number";
  if (typeof type !== "object") return undefined;
  if (type.kind === "decimal" || type.kind === "tensor") return "number";
  return type.kind === "array" && typeof type.element === "string" ? elementOf(type.element) : undefined;
}
