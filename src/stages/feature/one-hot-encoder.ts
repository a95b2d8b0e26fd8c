/** @file OneHotEncoder: an index to a vector with a 1 at its place. */

import type * as arrow from "apache-arrow";
import { type Column, tensorColumn, withColumns } from "../../data/columns.js";
import type { DataFrame } from "../../data/dataframe.js";
import { col } from "../../data/expr.js";
import { sql } from "../../data/plan.js";
import { dataOf, numbersOf } from "../../data/read-columns.js";
import type { Schema } from "../../data/schema.js";
import { arrayOf, type ColumnType, tensorOf } from "../../data/types.js";
import { DataError, SchemaError } from "../../errors.js";
import { schemaOf } from "../../pipeline/schema-of.js";
import { type BatchFunction, Estimator, type FitOptions, Model } from "../../pipeline/stage.js";
import { boolean, choice, defineParams, type Input, numbers } from "../../util/params.js";
import { aggregateColumns } from "./aggregate.js";
import { type ColumnPair, checkCount, pairParams, pairsOf } from "./column-pairs.js";
import { badRow } from "./rows.js";

const params = defineParams({
  ...pairParams,
  handleInvalid: choice(
    "indices that the fit has not seen: error stops, keep gives them a category of their own after the others",
    ["error", "keep"],
    { default: "error" },
  ),
  dropLast: boolean("leaves out the last category, which is all zeros then", { default: true }),
});

const modelParams = defineParams({
  ...params,
  categorySizes: numbers("number of categories of each input column", { min: 1 }),
});

/**
 * Learns how many categories columns of indices have: the largest index + 1, as in Spark ML. Columns carry no labels with
 * them here, so the data alone tells (Spark ML prefers the column's metadata).
 *
 * @throws DataError where a value is no index (null, negative or a fraction).
 * @example
 * const model = await new OneHotEncoder({ inputCol: "sizeIndex", outputCol: "size" }).fit(shirts);
 */
export class OneHotEncoder extends Estimator<typeof params, OneHotEncoderModel> {
  static readonly specs = params;
  readonly #pairs: readonly ColumnPair[];

  constructor(values: Input<typeof params>) {
    super(params, values);
    this.#pairs = pairsOf(this);
  }

  /** How long the vectors will be, only the fit tells. */
  transformSchema(schema: Schema): Schema {
    return addVectors(this, schema, this.#pairs, () => arrayOf("float"));
  }

  async fit(df: DataFrame, options: FitOptions = {}): Promise<OneHotEncoderModel> {
    this.transformSchema(await schemaOf(df, this));
    const columns = this.#pairs.map(({ input }) => input);
    const found = await aggregateColumns(df, columns, options, (name) => {
      const x = col(name).cast("double").sql;
      return {
        bad: sql`count(*) - count(CASE WHEN ${x} >= 0 AND ${x} = floor(${x}) AND ${x} <= 2147483647 THEN 1 END)`,
        largest: sql`max(${x})`,
      };
    });
    const categorySizes = found.map(({ bad, largest }, i) => {
      if (Number(bad) === 0) return Number(largest ?? 0) + 1;
      const message = `column "${columns[i]}" holds ${bad} values that are no indices (null, negative, a fraction); index it with StringIndexer first`;
      throw new DataError(this, message, { code: "NO_INDEX", column: columns[i] });
    });
    return new OneHotEncoderModel({ ...this.params, categorySizes });
  }
}

/**
 * Adds a vector per index; what {@link OneHotEncoder} learned, or made of known sizes. With `dropLast` (default) the last
 * category has no place of its own: its vector is all zeros. Vectors are dense float32, so columns of very many
 * categories (beyond some thousands) take much memory. Null gives null, as in Spark ML.
 *
 * @throws DataError (code BAD_ROW) for an index that was not seen, unless `handleInvalid` is "keep".
 * @example new OneHotEncoderModel({ inputCol: "day", outputCol: "dayVec", categorySizes: [7], dropLast: false });
 */
export class OneHotEncoderModel extends Model<typeof modelParams> {
  static readonly specs = modelParams;
  readonly #pairs: readonly ColumnPair[];

  constructor(values: Input<typeof modelParams>) {
    super(modelParams, values);
    this.#pairs = pairsOf(this);
    checkCount(this, "categorySizes", this.params.categorySizes.length, this.#pairs.length);
  }

  override get readsColumns(): readonly string[] {
    return this.#pairs.map(({ input }) => input);
  }

  transformSchema(schema: Schema): Schema {
    return addVectors(this, schema, this.#pairs, (i) => tensorOf("float", [this.#width(i)]));
  }

  open(): BatchFunction {
    return (batch) => {
      const added = this.#pairs.map(
        (pair, i) => [pair.output, this.#encode(dataOf(batch, pair.input), pair, i)] as const,
      );
      return withColumns(batch, added);
    };
  }

  #encode(data: arrow.Data, { input }: ColumnPair, i: number): Column {
    const size = this.params.categorySizes[i]!;
    const width = this.#width(i);
    const values = new Float32Array(data.length * width);
    numbersOf(data).forEach((index, row) => {
      if (!data.getValid(row)) return;
      const isSeen = index >= 0 && index < size;
      if (!isSeen && this.params.handleInvalid === "error") {
        const reason = `is ${index}, but the fit has seen indices 0 to ${size - 1}; set handleInvalid to "keep"`;
        throw badRow(this, input, row, reason);
      }
      const place = isSeen ? Math.trunc(index) : size;
      if (place < width) values[row * width + place] = 1;
    });
    const valid = data.nullCount > 0 ? (row: number) => data.getValid(row) : undefined;
    return tensorColumn("float", [width], values, valid, data.length);
  }

  #width(i: number): number {
    const { dropLast, handleInvalid, categorySizes } = this.params;
    const width = categorySizes[i]! + (handleInvalid === "keep" ? 1 : 0) - (dropLast ? 1 : 0);
    if (width > 0) return width;
    const message = `column "${this.#pairs[i]!.input}" has one category, so dropLast leaves an empty vector; set dropLast to false`;
    throw new SchemaError(this, message, { code: "EMPTY_VECTOR" });
  }
}

function addVectors(
  stage: OneHotEncoder | OneHotEncoderModel,
  schema: Schema,
  pairs: readonly ColumnPair[],
  typeOf: (i: number) => ColumnType,
): Schema {
  return pairs.reduce((before, { input, output, param }, i) => {
    before.requireNumber(input, stage, param);
    return before.with(output, typeOf(i), stage, param === "inputCol" ? "outputCol" : "outputCols");
  }, schema);
}
