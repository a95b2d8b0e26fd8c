/** @file Column types as Arrow types, and back. A tensor is Arrow's canonical extension `arrow.fixed_shape_tensor`. */

import * as arrow from "apache-arrow";
import { DataError } from "../errors.js";
import { sizeOf } from "../tensor/shape.js";
import { Schema } from "./schema.js";
import { type ColumnType, type Field, isNumeric, type NumericType, tensorOf } from "./types.js";

const extensionName = "ARROW:extension:name";
const extensionMetadata = "ARROW:extension:metadata";
const tensorExtension = "arrow.fixed_shape_tensor";

const primitives: Readonly<Record<Extract<ColumnType, string>, () => arrow.DataType>> = {
  null: () => new arrow.Null(),
  boolean: () => new arrow.Bool(),
  tinyint: () => new arrow.Int8(),
  smallint: () => new arrow.Int16(),
  int: () => new arrow.Int32(),
  bigint: () => new arrow.Int64(),
  utinyint: () => new arrow.Uint8(),
  usmallint: () => new arrow.Uint16(),
  uint: () => new arrow.Uint32(),
  ubigint: () => new arrow.Uint64(),
  float: () => new arrow.Float32(),
  double: () => new arrow.Float64(),
  string: () => new arrow.Utf8(),
  binary: () => new arrow.Binary(),
  date: () => new arrow.DateDay(),
  time: () => new arrow.TimeMicrosecond(),
  timestamp: () => new arrow.TimestampMicrosecond("UTC"),
  timestamp_ntz: () => new arrow.TimestampMicrosecond(),
};

export function toArrowType(type: ColumnType): arrow.DataType {
  if (typeof type === "string") return primitives[type]();
  switch (type.kind) {
    case "decimal":
      return new arrow.Decimal(type.scale, type.precision, 128);
    case "array":
      return new arrow.List(toArrowField({ name: "item", type: type.element }));
    case "tensor":
      return new arrow.FixedSizeList(sizeOf(type.shape), toArrowField({ name: "item", type: type.element }));
    case "struct":
      return new arrow.Struct(type.fields.map(toArrowField));
    case "map": {
      const key = new arrow.Field("key", toArrowType(type.key), false);
      const value = toArrowField({ name: "value", type: type.value });
      const entries = new arrow.Struct<{ key: arrow.DataType; value: arrow.DataType }>([key, value]);
      return new arrow.Map_(new arrow.Field("entries", entries, false));
    }
  }
}

export function toArrowField({ name, type }: Field): arrow.Field {
  const metadata = new Map<string, string>();
  if (typeof type === "object" && type.kind === "tensor") {
    metadata.set(extensionName, tensorExtension);
    metadata.set(extensionMetadata, JSON.stringify({ shape: type.shape }));
  }
  return new arrow.Field(name, toArrowType(type), true, metadata);
}

export function toArrowSchema(schema: Schema): arrow.Schema {
  return new arrow.Schema(schema.fields.map(toArrowField));
}

/** @throws DataError for an Arrow type that has no column type. */
export function fromArrowField(field: arrow.Field): Field {
  return { name: field.name, type: fromArrowType(field.type, field) };
}

export function fromArrowSchema(schema: arrow.Schema): Schema {
  return new Schema(schema.fields.map(fromArrowField));
}

function fromArrowType(type: arrow.DataType, field: arrow.Field): ColumnType {
  const T = arrow.DataType;
  if (T.isNull(type)) return "null";
  if (T.isBool(type)) return "boolean";
  if (T.isInt(type)) return integerName(type.bitWidth, type.isSigned);
  if (T.isFloat(type) && type.precision !== arrow.Precision.HALF) {
    return type.precision === arrow.Precision.SINGLE ? "float" : "double";
  }
  if (T.isUtf8(type) || T.isLargeUtf8(type)) return "string";
  if (T.isBinary(type) || T.isLargeBinary(type)) return "binary";
  if (T.isDate(type)) return "date";
  if (T.isTime(type)) return "time";
  if (T.isTimestamp(type)) return type.timezone ? "timestamp" : "timestamp_ntz";
  if (T.isDecimal(type)) return { kind: "decimal", precision: type.precision, scale: type.scale };
  if (T.isDictionary(type)) return fromArrowType(type.dictionary, field);
  if (T.isList(type)) return { kind: "array", element: fromArrowField(type.children[0]!).type };
  if (T.isStruct(type)) return { kind: "struct", fields: type.children.map(fromArrowField) };
  if (T.isFixedSizeList(type)) {
    const element = fromArrowField(type.children[0]!).type;
    if (!isNumeric(element)) return { kind: "array", element };
    return tensorOf(element, shapeIn(field) ?? [type.listSize]);
  }
  if (T.isMap(type)) {
    const [key, value] = type.children[0]!.type.children as [arrow.Field, arrow.Field];
    return { kind: "map", key: fromArrowField(key).type, value: fromArrowField(value).type };
  }
  throw new DataError("Arrow", `column "${field.name}" has type ${type}, which deepframe cannot hold; cast it first`);
}

function shapeIn(field: arrow.Field): number[] | undefined {
  if (field.metadata.get(extensionName) !== tensorExtension) return undefined;
  return JSON.parse(field.metadata.get(extensionMetadata) ?? "{}").shape;
}

function integerName(bits: number, signed: boolean): NumericType {
  const name = ({ 8: "tinyint", 16: "smallint", 32: "int", 64: "bigint" } as const)[bits as 8 | 16 | 32 | 64];
  return signed ? name : `u${name}`;
}
