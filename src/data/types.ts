/** @file Column types: Spark SQL's names, and tensors of a fixed shape. */

import { DataError } from "../errors.js";
import type { DType } from "../tensor/dtype.js";
import { sizeOf } from "../tensor/shape.js";

/** Types without parameters, by Spark SQL's names; the unsigned ones by DuckDB's. */
export const primitiveTypes = [
  "null",
  "boolean",
  "tinyint",
  "smallint",
  "int",
  "bigint",
  "utinyint",
  "usmallint",
  "uint",
  "ubigint",
  "float",
  "double",
  "string",
  "binary",
  "date",
  "time",
  "timestamp",
  "timestamp_ntz",
] as const;

export type PrimitiveType = (typeof primitiveTypes)[number];
export type NumericType = keyof typeof numericDtypes;

export interface DecimalType {
  readonly kind: "decimal";
  readonly precision: number;
  readonly scale: number;
}

/** A list whose length may differ from row to row. */
export interface ArrayType {
  readonly kind: "array";
  readonly element: ColumnType;
}

/** Numbers of one shape in every row, row-major; a vector where the shape has one size. */
export interface TensorType {
  readonly kind: "tensor";
  readonly element: NumericType;
  readonly shape: readonly number[];
}

export interface StructType {
  readonly kind: "struct";
  readonly fields: readonly Field[];
}

export interface MapType {
  readonly kind: "map";
  readonly key: ColumnType;
  readonly value: ColumnType;
}

export type ColumnType = PrimitiveType | DecimalType | ArrayType | TensorType | StructType | MapType;

export interface Field {
  readonly name: string;
  readonly type: ColumnType;
}

const numericDtypes = {
  tinyint: "int8",
  smallint: "int16",
  int: "int32",
  bigint: "int64",
  utinyint: "uint8",
  usmallint: "uint16",
  uint: "uint32",
  ubigint: "uint64",
  float: "float32",
  double: "float64",
} as const satisfies Partial<Record<PrimitiveType, DType>>;

export function isNumeric(type: ColumnType): type is NumericType {
  return typeof type === "string" && type in numericDtypes;
}

/** The tensor dtype that holds a numeric column. */
export function dtypeOf<T extends NumericType>(type: T): (typeof numericDtypes)[T] {
  return numericDtypes[type];
}

/** The column type that holds a tensor's elements; undefined for dtypes without one (`float16`, `string`). */
export function numericTypeOf(dtype: DType): NumericType | undefined {
  const entry = Object.entries(numericDtypes).find(([, name]) => name === dtype);
  return entry?.[0] as NumericType | undefined;
}

export function arrayOf(element: ColumnType): ArrayType {
  return { kind: "array", element };
}

export function tensorOf(element: NumericType, shape: readonly number[]): TensorType {
  return { kind: "tensor", element, shape };
}

export function structOf(fields: Readonly<Record<string, ColumnType>>): StructType {
  return { kind: "struct", fields: Object.entries(fields).map(([name, type]) => ({ name, type })) };
}

/** Whether a column of this type can be read as one vector per row: an array or a tensor of numbers. */
export function isVector(type: ColumnType): type is TensorType | (ArrayType & { readonly element: NumericType }) {
  return typeof type === "object" && (type.kind === "tensor" || (type.kind === "array" && isNumeric(type.element)));
}

/** Numbers per row of a tensor or scalar type. */
export function widthOf(type: TensorType | NumericType): number {
  return typeof type === "string" ? 1 : sizeOf(type.shape);
}

/** `array<float>`, `float[3,224,224]`, `struct<a:int,b:string>`: as Spark writes types, and tensors as DuckDB does. */
export function formatType(type: ColumnType): string {
  if (typeof type === "string") return type;
  switch (type.kind) {
    case "decimal":
      return `decimal(${type.precision},${type.scale})`;
    case "array":
      return `array<${formatType(type.element)}>`;
    case "tensor":
      return `${type.element}[${type.shape.join(",")}]`;
    case "struct":
      return `struct<${type.fields.map(({ name, type }) => `${formatName(name)}:${formatType(type)}`).join(",")}>`;
    case "map":
      return `map<${formatType(type.key)},${formatType(type.value)}>`;
  }
}

export function sameType(a: ColumnType, b: ColumnType): boolean {
  return formatType(a) === formatType(b);
}

/**
 * Reads what {@link formatType} writes.
 *
 * @throws DataError where the text is no type.
 * @example parseType("array<float>") // { kind: "array", element: "float" }
 */
export function parseType(text: string): ColumnType {
  const parser = new TypeParser(text);
  const type = parser.type();
  parser.end();
  return type;
}

function formatName(name: string): string {
  return /^\w+$/.test(name) ? name : `\`${name.replaceAll("`", "``")}\``;
}

const aliases: Readonly<Record<string, PrimitiveType>> = {
  integer: "int",
  long: "bigint",
  short: "smallint",
  byte: "tinyint",
  bool: "boolean",
  real: "float",
  varchar: "string",
  text: "string",
  blob: "binary",
  void: "null",
};

class TypeParser {
  private position = 0;
  private readonly text: string;

  constructor(text: string) {
    this.text = text;
  }

  type(): ColumnType {
    const word = this.match(/\w+/y).toLowerCase();
    const name = aliases[word] ?? word;
    if (name === "decimal") {
      const [precision, scale] = this.skip("(") ? this.sizes(")") : [10, 0];
      return { kind: "decimal", precision: precision ?? 10, scale: scale ?? 0 };
    }
    if (name === "array") return { kind: "array", element: this.between("<", ">", () => this.type()) };
    if (name === "struct") return { kind: "struct", fields: this.between("<", ">", () => this.fields()) };
    if (name === "map") {
      return this.between("<", ">", () => {
        const key = this.type();
        this.expect(",");
        return { kind: "map", key, value: this.type() };
      });
    }
    const primitive = primitiveTypes.find((known) => known === name);
    if (primitive === undefined) this.fail(`unknown type "${word}"`);
    if (!this.skip("[")) return primitive;
    if (!isNumeric(primitive)) this.fail(`a tensor holds numbers, not ${primitive}`);
    return tensorOf(primitive, this.sizes("]"));
  }

  end(): void {
    if (this.match(/\s*/y) === "" && this.position < this.text.length) this.fail("unexpected text");
  }

  private fields(): Field[] {
    const fields: Field[] = [];
    do {
      const quoted = this.match(/\s*(`(?:[^`]|``)*`|\w+)/y).trim();
      const name = quoted.startsWith("`") ? quoted.slice(1, -1).replaceAll("``", "`") : quoted;
      this.expect(":");
      fields.push({ name, type: this.type() });
    } while (this.skip(","));
    return fields;
  }

  private sizes(close: string): number[] {
    const sizes: number[] = [];
    while (!this.skip(close)) {
      if (sizes.length > 0) this.expect(",");
      sizes.push(Number(this.match(/\s*\d+/y)));
    }
    return sizes;
  }

  private between<T>(open: string, close: string, read: () => T): T {
    this.expect(open);
    const value = read();
    this.expect(close);
    return value;
  }

  private expect(token: string): void {
    if (!this.skip(token)) this.fail(`expected "${token}"`);
  }

  private skip(token: string): boolean {
    while (this.text[this.position] === " ") this.position++;
    if (!this.text.startsWith(token, this.position)) return false;
    this.position += token.length;
    return true;
  }

  private match(pattern: RegExp): string {
    while (this.text[this.position] === " ") this.position++;
    pattern.lastIndex = this.position;
    const found = pattern.exec(this.text)?.[0];
    if (found === undefined) this.fail("expected a type or name");
    this.position += found.length;
    return found;
  }

  private fail(reason: string): never {
    throw new DataError("parseType", `${reason} at position ${this.position} of ${JSON.stringify(this.text)}`);
  }
}

/** Whether values may have floats in them, and so NaN and infinities, which JSON lacks; keys of maps are text there. */
export function holdsFloats(type: ColumnType): boolean {
  if (typeof type === "string") return type === "float" || type === "double";
  switch (type.kind) {
    case "decimal":
      return false;
    case "array":
    case "tensor":
      return holdsFloats(type.element);
    case "struct":
      return type.fields.some((field) => holdsFloats(field.type));
    case "map":
      return holdsFloats(type.value);
  }
}
