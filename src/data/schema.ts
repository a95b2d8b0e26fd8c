/** @file Schema: the names and types of a DataFrame's columns. */

import { didYouMean, listNames, nameOf, SchemaError, type Who } from "../errors.js";
import { type ColumnType, type Field, formatType, isNumeric, isVector, parseType, type TensorType } from "./types.js";

/**
 * Ordered columns with their types; immutable.
 *
 * @example
 * const schema = Schema.of({ age: "int", name: "string", features: "float[16]" });
 * schema.has("age"); // true
 */
export class Schema {
  readonly fields: readonly Field[];
  readonly #byName: ReadonlyMap<string, Field>;

  /** @throws SchemaError where a name stands twice. */
  constructor(fields: readonly Field[]) {
    this.fields = Object.freeze([...fields]);
    this.#byName = new Map(fields.map((field) => [field.name, field]));
    if (this.#byName.size < fields.length) {
      const names = fields.map(({ name }) => name);
      const twice = names.filter((name, i) => names.indexOf(name) < i);
      throw new SchemaError("Schema", `column ${listNames(new Set(twice))} stands twice; rename one with AS`);
    }
  }

  /** A schema from type names. */
  static of(types: Readonly<Record<string, ColumnType | string>>): Schema {
    const fields = Object.entries(types).map(([name, type]) => ({
      name,
      type: typeof type === "string" ? parseType(type) : type,
    }));
    return new Schema(fields);
  }

  get names(): string[] {
    return this.fields.map(({ name }) => name);
  }

  has(name: string): boolean {
    return this.#byName.has(name);
  }

  /** The column's type, or undefined where there is no such column. */
  typeOf(name: string): ColumnType | undefined {
    return this.#byName.get(name)?.type;
  }

  /**
   * The column's type.
   *
   * @param param the parameter that holds the name, for the message
   * @throws SchemaError that lists the columns there are.
   */
  require(name: string, who: Who, param = "inputCol"): ColumnType {
    const type = this.typeOf(name);
    if (type !== undefined) return type;
    throw new SchemaError(who, `no column "${name}" in the data (it has ${listNames(this.names)}); set ${param}`, {
      code: "NO_COLUMN",
      column: name,
      columns: this.names,
    });
  }

  /** A column of numbers (or booleans, decimals). */
  requireNumber(name: string, who: Who, param?: string): ColumnType {
    const type = this.require(name, who, param);
    const fits = isNumeric(type) || type === "boolean" || type === "null" || isDecimal(type);
    return fits ? type : this.#wrongType(name, "a number", who);
  }

  requireString(name: string, who: Who, param?: string): ColumnType {
    const type = this.require(name, who, param);
    return type === "string" || type === "null" ? type : this.#wrongType(name, "a string", who);
  }

  /** A column of vectors: an array or tensor of numbers. */
  requireVector(name: string, who: Who, param?: string): TensorType | ColumnType {
    const type = this.require(name, who, param);
    return isVector(type) ? type : this.#wrongType(name, "a vector (an array or tensor of numbers)", who);
  }

  /** This schema with a column added at the end. @throws SchemaError where the name is taken. */
  with(name: string, type: ColumnType, who: Who = "Schema", param = "outputCol"): Schema {
    if (this.has(name)) {
      throw new SchemaError(who, `column "${name}" is already in the data; choose another ${param}`, {
        code: "COLUMN_EXISTS",
        column: name,
      });
    }
    return new Schema([...this.fields, { name, type }]);
  }

  /** This schema with a column's type replaced in place, or added at the end. */
  replace(name: string, type: ColumnType): Schema {
    if (!this.has(name)) return this.with(name, type);
    return new Schema(this.fields.map((field) => (field.name === name ? { name, type } : field)));
  }

  without(names: Iterable<string>): Schema {
    const gone = new Set(names);
    return new Schema(this.fields.filter(({ name }) => !gone.has(name)));
  }

  /** The named columns, in the order asked for. @throws SchemaError where one is missing. */
  select(names: readonly string[], who: Who = "select"): Schema {
    return new Schema(
      names.map((name) => {
        const type = this.typeOf(name);
        if (type !== undefined) return { name, type };
        const hint = didYouMean(name, this.names);
        throw new SchemaError(who, `no column "${name}" in the data (it has ${listNames(this.names)})${hint}`, {
          code: "NO_COLUMN",
          column: name,
          columns: this.names,
        });
      }),
    );
  }

  rename(from: string, to: string): Schema {
    return new Schema(this.fields.map((field) => (field.name === from ? { name: to, type: field.type } : field)));
  }

  /** A tree in the form of Spark's printSchema. */
  toString(): string {
    return ["root", ...this.fields.map(({ name, type }) => ` |-- ${name}: ${formatType(type)}`)].join("\n");
  }

  toJSON(): Record<string, string> {
    return Object.fromEntries(this.fields.map(({ name, type }) => [name, formatType(type)]));
  }

  #wrongType(name: string, wanted: string, who: Who): never {
    const found = formatType(this.typeOf(name)!);
    throw new SchemaError(who, `column "${name}" must be ${wanted}, but is ${found}${castHint(wanted, name)}`, {
      code: "COLUMN_TYPE",
      column: name,
      expected: wanted,
      found,
      stage: nameOf(who),
    });
  }
}

function isDecimal(type: ColumnType): boolean {
  return typeof type === "object" && type.kind === "decimal";
}

function castHint(wanted: string, name: string): string {
  const target = wanted === "a number" ? "double" : wanted === "a string" ? "string" : undefined;
  return target === undefined ? "" : `; cast it first, as in withColumn("${name}", "CAST(${name} AS ${target})")`;
}
