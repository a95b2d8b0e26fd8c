/** @file Names and types of what a plan gives, found without running it: each query is prepared over empty inputs. */

import { type DuckDBType, DuckDBTypeId, StatementType } from "@duckdb/node-api";
import { Describer, type Description, type Picked } from "../../data/describer.js";
import type { Query, ReadPlan, SqlPlan } from "../../data/plan.js";
import { Schema } from "../../data/schema.js";
import { type ColumnType, type Field, sameType, type TensorType, tensorOf, widthOf } from "../../data/types.js";
import { listNames, SchemaError } from "../../errors.js";
import type { Database } from "./database.js";
import { render } from "./dialect.js";
import type { Expander } from "./expand.js";
import { quoteName } from "./quote.js";
import { readSql } from "./readers.js";
import { translate } from "./translate.js";
import { canonicalExpression, columnTypeOf, duckTypeName, maxArrayLength } from "./types.js";

/** One column as DuckDB has it. */
interface DescribedColumn {
  readonly name: string;
  /** Its type's name in SQL. */
  readonly sqlType: string;
  /** Undefined where the column has the form of its column type already. */
  readonly duckType: DuckDBType | undefined;
  /** Undefined where Arrow lacks the type. */
  readonly type: ColumnType | undefined;
}

/** What a plan gives. */
export class Described implements Description {
  readonly columns: readonly DescribedColumn[];
  /** A statement that is no query, such as CREATE TABLE. */
  readonly isStatement: boolean;
  readonly #schema: Schema;

  constructor(columns: readonly DescribedColumn[], isStatement = false) {
    this.columns = columns;
    this.isStatement = isStatement;
    checkNames(columns.map(({ name }) => name));
    this.#schema = new Schema(columns.map(({ name, type }) => ({ name, type: type ?? "string" })));
  }

  static of(schema: Schema): Described {
    return new Described(
      schema.fields.map(({ name, type }) => ({ name, type, sqlType: duckTypeName(type), duckType: undefined })),
    );
  }

  /** For queries, which may still cast what Arrow lacks: such columns count as strings. */
  get forQueries(): Schema {
    return this.#schema;
  }

  /** @throws DataError for a column whose type Arrow lacks. */
  get schema(): Schema {
    for (const { name, type, duckType } of this.columns) {
      if (type === undefined && duckType !== undefined) columnTypeOf(duckType, name);
    }
    return this.#schema;
  }

  /** An empty table of these columns. */
  get emptySql(): string {
    return `(SELECT ${this.columns.map(({ name, sqlType }) => `NULL::${sqlType} AS ${quoteName(name)}`).join(", ")} WHERE false)`;
  }

  /** The select list that gives every column in the form of its column type. */
  get canonicalList(): string {
    return this.columns
      .map(({ name, duckType }) => (duckType ? canonicalExpression(name, duckType) : quoteName(name)))
      .join(", ");
  }
}

/** @throws SchemaError for names that SQL cannot say, or by which DuckDB would take another column. */
function checkNames(names: readonly string[]): void {
  if (names.includes("")) throw new SchemaError("Schema", "a column's name is empty; rename it");
  const known = new Map<string, string>();
  for (const name of names) {
    const folded = name.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
    const before = known.get(folded);
    if (before !== undefined && before !== name) {
      const both = listNames([before, name]);
      throw new SchemaError("Schema", `columns ${both} differ in upper and lower case only; rename one with AS`);
    }
    known.set(folded, name);
  }
}

/** Asks DuckDB: each query is prepared over empty inputs. */
export class DuckDescriber extends Describer<Described> {
  readonly #database: Database;
  readonly #expander: Expander;

  constructor(database: Database, expander: Expander) {
    super();
    this.#database = database;
    this.#expander = expander;
  }

  protected of(schema: Schema): Described {
    return Described.of(schema);
  }

  protected cached(input: Described): Described {
    return Described.of(input.schema);
  }

  protected picked(below: Described, columns: readonly Picked[]): Described {
    const byName = new Map(below.columns.map((column) => [column.name, column]));
    return new Described(columns.map(({ from, to }) => ({ ...byName.get(from)!, name: to })));
  }

  protected async read(plan: ReadPlan): Promise<Described> {
    const expanded = await this.#expander.expand(plan);
    if (expanded !== plan) return await this.describe(expanded);
    const { sql, tensors } = await readSql(plan, this.#database);
    const { columns } = await this.#prepare(sql, `read.${plan.format}`, []);
    return new Described(columns.map((column) => ({ ...column, type: tensors.get(column.name) ?? column.type })));
  }

  protected async ask(plan: SqlPlan, query: Query, inputs: readonly Described[]): Promise<Described> {
    const names = query.inputNames;
    const text = render(query.sql, (index) => inputs[index]!.emptySql);
    const views = names?.map((name, i) => `${quoteName(name)} AS ${inputs[i]!.emptySql}`) ?? [];
    const described = await this.#prepare(
      views.length > 0 ? `WITH ${views.join(", ")} SELECT * FROM (${text}\n)` : text,
      plan.op,
      inputs,
    );
    return query.effect?.kind === "rows" ? inputs[0]! : described;
  }

  async #prepare(sql: string, op: string, inputs: readonly Described[]): Promise<Described> {
    const connection = await this.#database.connect();
    try {
      const prepared = await this.#database.during(() => connection.prepare(sql));
      const columns = Array.from({ length: prepared.columnCount }, (_, i) =>
        describeColumn(prepared.columnName(i), prepared.columnType(i), inputs),
      );
      return new Described(columns, prepared.statementType !== StatementType.SELECT);
    } catch (error) {
      throw translate(
        error,
        op,
        inputs.flatMap(({ columns }) => columns.map(({ name }) => name)),
      );
    } finally {
      this.#database.release(connection);
    }
  }
}

function describeColumn(name: string, duckType: DuckDBType, inputs: readonly Described[]): DescribedColumn {
  let type: ColumnType | undefined;
  try {
    type = columnTypeOf(duckType, name);
  } catch {
    return { name, duckType, sqlType: String(duckType), type: undefined };
  }
  return { name, duckType, sqlType: sqlTypeOf(duckType), type: withShape({ name, type }, inputs) };
}

function sqlTypeOf(type: DuckDBType): string {
  return type.typeId === DuckDBTypeId.SQLNULL ? "INTEGER" : String(type);
}

/** SQL knows flat vectors only; a tensor's shape is that of the input's column of the same name and size. */
function withShape({ name, type }: Field, inputs: readonly Described[]): ColumnType {
  for (const { columns } of inputs) {
    const before = columns.find((column) => column.name === name)?.type;
    if (typeof before === "object" && before.kind === "tensor" && isFlat(type, before)) return before;
  }
  return type;
}

function isFlat(type: ColumnType, tensor: TensorType): boolean {
  if (typeof type !== "object") return false;
  if (type.kind === "array") return widthOf(tensor) > maxArrayLength && type.element === tensor.element;
  return sameType(type, tensorOf(tensor.element, [widthOf(tensor)]));
}
