/** @file DataFrame: an immutable plan and the engine that can run it. */

import type { BatchStage } from "./batch-stage.js";
import type { Engine } from "./engine.js";
import type { Plan } from "./plan.js";
import type { Schema } from "./schema.js";

export class DataFrame {
  readonly plan: Plan;
  readonly engine: Engine;

  constructor(plan: Plan, engine: Engine) {
    this.plan = plan;
    this.engine = engine;
  }

  /** Names and types of the columns. */
  async schema(): Promise<Schema> {
    return this.plan.schema ?? (await this.engine.schema(this.plan));
  }

  /**
   * The rows after a stage. Columns are checked at once where they are known, else before any work.
   *
   * @throws SchemaError where the columns do not fit the stage.
   */
  withStage(stage: BatchStage): DataFrame {
    const schema = this.plan.schema && stage.transformSchema(this.plan.schema);
    return new DataFrame({ kind: "stage", stage, input: this.plan, schema }, this.engine);
  }
}
