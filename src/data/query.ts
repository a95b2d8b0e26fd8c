/** @file A DataFrame of one SQL query over another, for stages whose fits ask more than the DataFrame's own methods give. */

import { DataFrame } from "./dataframe.js";
import type { SqlTemplate } from "./plan.js";

/**
 * The rows of a query.
 *
 * @param columns all that the query looks at: the others need not be computed
 * @param op who asks, for messages and plans
 * @param query SQL in which `input(0)` stands for those columns of the rows of `df`
 */
export function queryOver(df: DataFrame, columns: readonly string[], op: string, query: SqlTemplate): DataFrame {
  const { plan, engine } = df.select(...columns);
  return new DataFrame(
    { kind: "sql", op, query: () => ({ sql: query }), inputs: [plan], schema: undefined, stable: false },
    engine,
  );
}
