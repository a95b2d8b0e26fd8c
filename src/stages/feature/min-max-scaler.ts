/** @file MinMaxScaler: vectors whose every place lies in one range. */

import type { DataFrame } from "../../data/dataframe.js";
import { sql } from "../../data/plan.js";
import type { Schema } from "../../data/schema.js";
import { aggregateVectors } from "../../data/vector-aggregates.js";
import { ParamError } from "../../errors.js";
import { schemaOf } from "../../pipeline/schema-of.js";
import { type BatchFunction, Estimator, type FitOptions, Model, type Stage } from "../../pipeline/stage.js";
import { columnName, defineParams, type Input, number, numbers } from "../../util/params.js";
import { scaleVectors } from "./scale.js";
import { withVectorLike } from "./vectors.js";

const params = defineParams({
  inputCol: columnName("vector column to read"),
  outputCol: columnName("vector column to add"),
  min: number("lower end of the range", { default: 0 }),
  max: number("upper end of the range", { default: 1 }),
});

const modelParams = defineParams({
  ...params,
  originalMin: numbers("least number at each place of the vectors"),
  originalMax: numbers("greatest number at each place of the vectors"),
});

/**
 * Learns the least and greatest number at each place of a vector column, as in Spark ML; NaN is not counted.
 *
 * @throws ParamError where `min` is not below `max`; DataError where there are no rows, a place has no numbers, or a vector
 * is null, of another length or holds an infinity.
 * @example
 * const scaler = await new MinMaxScaler({ inputCol: "features", outputCol: "scaled", min: -1 }).fit(train);
 */
export class MinMaxScaler extends Estimator<typeof params, MinMaxScalerModel> {
  static readonly specs = params;

  constructor(values: Input<typeof params>) {
    super(params, values);
    checkRange(this, this.params);
  }

  transformSchema(schema: Schema): Schema {
    return withVectorLike(this, schema, this.params.inputCol, this.params.outputCol);
  }

  async fit(df: DataFrame, options: FitOptions = {}): Promise<MinMaxScalerModel> {
    this.transformSchema(await schemaOf(df, this));
    const results = { originalMin: sql`min(value)`, originalMax: sql`max(value)` };
    const learned = await aggregateVectors(df, this.params.inputCol, this, { ...options, ignoreNaN: true }, results);
    return new MinMaxScalerModel({ ...this.params, ...learned });
  }
}

/**
 * Scales vectors by what {@link MinMaxScaler} learned: (x - originalMin) / (originalMax - originalMin) * (max - min) + min.
 * A place that was constant becomes (min + max) / 2; NaN stays NaN, as in Spark ML. Numbers beyond those of the fit go
 * beyond the range. Vectors are dense float32 and keep their shape.
 *
 * @throws SchemaError or DataError (code BAD_ROW) for a vector of another length than fitted.
 */
export class MinMaxScalerModel extends Model<typeof modelParams> {
  static readonly specs = modelParams;

  constructor(values: Input<typeof modelParams>) {
    super(modelParams, values);
    checkRange(this, this.params);
    const { originalMin, originalMax } = this.params;
    if (originalMin.length === originalMax.length) return;
    const lengths = `${originalMin.length} and ${originalMax.length}`;
    throw new ParamError(this, `originalMin and originalMax must be of one length, got ${lengths}`);
  }

  override get readsColumns(): readonly string[] {
    return [this.params.inputCol];
  }

  transformSchema(schema: Schema): Schema {
    return withVectorLike(this, schema, this.params.inputCol, this.params.outputCol, this.params.originalMin.length);
  }

  open(schema: Schema): BatchFunction {
    const { originalMin, originalMax, min, max } = this.params;
    const scale = originalMin.map((low, i) => (originalMax[i] === low ? 0 : (max - min) / (originalMax[i]! - low)));
    const constant = (min + max) / 2;
    return scaleVectors(this, schema, this.params, originalMin.length, (value, i) => {
      if (scale[i] === 0) return Number.isNaN(value) ? value : constant;
      return (value - originalMin[i]!) * scale[i]! + min;
    });
  }
}

function checkRange(stage: Stage, { min, max }: { readonly min: number; readonly max: number }): void {
  if (min < max) return;
  throw new ParamError(stage, `min must be below max, got ${min} and ${max}`, { param: "min" });
}
