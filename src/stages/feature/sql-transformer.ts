/** @file SqlTransformer: an SQL statement over the rows. */

import type { RecordBatch } from "apache-arrow";
import { DataFrame } from "../../data/dataframe.js";
import { type Engine, openEngine } from "../../data/engine.js";
import type { Plan, SqlPlan } from "../../data/plan.js";
import { batchToRows, rowsToBatch } from "../../data/rows.js";
import type { Schema } from "../../data/schema.js";
import { SchemaError } from "../../errors.js";
import { type BatchFunction, Transformer } from "../../pipeline/stage.js";
import { defineParams, type Input, type Param, text } from "../../util/params.js";

const here = "__THIS__";

const statement: Param<string, false> = {
  ...text("SQL over the rows, which stand in it as __THIS__"),
  expected: "an SQL statement that reads FROM __THIS__",
  accepts: (value) => typeof value === "string" && value.includes(here),
  broken: ["SELECT 1", 7],
};

const params = defineParams({ statement });

/**
 * Runs an SQL statement over the rows, as Spark ML's SQLTransformer. The statement is the engine's SQL: what has to run on
 * several engines must keep to what they all understand. In `predictOne` and `predictMany` an embedded engine runs it; the
 * rows are then all there are, so that aggregates differ from those over a whole table.
 *
 * @throws SchemaError or DataError, from the engine, for a statement that is wrong or does not fit the columns.
 * @example
 * new SqlTransformer({ statement: "SELECT *, price * amount AS total FROM __THIS__ WHERE amount > 0" }).transform(orders);
 */
export class SqlTransformer extends Transformer<typeof params> {
  static readonly specs = params;

  constructor(values: Input<typeof params>) {
    super(params, values);
  }

  /** Rows may be left out, added and reordered. */
  override get dropsRows(): boolean {
    return true;
  }

  override transform(df: DataFrame): DataFrame {
    return new DataFrame(this.#over(df.plan), df.engine);
  }

  /** @throws SchemaError always: only an engine can tell, see {@link schemaAfter} */
  transformSchema(_schema: Schema): Schema {
    throw new SchemaError(
      this,
      "only an engine can tell the columns of a statement; await schemaAfter(schema) instead",
    );
  }

  override async schemaAfter(schema: Schema): Promise<Schema> {
    return (await embedded()).schema(this.#over({ kind: "local", batches: [], schema }));
  }

  override describe(): string {
    return this.params.statement;
  }

  async open(schema: Schema): Promise<BatchFunction> {
    const engine = await embedded();
    const after = await this.schemaAfter(schema);
    return async (batch) => {
      const results: RecordBatch[] = [];
      const plan = this.#over({ kind: "local", batches: batch.numRows > 0 ? [batch] : [], schema });
      for await (const result of engine.batches(plan)) results.push(result);
      return results.length === 1 ? results[0]! : rowsToBatch(results.flatMap(batchToRows), after, this);
    };
  }

  #over(plan: Plan): SqlPlan {
    const query = { sql: { parts: [this.params.statement] }, inputNames: [here] };
    return { kind: "sql", op: this.name, query: () => query, inputs: [plan], schema: undefined, stable: false };
  }
}

let opened: Promise<Engine> | undefined;

/** One engine for all such stages of the process, opened when first needed. It holds no rows, and no process alive. */
function embedded(): Promise<Engine> {
  opened ??= openEngine("duckdb:").catch((error) => {
    opened = undefined;
    throw error;
  });
  return opened;
}
