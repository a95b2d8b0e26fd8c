/** @file Pipeline: stages one after the other, fitted as one; PipelineModel: what comes of it. */

import type { DataFrame } from "../data/dataframe.js";
import { expectOptions, expectSignal } from "../data/expect.js";
import type { Schema } from "../data/schema.js";
import { ParamError, TrainingError } from "../errors.js";
import type { Asset } from "../util/asset.js";
import { defineParams, type Param } from "../util/params.js";
import { namingInput } from "./naming-input.js";
import { schemaOf } from "./schema-of.js";
import {
  type BatchFunction,
  Estimator,
  type FitOptions,
  Model,
  Stage,
  type StageContext,
  Transformer,
} from "./stage.js";

/** A parameter that holds stages. */
export function stageList<S extends Stage>(
  doc: string,
  expected: string,
  fits: (stage: unknown) => boolean,
): Param<readonly S[], false> {
  return {
    doc,
    expected,
    optional: false,
    default: undefined,
    broken: ["a", [7], [{}]],
    accepts: (value) => Array.isArray(value) && value.every(fits),
    encode: (value, assets) =>
      value.map((stage) => {
        const { type, params, assets: own } = stage.toSpec();
        for (const asset of own) (assets as Map<string, Asset>).set(asset.sha256, asset);
        return { type, params };
      }),
    decode: (json, read) => (Array.isArray(json) ? json.map((item) => read.stage(item) as S) : []),
  };
}

const modelParams = defineParams({
  stages: stageList<Transformer>(
    "fitted stages in order",
    "a list of Transformers",
    (stage) => stage instanceof Transformer,
  ),
});

const params = defineParams({
  stages: stageList<Stage>(
    "Transformers and Estimators in order",
    "a list of Transformers and Estimators",
    (stage) => stage instanceof Stage,
  ),
});

/**
 * Stages one after the other. Fitting goes through them in order: an Estimator is fitted on the rows as the stages before
 * it leave them, and its Model takes its place. As in Spark ML.
 *
 * @example
 * const model = await new Pipeline([
 *   new StringIndexer({ inputCol: "label", outputCol: "labelIndex" }),
 *   new VectorAssembler({ inputCols: ["length", "width"], outputCol: "features" }),
 *   new LogisticRegression({ featuresCol: "features", labelCol: "labelIndex" }),
 * ]).fit(train);
 */
export class Pipeline extends Estimator<typeof params, PipelineModel> {
  static readonly specs = params;

  constructor(stages: readonly Stage[] | { readonly stages: readonly Stage[] }) {
    super(params, Array.isArray(stages) ? { stages } : (stages as { readonly stages: readonly Stage[] }));
  }

  transformSchema(schema: Schema): Schema {
    return transformSchemas(this.params.stages, schema);
  }

  override schemaAfter(schema: Schema): Promise<Schema> {
    return schemaAfterAll(this.params.stages, schema);
  }

  override async prepare(): Promise<void> {
    for (const stage of this.params.stages) await stage.prepare?.();
  }

  /** Fits every Estimator in turn. Columns of all stages are checked before any work. */
  async fit(df: DataFrame, options: FitOptions = {}): Promise<PipelineModel> {
    expectOptions(options, this, ["signal"]);
    expectSignal(options.signal, this);
    await this.schemaAfter(await schemaOf(df, this));
    const { stages } = this.params;
    const lastEstimator = stages.findLastIndex((stage) => stage instanceof Estimator);
    const fitted: Transformer[] = [];
    // training that ended early gives the stages up to it, all of them where the rest has nothing to learn
    const withPart = (error: unknown): never => {
      if (!(error instanceof TrainingError)) throw error;
      const rest = stages.slice(fitted.length + 1).filter((stage) => stage instanceof Transformer);
      const isWhole = fitted.length === lastEstimator;
      throw error.of(new PipelineModel([...fitted, error.model as Transformer, ...(isWhole ? rest : [])]));
    };
    let rows = df;
    for (const [i, stage] of stages.entries()) {
      options.signal?.throwIfAborted();
      const fitting = stage instanceof Estimator ? stage.fit(rows, options).catch(withPart) : stage;
      const transformer = await fitting;
      if (!(transformer instanceof Transformer)) {
        throw new ParamError(this, `stage ${i} (${stage.name}) is neither a Transformer nor an Estimator`);
      }
      fitted.push(transformer);
      // what follows the last Estimator has nothing to learn, so its input is not needed
      if (i < lastEstimator) rows = transformer.transform(rows);
    }
    return new PipelineModel(fitted);
  }
}

/** A fitted Pipeline. */
export class PipelineModel extends Model<typeof modelParams> {
  static readonly specs = modelParams;

  constructor(stages: readonly Transformer[] | { readonly stages: readonly Transformer[] }) {
    super(modelParams, Array.isArray(stages) ? { stages } : (stages as { readonly stages: readonly Transformer[] }));
  }

  get stages(): readonly Transformer[] {
    return this.params.stages;
  }

  transformSchema(schema: Schema): Schema {
    return transformSchemas(this.stages, schema);
  }

  override schemaAfter(schema: Schema): Promise<Schema> {
    return schemaAfterAll(this.stages, schema);
  }

  override async prepare(): Promise<void> {
    for (const stage of this.stages) await stage.prepare?.();
  }

  override transform(df: DataFrame): DataFrame {
    try {
      return this.stages.reduce((rows, stage) => stage.transform(rows), df);
    } catch (error) {
      const known = df?.knownSchema;
      throw known === undefined ? error : namingInput(error, this.stages, known);
    }
  }

  override get rowsPerTask(): number | undefined {
    const wishes = this.stages.flatMap(({ rowsPerTask }) => rowsPerTask ?? []);
    return wishes.length === 0 ? undefined : Math.min(...wishes);
  }

  async open(schema: Schema, context: StageContext): Promise<BatchFunction> {
    const functions: BatchFunction[] = [];
    let current = schema;
    for (const stage of this.stages) {
      functions.push(await stage.open(current, context));
      current = await stage.schemaAfter(current);
    }
    return async (batch) => {
      let result = batch;
      for (const apply of functions) result = await apply(result);
      return result;
    };
  }
}

function transformSchemas(stages: readonly Stage[], schema: Schema): Schema {
  try {
    return stages.reduce((before, stage) => stage.transformSchema(before), schema);
  } catch (error) {
    throw namingInput(error, stages, schema);
  }
}

async function schemaAfterAll(stages: readonly Stage[], schema: Schema): Promise<Schema> {
  let current = schema;
  try {
    for (const stage of stages) current = await stage.schemaAfter(current);
  } catch (error) {
    throw namingInput(error, stages, schema);
  }
  return current;
}
