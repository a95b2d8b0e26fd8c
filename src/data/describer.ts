/** @file Names and types of what plans give, found without running them: what the engines' describers share. */

import type { Plan, Query, ReadPlan, SqlPlan } from "./plan.js";
import type { Schema } from "./schema.js";

/** What is known of a plan's rows; an engine adds to it what it needs. */
export interface Description {
  /** For queries, which may still cast what Arrow lacks: such columns count as strings. */
  readonly forQueries: Schema;
  /** @throws DataError or SchemaError for a column whose type Arrow lacks. */
  readonly schema: Schema;
}

/** A column taken over, perhaps under another name. */
export interface Picked {
  readonly from: string;
  readonly to: string;
}

/** Describes plans, each once. */
export abstract class Describer<D extends Description> {
  readonly #known = new WeakMap<Plan, Promise<D>>();

  describe(plan: Plan): Promise<D> {
    let description = this.#known.get(plan);
    if (description === undefined) {
      description = this.#find(plan);
      // a failure may pass: a file that comes later
      description.catch(() => this.#known.delete(plan));
      this.#known.set(plan, description);
    }
    return description;
  }

  /** Notes that a plan gives the same columns as another, so that nobody need be asked. */
  same(plan: Plan, other: Plan): void {
    if (!this.#known.has(plan)) this.#known.set(plan, this.describe(other));
  }

  /** The query of a SQL node for its inputs. */
  async query(plan: SqlPlan): Promise<{ query: Query; inputs: readonly D[] }> {
    const inputs = await Promise.all(plan.inputs.map((each) => this.describe(each)));
    return { query: plan.query(inputs.map(({ forQueries }) => forQueries)), inputs };
  }

  /** Of columns that have the form of their types. */
  protected abstract of(schema: Schema): D;
  protected abstract picked(below: D, columns: readonly Picked[]): D;
  /** Of files whose columns are not known. */
  protected abstract read(plan: ReadPlan): Promise<D>;
  /** Of kept rows. */
  protected abstract cached(input: D): D;
  /** Asks the engine. */
  protected abstract ask(plan: SqlPlan, query: Query, inputs: readonly D[]): Promise<D>;

  async #find(plan: Plan): Promise<D> {
    switch (plan.kind) {
      case "local":
        return this.of(plan.schema);
      case "cache":
        return this.cached(await this.describe(plan.input));
      case "stage":
        return this.of(plan.stage.transformSchema((await this.describe(plan.input)).schema));
      case "read":
        return plan.schema === undefined ? await this.read(plan) : this.of(plan.schema);
      case "sql": {
        const { query, inputs } = await this.query(plan);
        if (query.effect?.kind === "pick") return this.picked(inputs[0]!, query.effect.columns);
        return await this.ask(plan, query, inputs);
      }
    }
  }
}
