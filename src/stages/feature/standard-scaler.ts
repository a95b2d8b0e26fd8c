/** @file StandardScaler: vectors with unit standard deviation and, if asked for, zero mean per place. */

import type { DataFrame } from "../../data/dataframe.js";
import { sql } from "../../data/plan.js";
import type { Schema } from "../../data/schema.js";
import { aggregateVectors } from "../../data/vector-aggregates.js";
import { ParamError } from "../../errors.js";
import { schemaOf } from "../../pipeline/schema-of.js";
import { type BatchFunction, Estimator, type FitOptions, Model } from "../../pipeline/stage.js";
import { boolean, columnName, defineParams, type Input, numbers } from "../../util/params.js";
import { scaleVectors } from "./scale.js";
import { withVectorLike } from "./vectors.js";

const params = defineParams({
  inputCol: columnName("vector column to read"),
  outputCol: columnName("vector column to add"),
  withMean: boolean("subtracts the mean", { default: false }),
  withStd: boolean("divides by the standard deviation", { default: true }),
});

const modelParams = defineParams({
  ...params,
  mean: numbers("mean of each place of the vectors"),
  std: numbers("standard deviation of each place of the vectors", { min: 0 }),
});

/**
 * Learns mean and sample standard deviation (n - 1) of each place of a vector column, as in Spark ML. The numbers are
 * aggregated by the engine in double precision.
 *
 * @throws DataError where there are no rows, or a vector is null, of another length or holds NaN or an infinity (Spark ML
 * would learn NaN).
 * @example
 * const scaler = await new StandardScaler({ inputCol: "features", outputCol: "scaled", withMean: true }).fit(train);
 */
export class StandardScaler extends Estimator<typeof params, StandardScalerModel> {
  static readonly specs = params;

  constructor(values: Input<typeof params>) {
    super(params, values);
  }

  transformSchema(schema: Schema): Schema {
    return withVectorLike(this, schema, this.params.inputCol, this.params.outputCol);
  }

  async fit(df: DataFrame, options: FitOptions = {}): Promise<StandardScalerModel> {
    this.transformSchema(await schemaOf(df, this));
    const { mean, std } = await aggregateVectors(df, this.params.inputCol, this, options, {
      mean: sql`avg(value)`,
      std: sql`coalesce(stddev_samp(value), 0)`,
    });
    return new StandardScalerModel({ ...this.params, mean, std });
  }
}

/**
 * Scales vectors by what {@link StandardScaler} learned: (x - mean) / std. A place whose std is 0 becomes 0, as in Spark
 * ML. Vectors are dense float32 and keep their shape.
 *
 * @throws SchemaError or DataError (code BAD_ROW) for a vector of another length than fitted.
 */
export class StandardScalerModel extends Model<typeof modelParams> {
  static readonly specs = modelParams;

  constructor(values: Input<typeof modelParams>) {
    super(modelParams, values);
    const { mean, std } = this.params;
    if (mean.length !== std.length) {
      throw new ParamError(this, `mean and std must be of one length, got ${mean.length} and ${std.length}`);
    }
  }

  override get readsColumns(): readonly string[] {
    return [this.params.inputCol];
  }

  transformSchema(schema: Schema): Schema {
    return withVectorLike(this, schema, this.params.inputCol, this.params.outputCol, this.params.mean.length);
  }

  open(schema: Schema): BatchFunction {
    const { mean, std, withMean, withStd } = this.params;
    const shift = mean.map((value) => (withMean ? value : 0));
    const scale = std.map((value) => (!withStd ? 1 : value === 0 ? 0 : 1 / value));
    return scaleVectors(this, schema, this.params, mean.length, (value, i) => (value - shift[i]!) * scale[i]!);
  }
}
