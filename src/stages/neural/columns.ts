/** @file Columns that feed a network and its losses: which, of what form, told before any work. */

import type { DataFrame } from "../../data/dataframe.js";
import { col } from "../../data/expr.js";
import type { Schema } from "../../data/schema.js";
import { type ColumnType, dtypeOf, formatType, isNumeric } from "../../data/types.js";
import { DataError, listNames, ParamError, SchemaError, type Who } from "../../errors.js";
import type { Network } from "../../nn/network.js";
import { sizeOf } from "../../tensor/shape.js";
import { type Field, rowWeight } from "../../train/problem.js";
import type { Feed, FeedPlan } from "../onnx/feed.js";

const targetPrefix = "target/";

/** A field of the training rows and the column it is read from. */
export interface FieldColumn {
  readonly field: Field;
  readonly plan: FeedPlan;
  /** How a model's input is fed with the column. */
  readonly feed: Feed;
}

/** Which column feeds which input, or is compared with which output. @throws ParamError where names do not match */
export function columnsBy(
  names: readonly string[],
  single: string,
  several: Readonly<Record<string, string>> | undefined,
  param: string,
  what: string,
  who: Who,
): ReadonlyMap<string, string> {
  if (several === undefined) {
    if (names.length === 1) return new Map([[names[0]!, single]]);
    const example = names.map((name) => `${name}: "column"`).join(", ");
    throw new ParamError(who, `the network has ${names.length} ${what}s; set ${param}s: { ${example} }`, {
      param: `${param}s`,
    });
  }
  const missing = names.filter((name) => !Object.hasOwn(several, name));
  const unknown = Object.keys(several).filter((name) => !names.includes(name));
  if (missing.length + unknown.length > 0) {
    const problem = unknown.length > 0 ? `names ${listNames(unknown)}` : `lacks ${listNames(missing)}`;
    throw new ParamError(who, `${param}s ${problem}; the network's ${what}s are ${listNames(names)}`, {
      param: `${param}s`,
    });
  }
  return new Map(names.map((name) => [name, several[name]!]));
}

/** The columns of a network's inputs. @throws SchemaError for a column that holds no numbers, or not as many as declared */
export async function inputColumns(
  df: DataFrame,
  network: Network,
  columns: ReadonlyMap<string, string>,
  who: Who,
): Promise<FieldColumn[]> {
  const schema = await df.schema();
  const found: FieldColumn[] = [];
  for (const { name, shape: declared, dtype } of network.inputs) {
    const column = columns.get(name)!;
    const type = schema.require(column, who, "featuresCol");
    const own = shapeOf(type) ?? [await lengthOf(df, column, who)];
    const shape = declared === undefined ? (own.length === 0 ? [1] : own) : shapeFor(own, declared, column, type, who);
    const field: Field = { name, dtype: (dtype as Field["dtype"] | undefined) ?? fieldType(type, column, who), shape };
    const isSame = own.length === shape.length && own.every((dim, i) => dim === shape[i]);
    const isScalar = own.length === 0 && sizeOf(shape) === 1;
    found.push({
      field,
      plan: planOf(field, column),
      feed: (isSame && shapeOf(type) !== undefined) || isScalar ? column : { column, shape },
    });
  }
  return found;
}

/** A column of class numbers or values that an output is compared with. */
export function targetColumn(
  schema: Schema,
  output: string,
  column: string,
  kind: "classes" | "values",
  who: Who,
): FieldColumn {
  const type = schema.require(column, who, "labelCol");
  if (type === "string") {
    const advice = kind === "classes" ? "number the classes with StringIndexer" : "cast it to double";
    throw new SchemaError(who, `column "${column}" must hold numbers, but is string; ${advice}`, {
      code: "COLUMN_TYPE",
      column,
    });
  }
  elementOf(type, column, who);
  const shape = shapeOf(type);
  if (shape === undefined) {
    const message = `column "${column}" is ${formatType(type)}; labels of several numbers must be a tensor column, whose shape is known`;
    throw new SchemaError(who, message, { code: "COLUMN_TYPE", column });
  }
  const field: Field = { name: `${targetPrefix}${output}`, dtype: kind === "classes" ? "int32" : "float32", shape };
  return { field, plan: planOf(field, column), feed: column };
}

/** The output that a target's field is compared with. */
export function outputOf({ name }: Field): string {
  return name.slice(targetPrefix.length);
}

export function weightColumn(schema: Schema, column: string, who: Who): FieldColumn {
  schema.requireNumber(column, who, "weightCol");
  const field: Field = { name: rowWeight, dtype: "float32", shape: [] };
  return { field, plan: planOf(field, column), feed: column };
}

function planOf(field: Field, column: string): FeedPlan {
  return {
    column,
    input: field.name,
    dtype: field.dtype,
    rowShape: field.shape,
    fixedBatch: undefined,
    sizes: new Map(),
  };
}

/** Doubles and decimals are trained on as float32; whole numbers stay as small as they are. */
function fieldType(type: ColumnType, column: string, who: Who): Field["dtype"] {
  const element = elementOf(type, column, who);
  if (element === "double" || !isNumeric(element)) return "float32";
  return dtypeOf(element);
}

function elementOf(type: ColumnType, column: string, who: Who): ColumnType {
  const element = typeof type === "object" && (type.kind === "tensor" || type.kind === "array") ? type.element : type;
  const isNumber =
    isNumeric(element) || element === "boolean" || (typeof element === "object" && element.kind === "decimal");
  if (isNumber) return element;
  const message = `column "${column}" is ${formatType(type)}, but a network takes numbers, vectors or tensors; index strings, decode pictures, or choose another column`;
  throw new SchemaError(who, message, { code: "COLUMN_TYPE", column });
}

/** Sizes of one row; undefined for a list, whose length the rows tell. */
export function shapeOf(type: ColumnType): readonly number[] | undefined {
  if (typeof type !== "object" || type.kind === "decimal") return [];
  return type.kind === "tensor" ? type.shape : undefined;
}

async function lengthOf(df: DataFrame, column: string, who: Who): Promise<number> {
  const first = await df.select(column).filter(col(column).isNotNull()).first();
  const value = first?.[column] as ArrayLike<number> | undefined;
  if (value !== undefined) return value.length;
  throw new DataError(
    who,
    `there are no rows to train on: column "${column}" holds nothing but nulls, or the data is empty`,
    { code: "NO_ROWS" },
  );
}

function shapeFor(
  own: readonly number[],
  declared: readonly (number | string)[],
  column: string,
  type: ColumnType,
  who: Who,
): readonly number[] {
  const known = declared.every((dim): dim is number => typeof dim === "number");
  if (known && sizeOf(declared) === sizeOf(own)) return declared;
  if (!known && declared.length === own.length && declared.every((dim, i) => typeof dim === "string" || dim === own[i]))
    return own;
  const message = `column "${column}" is ${formatType(type)}, ${sizeOf(own)} numbers per row, but the network's input is declared as [${declared.join(", ")}]; change the input's shape or the column`;
  throw new SchemaError(who, message, { code: "COLUMN_TYPE", column });
}
