/** @file Imputer: missing numbers filled with the column's mean, median or mode. */

import type * as arrow from "apache-arrow";
import { type Column, numberColumn, withColumns } from "../../data/columns.js";
import type { DataFrame } from "../../data/dataframe.js";
import { col } from "../../data/expr.js";
import { input, joinSql, type SqlTemplate, sql, value } from "../../data/plan.js";
import { queryOver } from "../../data/query.js";
import { dataOf, numbersOf } from "../../data/read-columns.js";
import type { Schema } from "../../data/schema.js";
import { dtypeOf, isNumeric, type NumericType } from "../../data/types.js";
import { DataError, SchemaError } from "../../errors.js";
import { schemaOf } from "../../pipeline/schema-of.js";
import { type BatchFunction, Estimator, type FitOptions, Model, type Stage } from "../../pipeline/stage.js";
import { allocate, isBigInt } from "../../tensor/dtype.js";
import { choice, defineParams, type Input, number, numbers } from "../../util/params.js";
import { aggregateColumns } from "./aggregate.js";
import { type ColumnPair, checkCount, pairParams, pairsOf } from "./column-pairs.js";

const params = defineParams({
  ...pairParams,
  missingValue: number("stands for a missing number, beside null", { default: Number.NaN, infinite: true }),
  strategy: choice("what missing numbers are filled with; of several modes the least", ["mean", "median", "mode"], {
    default: "mean",
  }),
});

const modelParams = defineParams({
  ...params,
  surrogates: numbers("what fills missing numbers of each input column"),
});

/**
 * Learns what to fill the gaps of number columns with, as in Spark ML. Nulls, NaN and `missingValue` are not counted. The
 * median is exact (the lower one of two), so there is no `relativeError`.
 *
 * @throws DataError where a column holds no numbers at all.
 * @example
 * const imputer = await new Imputer({ inputCols: ["age", "fare"], outputCols: ["ageFull", "fareFull"] }).fit(people);
 */
export class Imputer extends Estimator<typeof params, ImputerModel> {
  static readonly specs = params;
  readonly #pairs: readonly ColumnPair[];

  constructor(values: Input<typeof params>) {
    super(params, values);
    this.#pairs = pairsOf(this);
  }

  transformSchema(schema: Schema): Schema {
    return addFilled(this, schema, this.#pairs);
  }

  async fit(df: DataFrame, options: FitOptions = {}): Promise<ImputerModel> {
    this.transformSchema(await schemaOf(df, this));
    const columns = this.#pairs.map(({ input }) => input);
    const found =
      this.params.strategy === "mode"
        ? await this.#modes(df, columns, options)
        : await this.#averages(df, columns, options);
    const surrogates = found.map((surrogate, i) => {
      if (surrogate !== null && surrogate !== undefined) return Number(surrogate);
      const message = `column "${columns[i]}" has no numbers to take the ${this.params.strategy} of; all are null, NaN or missingValue`;
      throw new DataError(this, message, { code: "NO_NUMBERS", column: columns[i] });
    });
    return new ImputerModel({ ...this.params, surrogates });
  }

  async #averages(df: DataFrame, columns: readonly string[], options: FitOptions): Promise<unknown[]> {
    const isMean = this.params.strategy === "mean";
    const results = await aggregateColumns(df, columns, options, (column) => {
      const x = this.#known(column);
      return { surrogate: isMean ? sql`avg(${x})` : sql`percentile_disc(0.5) WITHIN GROUP (ORDER BY ${x})` };
    });
    return results.map(({ surrogate }) => surrogate);
  }

  /** One row per column at most: the engine counts and chooses. */
  async #modes(df: DataFrame, columns: readonly string[], options: FitOptions): Promise<unknown[]> {
    const modes = columns.map((column, i) => {
      const counted = sql`SELECT ${this.#known(column)} AS x, count(*) AS occurrences FROM ${input(0)} GROUP BY 1`;
      return sql`(SELECT ${value(i)} AS place, x FROM (${counted}) AS counted WHERE x IS NOT NULL ORDER BY occurrences DESC, x LIMIT 1)`;
    });
    const rows = await queryOver(df, columns, "Imputer.fit", joinSql(modes, " UNION ALL ")).collect(options);
    return columns.map((_, i) => rows.find(({ place }) => Number(place) === i)?.x);
  }

  /** A column's numbers as doubles, null where they are missing. */
  #known(column: string): SqlTemplate {
    const x = col(column).cast("double").sql;
    const { missingValue } = this.params;
    const isMissing = Number.isNaN(missingValue) ? sql`` : sql` OR ${x} = ${value(missingValue)}`;
    return sql`CASE WHEN isnan(${x})${isMissing} THEN NULL ELSE ${x} END`;
  }
}

/**
 * Adds columns of the input's type with gaps filled by what {@link Imputer} learned: nulls and `missingValue` (NaN only if
 * that is NaN, the default), as in Spark ML. In columns of whole numbers the surrogate is cut to a whole number.
 *
 * @example new ImputerModel({ inputCol: "age", outputCol: "ageFull", surrogates: [38.5] });
 */
export class ImputerModel extends Model<typeof modelParams> {
  static readonly specs = modelParams;
  readonly #pairs: readonly ColumnPair[];

  constructor(values: Input<typeof modelParams>) {
    super(modelParams, values);
    this.#pairs = pairsOf(this);
    checkCount(this, "surrogates", this.params.surrogates.length, this.#pairs.length);
  }

  override get readsColumns(): readonly string[] {
    return this.#pairs.map(({ input }) => input);
  }

  transformSchema(schema: Schema): Schema {
    return addFilled(this, schema, this.#pairs);
  }

  open(schema: Schema): BatchFunction {
    const after = this.transformSchema(schema);
    return (batch) => {
      const added = this.#pairs.map(({ input, output }, i) => {
        const type = after.typeOf(output) as NumericType;
        return [output, this.#fill(dataOf(batch, input), type, this.params.surrogates[i]!)] as const;
      });
      return withColumns(batch, added);
    };
  }

  #fill(data: arrow.Data, type: NumericType, surrogate: number): Column {
    const values = numbersOf(data);
    const { missingValue } = this.params;
    const isMissing = Number.isNaN(missingValue) ? Number.isNaN : (x: number) => x === missingValue;
    const filled = allocate(dtypeOf(type), data.length);
    if (isBigInt(dtypeOf(type))) {
      const whole = filled as BigInt64Array;
      for (let row = 0; row < whole.length; row++) {
        const isGap = !data.getValid(row) || isMissing(values[row]!);
        whole[row] = isGap ? BigInt(Math.trunc(surrogate)) : data.values[row];
      }
    } else {
      const plain = filled as Float64Array;
      for (let row = 0; row < plain.length; row++) {
        const isGap = !data.getValid(row) || isMissing(values[row]!);
        plain[row] = isGap ? surrogate : values[row]!;
      }
    }
    return numberColumn(type, filled);
  }
}

function addFilled(stage: Stage, schema: Schema, pairs: readonly ColumnPair[]): Schema {
  return pairs.reduce((before, { input, output, param }) => {
    const type = before.requireNumber(input, stage, param);
    if (type !== "null" && !isNumeric(type)) {
      const message = `column "${input}" is a boolean or decimal, whose gaps cannot be filled; cast it to double first`;
      throw new SchemaError(stage, message, { code: "COLUMN_TYPE", column: input });
    }
    // a column of nulls alone (predictOne of a row with a gap) becomes one of doubles
    return before.with(
      output,
      type === "null" ? "double" : type,
      stage,
      param === "inputCol" ? "outputCol" : "outputCols",
    );
  }, schema);
}
