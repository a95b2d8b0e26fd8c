/** @file Expressions over columns: a small typed builder, wherever SQL fragments are taken too. */

import { DataError, ParamError, type Who } from "../errors.js";
import { describe } from "./expect.js";
import {
  joinSql,
  type SqlLiteral,
  type SqlTemplate,
  sql,
  name as sqlName,
  type as sqlType,
  value as sqlValue,
} from "./plan.js";
import { type ColumnType, parseType } from "./types.js";

/** An expression, or a SQL fragment as text. */
export type Expression = Expr | string;

/** An expression, or a value to compare or compute with. */
export type Operand = Expr | SqlLiteral | Date;

/**
 * An expression over columns, made by {@link col}, {@link lit}, {@link when} and {@link expr}. Nulls behave as in SQL.
 *
 * @example people.filter(col("age").gte(18).and(col("name").isNotNull()))
 */
export class Expr {
  readonly sql: SqlTemplate;
  /** The name given by {@link Expr.as}. */
  readonly alias: string | undefined;

  constructor(sql: SqlTemplate, alias?: string) {
    this.sql = sql;
    this.alias = alias;
  }

  eq = (other: Operand): Expr => this.#binary("=", other);
  neq = (other: Operand): Expr => this.#binary("<>", other);
  gt = (other: Operand): Expr => this.#binary(">", other);
  gte = (other: Operand): Expr => this.#binary(">=", other);
  lt = (other: Operand): Expr => this.#binary("<", other);
  lte = (other: Operand): Expr => this.#binary("<=", other);
  add = (other: Operand): Expr => this.#binary("+", other);
  sub = (other: Operand): Expr => this.#binary("-", other);
  mul = (other: Operand): Expr => this.#binary("*", other);
  /** Division with a fraction, of whole numbers too. */
  div = (other: Operand): Expr => this.#binary("/", other);
  mod = (other: Operand): Expr => this.#binary("%", other);
  and = (other: Operand): Expr => this.#binary("AND", other);
  or = (other: Operand): Expr => this.#binary("OR", other);
  like = (pattern: string): Expr => this.#binary("LIKE", pattern);
  not = (): Expr => new Expr(sql`(NOT ${this.sql})`);
  neg = (): Expr => new Expr(sql`(- ${this.sql})`);
  isNull = (): Expr => new Expr(sql`(${this.sql} IS NULL)`);
  isNotNull = (): Expr => new Expr(sql`(${this.sql} IS NOT NULL)`);
  /** Null for null, as in SQL. */
  isNaN = (): Expr => new Expr(sql`isnan(${this.sql})`);
  /** Both ends included. */
  between = (low: Operand, high: Operand): Expr =>
    new Expr(sql`(${this.sql} BETWEEN ${operand(low)} AND ${operand(high)})`);

  isIn(...values: readonly Operand[]): Expr {
    if (values.length === 0) return new Expr(sql`false`);
    return new Expr(sql`(${this.sql} IN (${joinSql(values.map(operand))}))`);
  }

  /** Another type, as in `cast("double")`; values that do not fit are an error. */
  cast(type: ColumnType | string): Expr {
    return new Expr(sql`CAST(${this.sql} AS ${sqlType(typeof type === "string" ? parseType(type) : type)})`);
  }

  /** The same, sorted from small to large by orderBy; nulls last. */
  asc = (): Expr => new Expr(sql`${this.sql} ASC NULLS LAST`);
  /** The same, sorted from large to small by orderBy; nulls last. */
  desc = (): Expr => new Expr(sql`${this.sql} DESC NULLS LAST`);

  /** The name of the column that select makes of it. */
  as = (alias: string): Expr => new Expr(this.sql, alias);

  #binary(operator: string, other: Operand): Expr {
    return new Expr(sql`(${this.sql} ${operator} ${operand(other)})`);
  }
}

/** A column by its name, which may hold any characters. */
export function col(name: string): Expr {
  return new Expr(sql`${sqlName(name)}`, name);
}

/** A constant. */
export function lit(value: SqlLiteral | Date): Expr {
  return new Expr(operand(value));
}

/** A SQL fragment, as in `expr("length(name) + 1")`. */
export function expr(fragment: string): Expr {
  return new Expr(sql`(${fragment})`);
}

/** What CASE gives so far; a value itself (null where no condition held). */
export class When extends Expr {
  readonly #cases: SqlTemplate;

  constructor(cases: SqlTemplate) {
    super(sql`CASE${cases} END`);
    this.#cases = cases;
  }

  when(condition: Expression, value: Operand): When {
    return new When(sql`${this.#cases} WHEN ${toExpr(condition).sql} THEN ${operand(value)}`);
  }

  otherwise(value: Operand): Expr {
    return new Expr(sql`CASE${this.#cases} ELSE ${operand(value)} END`);
  }
}

/**
 * A choice: the value of the first condition that holds.
 *
 * @example when(col("age").lt(13), "child").when("age < 20", "teen").otherwise("adult")
 */
export function when(condition: Expression, value: Operand): When {
  return new When(sql` WHEN ${toExpr(condition).sql} THEN ${operand(value)}`);
}

/**
 * Fragments as expressions.
 *
 * @throws ParamError for what is neither.
 */
export function toExpr(expression: Expression, who: Who = "expr"): Expr {
  if (expression instanceof Expr) return expression;
  if (typeof expression === "string" && expression.trim() !== "") return expr(expression);
  const hint =
    typeof expression === "function"
      ? "; functions of rows go to mapRows"
      : isConstant(expression) && expression !== ""
        ? "; a constant is lit(…)"
        : "";
  throw new ParamError(
    who,
    `expected an expression (SQL text, or of col() and lit()), got ${describe(expression)}${hint}`,
  );
}

/** `expression AS name` for a select list. */
export function aliased(expression: Expr, name = expression.alias): SqlTemplate {
  return name === undefined ? expression.sql : sql`${expression.sql} AS ${sqlName(name)}`;
}

function operand(value: Operand): SqlTemplate {
  if (value instanceof Expr) return value.sql;
  if (value instanceof Date) {
    if (Number.isNaN(value.getTime())) throw new DataError("lit", "the date is invalid; give one that exists");
    return sql`CAST(${sqlValue(value.toISOString())} AS ${sqlType("timestamp")})`;
  }
  if (!isConstant(value)) {
    throw new ParamError("lit", `a constant must be a text, number, boolean, Date or null, got ${describe(value)}`);
  }
  return sql`${sqlValue(value)}`;
}

function isConstant(value: unknown): value is SqlLiteral {
  return value === null || ["string", "number", "bigint", "boolean"].includes(typeof value);
}
