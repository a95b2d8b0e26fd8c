/** @file What a DataFrame is made of: an immutable tree of a few node kinds, compiled by an engine. */

import type * as arrow from "apache-arrow";
import type { BatchStage } from "./batch-stage.js";
import type { Schema } from "./schema.js";
import type { ColumnType } from "./types.js";

export type Plan = ReadPlan | LocalPlan | SqlPlan | StagePlan | CachePlan;

/** Files to read. */
export interface ReadPlan {
  readonly kind: "read";
  readonly format: "parquet" | "csv" | "json" | "images" | "binaryFiles" | "libsvm" | "idx";
  readonly paths: readonly string[];
  readonly options: Readonly<Record<string, unknown>>;
  readonly schema: Schema | undefined;
}

/** Rows held in this process. */
export interface LocalPlan {
  readonly kind: "local";
  readonly batches: readonly arrow.RecordBatch[];
  readonly schema: Schema;
}

/** A query over other plans. */
export interface SqlPlan {
  readonly kind: "sql";
  /** The method that made it, for messages and plans: `filter`, `withColumn`. */
  readonly op: string;
  /** The query for inputs of these schemas. @throws SchemaError where a column is missing. */
  readonly query: (inputs: readonly Schema[]) => Query;
  readonly inputs: readonly Plan[];
  readonly schema: Schema | undefined;
  /** Whether the same input gives the same rows in the same order each time. */
  readonly stable: boolean;
}

export interface Query {
  readonly sql: SqlTemplate;
  /** Names by which the text itself calls the inputs (views), in their order. */
  readonly inputNames?: readonly string[] | undefined;
  /** What is known of the query, so that an engine can move it below a stage or leave stages out. */
  readonly effect?: Effect | undefined;
}

export type Effect =
  /** Every row of the one input, some of its columns, renamed. */
  | { readonly kind: "pick"; readonly columns: readonly { readonly from: string; readonly to: string }[] }
  /** Some rows of the one input, perhaps in another order, with all of their columns. */
  | {
      readonly kind: "rows";
      /** Whether the choice depends on the rows around (limit, order), not on each row alone. */
      readonly counts: boolean;
    }
  /** All rows of both inputs, whose columns are the same. */
  | { readonly kind: "union" };

/** A stage over each batch of another plan. */
export interface StagePlan {
  readonly kind: "stage";
  readonly stage: BatchStage;
  readonly input: Plan;
  readonly schema: Schema | undefined;
}

/** A plan whose rows the engine keeps after it has first computed them. */
export interface CachePlan {
  readonly kind: "cache";
  readonly input: Plan;
  readonly schema: Schema | undefined;
}

/** SQL text with places for inputs, names and literal values, which an engine's dialect spells. */
export interface SqlTemplate {
  readonly parts: readonly SqlPart[];
}

export type SqlPart =
  | string
  | { readonly input: number }
  | { readonly name: string }
  | { readonly value: SqlLiteral }
  | { readonly type: ColumnType }
  /** `*` without these columns. */
  | { readonly without: readonly string[] }
  /** A row per item of this array column, as `place` (from 0) and `value`; one row whose value is null where it is null. */
  | { readonly elements: string }
  /** An input, whose rows are stable, with their numbers from 1 as column `as` at the end. */
  | { readonly numbered: number; readonly as: string };

export type SqlLiteral = string | number | bigint | boolean | null;

/** How an engine spells what SQL leaves to dialects. */
export interface SqlDialect {
  input(index: number): string;
  name(name: string): string;
  value(value: SqlLiteral): string;
  type(type: ColumnType): string;
  without(names: readonly string[]): string;
  elements(column: string): string;
  numbered(index: number, as: string): string;
}

/**
 * SQL with parts: strings are literal SQL fragments, other templates are spliced in.
 *
 * @example sql`SELECT ${name("age")} FROM ${input(0)} WHERE ${condition}`
 */
export function sql(texts: TemplateStringsArray, ...values: (SqlPart | SqlTemplate)[]): SqlTemplate {
  const parts: SqlPart[] = [];
  texts.forEach((text, i) => {
    if (text !== "") parts.push(text);
    const value = values[i];
    if (value === undefined) return;
    if (typeof value === "object" && "parts" in value) parts.push(...value.parts);
    else parts.push(value);
  });
  return { parts };
}

export const input = (index: number): SqlPart => ({ input: index });
export const name = (name: string): SqlPart => ({ name });
export const value = (value: SqlLiteral): SqlPart => ({ value });
export const type = (type: ColumnType): SqlPart => ({ type });
export const elements = (column: string): SqlPart => ({ elements: column });
export const numbered = (index: number, as: string): SqlPart => ({ numbered: index, as });
export const without = (names: readonly string[]): SqlPart => ({ without: names });

/** Templates one after the other, with a separator. */
export function joinSql(items: readonly (SqlPart | SqlTemplate)[], separator = ", "): SqlTemplate {
  return { parts: items.flatMap((item, i) => [...(i > 0 ? [separator] : []), ...sql`${item}`.parts]) };
}

export function renderSql(template: SqlTemplate, dialect: SqlDialect): string {
  return template.parts
    .map((part) => {
      if (typeof part === "string") return part;
      if ("input" in part) return dialect.input(part.input);
      if ("name" in part) return dialect.name(part.name);
      if ("type" in part) return dialect.type(part.type);
      if ("without" in part) return dialect.without(part.without);
      if ("elements" in part) return dialect.elements(part.elements);
      if ("numbered" in part) return dialect.numbered(part.numbered, part.as);
      return dialect.value(part.value);
    })
    .join("");
}

/** How often a query reads an input; one may be there for its columns alone. */
export function inputUses(query: Query, input: number): number {
  if (query.inputNames !== undefined) return query.inputNames.length > 0 ? 1 : 0;
  return query.sql.parts.filter(
    (part) =>
      typeof part === "object" &&
      (("input" in part && part.input === input) || ("numbered" in part && part.numbered === input)),
  ).length;
}

/** Whether the plan gives the same rows in the same order each time it runs. */
export function isStable(plan: Plan): boolean {
  switch (plan.kind) {
    case "read":
    case "local":
      return true;
    case "cache":
      return isStable(plan.input);
    case "sql":
      return plan.stable && plan.inputs.every(isStable);
    case "stage":
      return isStable(plan.input);
  }
}
