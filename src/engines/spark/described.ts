/** @file Names and types of what a plan gives, asked of Spark where they are not known. */

import type { Plan, Query, SqlPlan } from "../../data/plan.js";
import { Schema } from "../../data/schema.js";
import { SchemaError } from "../../errors.js";

/** What a plan gives. */
export interface Described {
  /** Types that Arrow lacks count as strings: a query may still cast them. */
  readonly forQueries: Schema;
  /** Such columns, with Spark's names of their types. */
  readonly unknown: ReadonlyMap<string, string>;
}

/** Asks the server. */
export type AskSchema = (plan: Plan) => Promise<Described>;

const nothing: ReadonlyMap<string, string> = new Map();

/** Describes plans, each once. */
export class Describer {
  readonly #ask: AskSchema;
  readonly #known = new WeakMap<Plan, Promise<Described>>();

  constructor(ask: AskSchema) {
    this.#ask = ask;
  }

  /** @throws SchemaError for a column whose type Arrow lacks. */
  async schema(plan: Plan): Promise<Schema> {
    const { forQueries, unknown } = await this.describe(plan);
    for (const [column, type] of unknown) {
      throw new SchemaError(
        "Spark",
        `column "${column}" has type ${type}, which deepframe cannot hold; cast it first, as in CAST(\`${column}\` AS STRING)`,
        { code: "COLUMN_TYPE", column, found: type },
      );
    }
    return forQueries;
  }

  describe(plan: Plan): Promise<Described> {
    let described = this.#known.get(plan);
    if (described === undefined) {
      described = this.#find(plan);
      // a failure may pass: a file that comes later
      described.catch(() => this.#known.delete(plan));
      this.#known.set(plan, described);
    }
    return described;
  }

  /** The query of a SQL node for its inputs. */
  async query(plan: SqlPlan): Promise<{ query: Query; inputs: readonly Described[] }> {
    const inputs = await Promise.all(plan.inputs.map((each) => this.describe(each)));
    return { query: plan.query(inputs.map(({ forQueries }) => forQueries)), inputs };
  }

  async #find(plan: Plan): Promise<Described> {
    switch (plan.kind) {
      case "local":
        return { forQueries: plan.schema, unknown: nothing };
      case "cache":
        return await this.describe(plan.input);
      case "stage":
        return { forQueries: plan.stage.transformSchema(await this.schema(plan.input)), unknown: nothing };
      case "read":
        return plan.schema === undefined ? await this.#ask(plan) : { forQueries: plan.schema, unknown: nothing };
      case "sql": {
        const { query, inputs } = await this.query(plan);
        if (query.effect?.kind !== "pick") return await this.#ask(plan);
        const [below] = inputs as [Described];
        const fields = query.effect.columns.map(({ from, to }) => ({ name: to, type: below.forQueries.typeOf(from)! }));
        const unknown = query.effect.columns.flatMap(({ from, to }): [string, string][] => {
          const type = below.unknown.get(from);
          return type === undefined ? [] : [[to, type]];
        });
        return { forQueries: new Schema(fields), unknown: new Map(unknown) };
      }
    }
  }
}
