/** @file The queries behind DataFrame's relational methods, each a function of its inputs' schemas. */

import { DataError, listNames, ParamError, SchemaError } from "../errors.js";
import { describe, expectCount, expectText } from "./expect.js";
import { aliased, col, Expr, type Expression, toExpr } from "./expr.js";
import { input, joinSql, name, type Query, sql, value } from "./plan.js";
import { Schema } from "./schema.js";
import { formatType, sameType } from "./types.js";

/** A query, and the schema that comes out of it where that can be told without an engine. */
export interface Relation {
  readonly query: (inputs: readonly Schema[]) => Query;
  readonly schema?: (inputs: readonly Schema[]) => Schema;
  readonly stable: boolean;
}

const same = (inputs: readonly Schema[]): Schema => inputs[0]!;

/** Columns by name (`*` for all) and expressions. */
export function select(columns: readonly (string | Expr)[]): Relation {
  expectColumns(columns, "select");
  const expand = (schema: Schema): (string | Expr)[] =>
    columns.flatMap((column) => (column === "*" ? schema.names : [column]));
  if (columns.every((column) => typeof column === "string" || isColumn(column))) {
    return pick("select", (schema) => expand(schema).map(pickOf));
  }
  return {
    query: ([schema]) => {
      const all = expand(schema!);
      schema!.select(all.filter((column) => typeof column === "string"));
      const list = all.map((column) => aliased(typeof column === "string" ? col(column) : column));
      return { sql: sql`SELECT ${joinSql(list)} FROM ${input(0)}` };
    },
    stable: columns.every((column) => typeof column === "string" || isFixed(column)),
  };
}

/** Columns of the input under their own or other names. */
export function pick(
  op: string,
  columnsOf: (schema: Schema) => readonly { readonly from: string; readonly to: string }[],
): Relation {
  return {
    query: ([schema]) => {
      const columns = columnsOf(schema!);
      schema!.select(
        columns.map(({ from }) => from),
        op,
      );
      const list = columns.map(({ from, to }) => aliased(col(from), to));
      return { sql: sql`SELECT ${joinSql(list)} FROM ${input(0)}`, effect: { kind: "pick", columns } };
    },
    schema: ([schema]) => {
      const columns = columnsOf(schema!);
      const { fields } = schema!.select(
        columns.map(({ from }) => from),
        op,
      );
      return new Schema(fields.map(({ type }, i) => ({ name: columns[i]!.to, type })));
    },
    stable: true,
  };
}

export function selectExpr(fragments: readonly string[]): Relation {
  if (fragments.length === 0) throw new ParamError("selectExpr", "give at least one expression");
  for (const fragment of fragments) expectText(fragment, "selectExpr", "an expression");
  const query = { sql: sql`SELECT ${joinSql(fragments)} FROM ${input(0)}` };
  return { query: () => query, stable: fragments.every(isFixed) };
}

export function withColumn(column: string, expression: Expression): Relation {
  expectText(column, "withColumn", "name");
  const added = aliased(toExpr(expression, "withColumn"), column);
  return {
    query: ([schema]) => {
      if (!schema!.has(column)) return { sql: sql`SELECT *, ${added} FROM ${input(0)}` };
      const list = schema!.names.map((each) => (each === column ? added : sql`${name(each)}`));
      return { sql: sql`SELECT ${joinSql(list)} FROM ${input(0)}` };
    },
    stable: isFixed(expression),
  };
}

export function drop(names: readonly string[]): Relation {
  return pick("drop", (schema) => {
    schema.select(names, "drop");
    const kept = schema.without(names).names;
    if (kept.length === 0) throw new SchemaError("drop", "no column would be left; keep at least one");
    return kept.map((each) => ({ from: each, to: each }));
  });
}

export function rename(from: string, to: string): Relation {
  expectText(to, "withColumnRenamed", "the new name");
  return pick("withColumnRenamed", (schema) => {
    schema.select([from], "withColumnRenamed");
    return schema.names.map((each) => ({ from: each, to: each === from ? to : each }));
  });
}

export function filter(condition: Expression): Relation {
  const { sql: holds } = toExpr(condition, "filter");
  // without an alias Spark takes WHERE (a) for one, with a list of columns
  const query: Query = {
    sql: sql`SELECT * FROM ${input(0)} AS filtered WHERE ${holds}`,
    effect: { kind: "rows", counts: false },
  };
  return { query: () => query, schema: same, stable: isFixed(condition) };
}

export function orderBy(columns: readonly (string | Expr)[]): Relation {
  expectColumns(columns, "orderBy");
  return {
    query: ([schema]) => {
      for (const column of columns) {
        if (typeof column !== "string" || schema!.has(column)) continue;
        const advice = / (asc|desc)$/i.test(column) ? `; write col("${column.replace(/ \w+$/, "")}").desc()` : "";
        const message = `no column "${column}" in the data (it has ${listNames(schema!.names)})${advice}`;
        throw new SchemaError("orderBy", message, { code: "NO_COLUMN", column, columns: schema!.names });
      }
      const list = columns.map((column) => {
        const key = typeof column === "string" ? col(column) : column;
        const isDirected = / (ASC|DESC) NULLS LAST$/.test(String(key.sql.parts.at(-1)));
        return isDirected ? key.sql : key.asc().sql;
      });
      return {
        sql: sql`SELECT * FROM ${input(0)} ORDER BY ${joinSql(list)}`,
        effect: { kind: "rows", counts: true },
      };
    },
    schema: same,
    // engines sort in parallel: rows with equal keys come in any order
    stable: false,
  };
}

export function limit(rows: number, offset = 0): Relation {
  expectCount(rows, "limit", "rows");
  expectCount(offset, "limit", "offset");
  const skip = offset > 0 ? sql` OFFSET ${value(offset)}` : sql``;
  const query: Query = {
    sql: sql`SELECT * FROM ${input(0)} LIMIT ${value(rows)}${skip}`,
    effect: { kind: "rows", counts: true },
  };
  return { query: () => query, schema: same, stable: true };
}

export function distinct(): Relation {
  const query = { sql: sql`SELECT DISTINCT * FROM ${input(0)}` };
  return { query: () => query, schema: same, stable: false };
}

// a hint to Spark, a comment to others
export function repartition(count: number): Relation {
  expectCount(count, "repartition", "count", 1);
  const query: Query = {
    sql: sql`SELECT /*+ REPARTITION(${value(count)}) */ * FROM ${input(0)}`,
    effect: { kind: "rows", counts: false },
  };
  return { query: () => query, schema: same, stable: true };
}

export function union(op: "union" | "unionByName"): Relation {
  return {
    query: ([first, second]) => {
      const byName = op === "unionByName";
      const names = byName ? second!.select(first!.names, op).names : second!.names;
      if (names.length !== second!.names.length || !first!.names.every((each, i) => each === names[i])) {
        const found = `${listNames(first!.names)} and ${listNames(second!.names)}`;
        throw new SchemaError(
          op,
          `the columns differ: ${found}; select the same ones${byName ? "" : ", or use unionByName"}`,
        );
      }
      for (const { name: column, type } of first!.fields) {
        const other = second!.typeOf(column)!;
        if (sameType(type, other) || type === "null" || other === "null") continue;
        const found = `${formatType(type)} in one and ${formatType(other)} in the other`;
        throw new SchemaError(op, `column "${column}" is ${found}; cast one of them first`, { column });
      }
      const list = joinSql(first!.names.map((each) => name(each)));
      return {
        sql: sql`SELECT ${list} FROM ${input(0)} UNION ALL SELECT ${list} FROM ${input(1)}`,
        effect: { kind: "union" },
      };
    },
    schema: ([first, second]) =>
      new Schema(
        first!.fields.map((field) => (field.type === "null" ? { ...field, type: second!.typeOf(field.name)! } : field)),
      ),
    stable: false,
  };
}

const joins = {
  inner: "INNER JOIN",
  left: "LEFT JOIN",
  right: "RIGHT JOIN",
  full: "FULL JOIN",
  semi: "",
  anti: "",
  cross: "CROSS JOIN",
} as const;

export type JoinType = keyof typeof joins;

export function join(on: string | readonly string[] | Expr | undefined, how: JoinType): Relation {
  if (joins[how] === undefined) {
    throw new ParamError("join", `how must be one of ${listNames(Object.keys(joins))}, got ${JSON.stringify(how)}`);
  }
  if ((on === undefined) !== (how === "cross")) {
    throw new ParamError(
      "join",
      on === undefined ? 'say on which columns; or join all with all by how: "cross"' : "a cross join takes no columns",
    );
  }
  const keys = on === undefined || on instanceof Expr ? [] : [on].flat();
  return {
    query: ([left, right]) => {
      left!.select(keys, "join");
      right!.select(keys, "join");
      const onlyLeft = how === "semi" || how === "anti";
      const twice = left!.names.filter((each) => right!.has(each) && !keys.includes(each));
      if (twice.length > 0 && !onlyLeft) {
        throw new SchemaError("join", `both sides have ${listNames(twice)}; rename or drop on one side first`);
      }
      if (onlyLeft) {
        const equal = keys.map((key) => sql`l.${name(key)} = r.${name(key)}`);
        const matches = on instanceof Expr ? on.sql : joinSql(equal, " AND ");
        const exists = how === "anti" ? "NOT EXISTS" : "EXISTS";
        return {
          sql: sql`SELECT * FROM ${input(0)} AS l WHERE ${exists} (SELECT 1 FROM ${input(1)} AS r WHERE ${matches})`,
        };
      }
      const names = [...keys, ...left!.without(keys).names, ...right!.without(keys).names];
      const list = joinSql(names.map((each) => name(each)));
      const using = keys.length > 0 ? sql` USING (${joinSql(keys.map((key) => name(key)))})` : sql``;
      const condition = on instanceof Expr ? sql` ON ${on.sql}` : using;
      return { sql: sql`SELECT ${list} FROM ${input(0)} AS l ${joins[how]} ${input(1)} AS r${condition}` };
    },
    stable: false,
  };
}

/** One row per group, or a single row where there are no keys. */
export function aggregate(keys: readonly (string | Expr)[], results: Readonly<Record<string, Expression>>): Relation {
  if (typeof results !== "object" || results === null || Array.isArray(results)) {
    const message = `results must be an object, as in agg({ total: "sum(x)" }), got ${describe(results)}`;
    throw new ParamError("agg", message);
  }
  if (keys.length > 0) expectColumns(keys, "groupBy");
  const entries = Object.entries(results);
  if (entries.length === 0) throw new ParamError("agg", 'give at least one result, as in agg({ total: "sum(x)" })');
  return {
    query: ([schema]) => {
      schema!.select(
        keys.filter((key) => typeof key === "string"),
        "groupBy",
      );
      const groups = keys.map((key) => (typeof key === "string" ? col(key) : key));
      const list = [
        ...groups.map((key) => aliased(key)),
        ...entries.map(([as, result]) => aliased(toExpr(result, "agg"), as)),
      ];
      const groupBy = groups.length === 0 ? sql`` : sql` GROUP BY ${joinSql(groups.map((key) => key.sql))}`;
      return { sql: sql`SELECT ${joinSql(list)} FROM ${input(0)}${groupBy}` };
    },
    // a single row has one order only
    stable: keys.length === 0,
  };
}

/** @throws ParamError for what is neither the name of a column nor an expression. */
function expectColumns(columns: readonly unknown[], op: string): void {
  if (columns.length === 0) throw new ParamError(op, "give at least one column");
  const other = columns.find((column) => typeof column !== "string" && !(column instanceof Expr));
  if (other === undefined && !columns.includes(undefined)) return;
  const hint = Array.isArray(other) ? `; give the columns one by one, as in ${op}(...columns)` : "";
  throw new ParamError(op, `columns must be names or expressions, got ${describe(other)}${hint}`);
}

/** Whether an expression is a bare column. */
function isColumn(expression: Expr): boolean {
  const [part, ...rest] = expression.sql.parts;
  return rest.length === 0 && typeof part === "object" && "name" in part;
}

function pickOf(column: string | Expr): { from: string; to: string } {
  if (typeof column === "string") return { from: column, to: column };
  const [part] = column.sql.parts;
  if (typeof part !== "object" || !("name" in part)) throw new DataError("select", "the column has no name");
  return { from: part.name, to: column.alias ?? part.name };
}

/** Whether the same row gives the same value each time. */
function isFixed(expression: Expression): boolean {
  const text = toExpr(expression)
    .sql.parts.filter((part) => typeof part === "string")
    .join("");
  return !/\b(random|rand|randn|uuid|gen_random_uuid|uuidv4|uuidv7|setseed|nextval|now|current_\w+)\b/i.test(text);
}
