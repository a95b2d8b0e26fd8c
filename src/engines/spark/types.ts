/** @file Column types as Spark has them. What it lacks travels in a wider form, the type itself in the column's metadata. */

import { create, createRegistry, equals, type MessageInitShape } from "@bufbuild/protobuf";
import { Schema } from "../../data/schema.js";
import { arrayOf, type ColumnType, type Field, formatType, parseType, sameType } from "../../data/types.js";
import { SchemaError, type Who } from "../../errors.js";
import { type DataType, DataTypeSchema } from "./proto/spark_connect_pb.js";

type TypeInit = MessageInitShape<typeof DataTypeSchema>;

/** Key of a column's metadata, which Spark hands on wherever it hands on the column as it is. */
const typeKey = "deepframe.type";

/** The type of the same values in Spark. @throws SchemaError for a type that Spark has nothing for. */
export function sparkType(type: ColumnType, column = "value", who: Who = "Spark"): ColumnType {
  if (typeof type === "string") {
    if (type === "time") {
      throw new SchemaError(who, `column "${column}" has type time, which Spark lacks; cast it to string first`);
    }
    return widened[type] ?? type;
  }
  switch (type.kind) {
    case "decimal":
      return type;
    case "tensor":
      return arrayOf(sparkType(type.element, column, who));
    case "array":
      return arrayOf(sparkType(type.element, column, who));
    case "struct":
      return {
        kind: "struct",
        fields: type.fields.map((field) => ({ ...field, type: sparkType(field.type, column, who) })),
      };
    case "map":
      return { kind: "map", key: sparkType(type.key, column, who), value: sparkType(type.value, column, who) };
  }
}

/** The schema of the same values in Spark. */
export function sparkSchema(schema: Schema, who?: Who): Schema {
  return new Schema(schema.fields.map(({ name, type }) => ({ name, type: sparkType(type, name, who) })));
}

/** Spark's own JSON for a schema, with our types in the metadata where Spark's differ. */
export function schemaToJson(schema: Schema): string {
  return JSON.stringify(structJson(schema.fields, true));
}

/** A schema as the protocol has it, with our types in the metadata where Spark's differ. */
export function schemaToProto({ fields }: Schema): TypeInit {
  const list = fields.map(({ name, type }) => {
    const spark = sparkType(type, name);
    const metadata = sameType(spark, type) ? {} : { metadata: JSON.stringify({ [typeKey]: formatType(type) }) };
    return { name, dataType: typeToProto(spark), nullable: true, ...metadata };
  });
  return { kind: { case: "struct", value: { fields: list } } };
}

/** A type of Spark's as the protocol has it. */
export function typeToProto(type: ColumnType): TypeInit {
  if (typeof type === "string") {
    const found = Object.entries(plain).find(([, name]) => name === type);
    // the case is one of those of `plain`, whose values are all empty
    return { kind: { case: found![0], value: {} } } as TypeInit;
  }
  switch (type.kind) {
    case "decimal":
      return { kind: { case: "decimal", value: { precision: type.precision, scale: type.scale } } };
    case "array":
    case "tensor":
      return { kind: { case: "array", value: { elementType: typeToProto(type.element), containsNull: true } } };
    case "struct": {
      const fields = type.fields.map((field) => ({
        name: field.name,
        dataType: typeToProto(field.type),
        nullable: true,
      }));
      return { kind: { case: "struct", value: { fields } } };
    }
    case "map": {
      const value = { keyType: typeToProto(type.key), valueType: typeToProto(type.value), valueContainsNull: true };
      return { kind: { case: "map", value } };
    }
  }
}

/** The columns of an analyzed plan. Types that we lack come as Spark's name for them, for the message. */
export function fromSparkSchema(type: DataType | undefined): { schema: Schema; unknown: ReadonlyMap<string, string> } {
  const unknown = new Map<string, string>();
  if (type?.kind.case !== "struct") return { schema: new Schema([]), unknown };
  const fields = type.kind.value.fields.map(({ name, dataType, metadata }): Field => {
    const found = fromSparkType(dataType);
    if (found === undefined) {
      unknown.set(name, String(dataType?.kind.case));
      return { name, type: "string" };
    }
    return { name, type: promised(found, metadata) };
  });
  return { schema: new Schema(fields), unknown };
}

/** Spark's JSON for columns of an analyzed plan, all of which may be null; undefined where ours would not say all that Spark knows. */
export function exactJson(type: DataType | undefined): string | undefined {
  const { schema, unknown } = fromSparkSchema(type);
  if (type === undefined || unknown.size > 0) return undefined;
  return equals(DataTypeSchema, create(DataTypeSchema, schemaToProto(schema)), type, {
    registry: createRegistry(),
    unknown: true,
  })
    ? schemaToJson(schema)
    : undefined;
}

/** The type the metadata tells of, where it is one of the same values. */
function promised(found: ColumnType, metadata: string | undefined): ColumnType {
  if (metadata === undefined || !metadata.includes(typeKey)) return found;
  const text: unknown = JSON.parse(metadata)[typeKey];
  if (typeof text !== "string") return found;
  const type = parseType(text);
  return sameType(sparkType(type), found) ? type : found;
}

const plain: Readonly<Record<string, ColumnType>> = {
  null: "null",
  binary: "binary",
  boolean: "boolean",
  byte: "tinyint",
  short: "smallint",
  integer: "int",
  long: "bigint",
  float: "float",
  double: "double",
  string: "string",
  char: "string",
  varChar: "string",
  date: "date",
  timestamp: "timestamp",
  timestampNtz: "timestamp_ntz",
};

function fromSparkType(type: DataType | undefined): ColumnType | undefined {
  const kind = type?.kind;
  if (kind?.case === undefined) return undefined;
  switch (kind.case) {
    case "decimal":
      return { kind: "decimal", precision: kind.value.precision ?? 10, scale: kind.value.scale ?? 0 };
    case "array": {
      const element = fromSparkType(kind.value.elementType);
      return element && arrayOf(element);
    }
    case "struct": {
      const fields: Field[] = [];
      for (const { name, dataType } of kind.value.fields) {
        const inner = fromSparkType(dataType);
        if (inner === undefined) return undefined;
        fields.push({ name, type: inner });
      }
      return { kind: "struct", fields };
    }
    case "map": {
      const key = fromSparkType(kind.value.keyType);
      const value = fromSparkType(kind.value.valueType);
      return key && value && { kind: "map", key, value };
    }
    case "udt":
      return fromSparkType(kind.value.sqlType);
    default:
      return plain[kind.case];
  }
}

/** Numbers without a sign, as the next wider type with one. */
const widened: Partial<Record<ColumnType & string, ColumnType>> = {
  utinyint: "smallint",
  usmallint: "int",
  uint: "bigint",
  ubigint: { kind: "decimal", precision: 20, scale: 0 },
};

const jsonNames: Partial<Record<ColumnType & string, string>> = {
  null: "void",
  tinyint: "byte",
  smallint: "short",
  int: "integer",
  bigint: "long",
};

type Json = string | Readonly<Record<string, unknown>>;

function structJson(fields: readonly Field[], withMetadata: boolean): Json {
  return {
    type: "struct",
    fields: fields.map(({ name, type }) => {
      const spark = sparkType(type, name);
      const isSame = !withMetadata || sameType(spark, type);
      const metadata = isSame ? {} : { [typeKey]: formatType(type) };
      return { name, type: typeToJson(spark), nullable: true, metadata };
    }),
  };
}

/** A type of Spark's as its own JSON. */
export function typeToJson(type: ColumnType): Json {
  if (typeof type === "string") return jsonNames[type] ?? type;
  switch (type.kind) {
    case "decimal":
      return formatType(type);
    case "array":
    case "tensor":
      return { type: "array", elementType: typeToJson(type.element), containsNull: true };
    case "struct":
      return structJson(type.fields, false);
    case "map":
      return { type: "map", keyType: typeToJson(type.key), valueType: typeToJson(type.value), valueContainsNull: true };
  }
}
