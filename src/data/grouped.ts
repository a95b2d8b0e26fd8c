/** @file What groupBy gives: rows in groups, waiting for aggregates. */

import type { DataFrame } from "./dataframe.js";
import { Expr, type Expression } from "./expr.js";
import { sql, name as sqlName } from "./plan.js";
import { aggregate, type Relation } from "./queries.js";

/**
 * Groups of rows with equal keys.
 *
 * @example people.groupBy("city").agg({ people: "count(*)", oldest: "max(age)" })
 */
export class GroupedData {
  readonly #relate: (op: string, relation: Relation) => DataFrame;
  readonly #keys: readonly (string | Expr)[];

  constructor(relate: (op: string, relation: Relation) => DataFrame, keys: readonly (string | Expr)[]) {
    this.#relate = relate;
    this.#keys = keys;
  }

  /** One row per group: the keys, then the results under their names. */
  agg(results: Readonly<Record<string, Expression>>): DataFrame {
    return this.#relate("agg", aggregate(this.#keys, results));
  }

  /** Rows per group, as column `count`. */
  count(): DataFrame {
    return this.agg({ count: "count(*)" });
  }

  /** As in `avg("age")`: column `avg(age)`. */
  avg = (...columns: string[]): DataFrame => this.#each("avg", columns);
  sum = (...columns: string[]): DataFrame => this.#each("sum", columns);
  min = (...columns: string[]): DataFrame => this.#each("min", columns);
  max = (...columns: string[]): DataFrame => this.#each("max", columns);

  #each(aggregateName: string, columns: readonly string[]): DataFrame {
    const results = columns.map((column): [string, Expr] => [
      `${aggregateName}(${column})`,
      new Expr(sql`${aggregateName}(${sqlName(column)})`),
    ]);
    return this.agg(Object.fromEntries(results));
  }
}
