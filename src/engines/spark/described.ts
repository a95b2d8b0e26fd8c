/** @file Names and types of what a plan gives, asked of Spark where they are not known. */

import { Describer, type Description, type Picked } from "../../data/describer.js";
import type { Plan } from "../../data/plan.js";
import { Schema } from "../../data/schema.js";
import { SchemaError } from "../../errors.js";
import type { DataType } from "./proto/spark_connect_pb.js";
import { fromSparkSchema } from "./types.js";

/** What a plan gives. */
export class Described implements Description {
  readonly forQueries: Schema;
  /** Columns whose types Arrow lacks, with Spark's names of these. */
  readonly unknown: ReadonlyMap<string, string>;

  constructor(forQueries: Schema, unknown: ReadonlyMap<string, string> = new Map()) {
    this.forQueries = forQueries;
    this.unknown = unknown;
  }

  get schema(): Schema {
    for (const [column, type] of this.unknown) {
      throw new SchemaError(
        "Spark",
        `column "${column}" has type ${type}, which deepframe cannot hold; cast it first, as in CAST(\`${column}\` AS STRING)`,
        { code: "COLUMN_TYPE", column, found: type },
      );
    }
    return this.forQueries;
  }
}

export function describedBy(type: DataType | undefined): Described {
  const { schema, unknown } = fromSparkSchema(type);
  return new Described(schema, unknown);
}

export class SparkDescriber extends Describer<Described> {
  readonly #askServer: (plan: Plan) => Promise<Described>;

  constructor(askServer: (plan: Plan) => Promise<Described>) {
    super();
    this.#askServer = askServer;
  }

  protected of(schema: Schema): Described {
    return new Described(schema);
  }

  protected cached(input: Described): Described {
    return input;
  }

  protected picked({ forQueries, unknown }: Described, columns: readonly Picked[]): Described {
    const fields = columns.map(({ from, to }) => ({ name: to, type: forQueries.typeOf(from)! }));
    const stillUnknown = columns.flatMap(({ from, to }): [string, string][] => {
      const type = unknown.get(from);
      return type === undefined ? [] : [[to, type]];
    });
    return new Described(new Schema(fields), new Map(stillUnknown));
  }

  protected read(plan: Plan): Promise<Described> {
    return this.#askServer(plan);
  }

  protected ask(plan: Plan): Promise<Described> {
    return this.#askServer(plan);
  }
}
