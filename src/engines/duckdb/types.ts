/** @file DuckDB's types as column types, and back; types that Arrow lacks are cast where no value can be lost. */

import {
  type DuckDBArrayType,
  type DuckDBDecimalType,
  type DuckDBListType,
  type DuckDBMapType,
  type DuckDBStructType,
  type DuckDBType,
  DuckDBTypeId as Id,
} from "@duckdb/node-api";
import { arrayOf, type ColumnType, type Field, isNumeric, tensorOf, widthOf } from "../../data/types.js";
import { DataError } from "../../errors.js";
import { quoteName } from "./quote.js";

/** DuckDB refuses longer ones; beyond, a tensor travels as a list. */
export const maxArrayLength = 100_000;

/** Types that have a column type of the same physical form. */
const direct: Partial<Record<Id, ColumnType>> = {
  [Id.BOOLEAN]: "boolean",
  [Id.TINYINT]: "tinyint",
  [Id.SMALLINT]: "smallint",
  [Id.INTEGER]: "int",
  [Id.BIGINT]: "bigint",
  [Id.UTINYINT]: "utinyint",
  [Id.USMALLINT]: "usmallint",
  [Id.UINTEGER]: "uint",
  [Id.UBIGINT]: "ubigint",
  [Id.FLOAT]: "float",
  [Id.DOUBLE]: "double",
  [Id.VARCHAR]: "string",
  [Id.BLOB]: "binary",
  [Id.DATE]: "date",
  [Id.TIME]: "time",
  [Id.TIMESTAMP]: "timestamp_ntz",
  [Id.TIMESTAMP_TZ]: "timestamp",
  [Id.SQLNULL]: "null",
};

/** Types that are cast on the way out: to text, or to the nearest type with an error where a value does not fit. */
const castTo: Partial<Record<Id, ColumnType>> = {
  [Id.HUGEINT]: "bigint",
  [Id.UHUGEINT]: "bigint",
  [Id.ENUM]: "string",
  [Id.UUID]: "string",
  [Id.TIMESTAMP_S]: "timestamp_ntz",
  [Id.TIMESTAMP_MS]: "timestamp_ntz",
  [Id.TIMESTAMP_NS]: "timestamp_ntz",
  [Id.TIME_NS]: "time",
};

/**
 * The column type that holds a DuckDB type.
 *
 * @throws DataError that names the column and the cast to write, for types that Arrow lacks (INTERVAL, BIT, UNION…).
 */
export function columnTypeOf(type: DuckDBType, column: string): ColumnType {
  const known = direct[type.typeId] ?? castTo[type.typeId];
  if (known !== undefined) return known;
  switch (type.typeId) {
    case Id.DECIMAL: {
      const { width, scale } = type as DuckDBDecimalType;
      return { kind: "decimal", precision: width, scale };
    }
    case Id.LIST:
      return arrayOf(columnTypeOf((type as DuckDBListType).valueType, column));
    case Id.ARRAY: {
      const { valueType, length } = type as DuckDBArrayType;
      const element = columnTypeOf(valueType, column);
      if (isNumeric(element)) return tensorOf(element, [length]);
      const isTensor = typeof element === "object" && element.kind === "tensor";
      return isTensor ? tensorOf(element.element, [length, ...element.shape]) : arrayOf(element);
    }
    case Id.STRUCT: {
      const { entryNames, entryTypes } = type as DuckDBStructType;
      const fields = entryTypes.map((entry, i): Field => ({ name: entryNames[i]!, type: columnTypeOf(entry, column) }));
      return { kind: "struct", fields };
    }
    case Id.MAP: {
      const { keyType, valueType } = type as DuckDBMapType;
      return { kind: "map", key: columnTypeOf(keyType, column), value: columnTypeOf(valueType, column) };
    }
    default:
      throw new DataError(
        "DuckDB",
        `column "${column}" has type ${type}, which Arrow lacks; cast it first, as in CAST(${quoteName(column)} AS VARCHAR)`,
        { code: "COLUMN_TYPE", column, found: String(type) },
      );
  }
}

/** The name of the DuckDB type whose vectors {@link BatchBuilder} and the appender read and write for a column type. */
export function duckTypeName(type: ColumnType): string {
  if (typeof type === "string") return names[type];
  switch (type.kind) {
    case "decimal":
      return `DECIMAL(${type.precision},${type.scale})`;
    case "array":
      return `${duckTypeName(type.element)}[]`;
    case "tensor": {
      const width = widthOf(type);
      return width > 0 && width <= maxArrayLength ? `${names[type.element]}[${width}]` : `${names[type.element]}[]`;
    }
    case "struct":
      return `STRUCT(${type.fields.map(({ name, type }) => `${quoteName(name)} ${duckTypeName(type)}`).join(", ")})`;
    case "map":
      return `MAP(${duckTypeName(type.key)}, ${duckTypeName(type.value)})`;
  }
}

/** An expression that gives the column in the form of its column type; the bare column where it has that form already. */
export function canonicalExpression(column: string, type: DuckDBType): string {
  const name = quoteName(column);
  if (type.typeId === Id.TIMESTAMP_NS) {
    const message = `column "${column}" has nanoseconds that a timestamp cannot hold; cast it first, as in CAST(${name} AS TIMESTAMP)`;
    const lost = `epoch_ns(${name}) % 1000 <> 0`;
    return `CASE WHEN ${lost} THEN error('${message.replaceAll("'", "''")}') ELSE CAST(${name} AS TIMESTAMP) END AS ${name}`;
  }
  if (isCanonical(type)) return name;
  return `CAST(${name} AS ${duckTypeName(columnTypeOf(type, column))}) AS ${name}`;
}

export function isCanonical(type: DuckDBType): boolean {
  switch (type.typeId) {
    case Id.LIST:
      return isCanonical((type as DuckDBListType).valueType);
    case Id.ARRAY: {
      // a nested array of numbers lies in memory as the flat tensor does; arrays of other things become lists
      const { valueType } = type as DuckDBArrayType;
      return valueType.typeId === Id.ARRAY ? isCanonical(valueType) : isNumeric(direct[valueType.typeId] ?? "null");
    }
    case Id.STRUCT:
      return (type as DuckDBStructType).entryTypes.every(isCanonical);
    case Id.MAP:
      return isCanonical((type as DuckDBMapType).keyType) && isCanonical((type as DuckDBMapType).valueType);
    case Id.DECIMAL:
      return true;
    default:
      return direct[type.typeId] !== undefined;
  }
}

const names: Readonly<Record<Extract<ColumnType, string>, string>> = {
  null: "INTEGER",
  boolean: "BOOLEAN",
  tinyint: "TINYINT",
  smallint: "SMALLINT",
  int: "INTEGER",
  bigint: "BIGINT",
  utinyint: "UTINYINT",
  usmallint: "USMALLINT",
  uint: "UINTEGER",
  ubigint: "UBIGINT",
  float: "FLOAT",
  double: "DOUBLE",
  string: "VARCHAR",
  binary: "BLOB",
  date: "DATE",
  time: "TIME",
  timestamp: "TIMESTAMPTZ",
  timestamp_ntz: "TIMESTAMP",
};
