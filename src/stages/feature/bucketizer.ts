/** @file Bucketizer: numbers to the index of the interval they lie in. */

import type * as arrow from "apache-arrow";
import { type Column, numberColumn, withColumns } from "../../data/columns.js";
import { dataOf, numbersOf } from "../../data/read-columns.js";
import type { Schema } from "../../data/schema.js";
import { ParamError } from "../../errors.js";
import { type BatchFunction, Transformer } from "../../pipeline/stage.js";
import { defineParams, encodeNumber, type Input, json, optional, type Param } from "../../util/params.js";
import { type ColumnPair, checkCount, pairParams, pairsOf } from "./column-pairs.js";
import { badRow, handleInvalid, skipRows } from "./rows.js";

type Splits = readonly number[];

const ascending = "at least 3 numbers in strictly increasing order, infinities allowed";

const splits: Param<Splits, false> = {
  ...json<Splits>("limits of the buckets", ascending, areSplits),
  broken: [1, [0, 1], [0, 1, 1], [2, 1, 0], [0, 1, Number.NaN]],
  encode: (values) => values.map(encodeNumber),
  decode: (stored) => (stored as (number | string)[]).map(Number),
};

const splitsArray: Param<readonly Splits[], false> = {
  ...json<readonly Splits[]>(
    "limits of the buckets of each input column",
    `lists of ${ascending}`,
    (value) => Array.isArray(value) && value.every(areSplits),
  ),
  broken: [1, [1], [[0, 1]], [[0, 1, 1]]],
  encode: (lists) => lists.map((values) => values.map(encodeNumber)),
  decode: (stored) => (stored as (number | string)[][]).map((values) => values.map(Number)),
};

const params = defineParams({
  ...pairParams,
  splits: optional(splits),
  splitsArray: optional(splitsArray),
  handleInvalid,
});

/**
 * Gives each number the index (a double) of its bucket, as in Spark ML: bucket i holds numbers from splits[i] up to but
 * without splits[i + 1]; the last bucket holds its upper limit too. Use infinities at the ends to cover all numbers.
 *
 * `handleInvalid` is about NaN: "error" (default) names the row, "skip" leaves it out, "keep" puts it into one more bucket
 * after the last. Null gives null ("skip" leaves it out). A number outside all buckets is always an error.
 *
 * @throws ParamError for splits that do not increase; DataError (code BAD_ROW) for an invalid row.
 * @example
 * new Bucketizer({ inputCol: "age", outputCol: "group", splits: [0, 18, 65, Infinity] }).transform(people);
 */
export class Bucketizer extends Transformer<typeof params> {
  static readonly specs = params;
  readonly #pairs: readonly ColumnPair[];
  readonly #splits: readonly Splits[];

  constructor(values: Input<typeof params>) {
    super(params, values);
    this.#pairs = pairsOf(this);
    const { inputCol, splits, splitsArray } = this.params;
    const given = inputCol === undefined ? splitsArray : splits && [splits];
    if (given === undefined || (splits !== undefined && splitsArray !== undefined)) {
      throw new ParamError(this, "set splits with inputCol, or splitsArray with inputCols", { param: "splits" });
    }
    checkCount(this, "splitsArray", given.length, this.#pairs.length);
    this.#splits = given;
  }

  override get dropsRows(): boolean {
    return this.params.handleInvalid === "skip";
  }

  override get readsColumns(): readonly string[] {
    return this.#pairs.map(({ input }) => input);
  }

  transformSchema(schema: Schema): Schema {
    return this.#pairs.reduce((before, { input, output, param }) => {
      before.requireNumber(input, this, param);
      return before.with(output, "double", this, param === "inputCol" ? "outputCol" : "outputCols");
    }, schema);
  }

  open(): BatchFunction {
    return (batch) => {
      let kept = batch;
      if (this.params.handleInvalid === "skip") {
        const columns = this.#pairs.map(({ input }) => numbersOf(dataOf(batch, input)));
        kept = skipRows(
          batch,
          columns.map((values) => (row) => Number.isNaN(values[row])),
        );
      }
      const added = this.#pairs.map((pair, i) => {
        return [pair.output, this.#bucketize(dataOf(kept, pair.input), pair, this.#splits[i]!)] as const;
      });
      return withColumns(kept, added);
    };
  }

  #bucketize(data: arrow.Data, { input }: ColumnPair, splits: Splits): Column {
    const buckets = numbersOf(data).map((value, row) => {
      if (!data.getValid(row)) return 0;
      if (Number.isNaN(value)) {
        if (this.params.handleInvalid === "keep") return splits.length - 1;
        throw badRow(this, input, row, 'is NaN; fill it, or set handleInvalid to "skip" or "keep"');
      }
      const bucket = bucketOf(splits, value);
      if (bucket !== undefined) return bucket;
      const bounds = `[${splits[0]}, ${splits.at(-1)}]`;
      throw badRow(
        this,
        input,
        row,
        `is ${value}, outside of the splits ${bounds}; widen them, with infinities to cover all`,
      );
    });
    return numberColumn("double", buckets, data.nullCount > 0 ? (row) => data.getValid(row) : undefined);
  }
}

function areSplits(value: unknown): boolean {
  return (
    Array.isArray(value) &&
    value.length >= 3 &&
    value.every((split, i) => typeof split === "number" && !Number.isNaN(split) && (i === 0 || split > value[i - 1]))
  );
}

function bucketOf(splits: Splits, value: number): number | undefined {
  const last = splits.length - 1;
  if (value === splits[last]) return last - 1;
  if (value < splits[0]! || value > splits[last]!) return undefined;
  let low = 0;
  let high = last;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (splits[middle]! <= value) low = middle;
    else high = middle;
  }
  return low;
}
