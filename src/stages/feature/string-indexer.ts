/** @file StringIndexer: labels to indices, by frequency or alphabet. */

import { numberColumn, withColumns } from "../../data/columns.js";
import type { DataFrame } from "../../data/dataframe.js";
import { dataOf } from "../../data/read-columns.js";
import type { Schema } from "../../data/schema.js";
import { type ColumnType, formatType, isNumeric } from "../../data/types.js";
import { SchemaError } from "../../errors.js";
import { schemaOf } from "../../pipeline/schema-of.js";
import { type BatchFunction, Estimator, type FitOptions, Model, type Stage } from "../../pipeline/stage.js";
import { choice, defineParams, type Input, json } from "../../util/params.js";
import { type ColumnPair, checkCount, pairParams, pairsOf } from "./column-pairs.js";
import { countLabels, type LabelCounts } from "./count-labels.js";
import { labelsOf } from "./label.js";
import { badRow, handleInvalid, skipRows } from "./rows.js";

const shared = defineParams({ ...pairParams, handleInvalid });

const params = defineParams({
  ...shared,
  stringOrderType: choice(
    "order of the labels; the first gets index 0",
    ["frequencyDesc", "frequencyAsc", "alphabetDesc", "alphabetAsc"],
    { default: "frequencyDesc" },
  ),
});

const modelParams = defineParams({
  ...shared,
  labelsArray: json<readonly (readonly string[])[]>(
    "labels of each input column, by index",
    "a list of lists of different strings",
    (value) => Array.isArray(value) && value.every(isLabelList),
  ),
});

/**
 * Learns the labels of string or number columns and gives each an index, as in Spark ML: by default the most frequent
 * label gets 0; labels of equal frequency are in alphabetical order (of code points). Numbers are labels as Spark's
 * cast to string writes them (`1.0`, `1.0E7`). Nulls and NaN are not counted.
 *
 * @throws SchemaError for a column that is missing or neither string nor number.
 * @example
 * const model = await new StringIndexer({ inputCol: "species", outputCol: "label" }).fit(flowers);
 * model.labels; // ["setosa", "versicolor"]
 */
export class StringIndexer extends Estimator<typeof params, StringIndexerModel> {
  static readonly specs = params;
  readonly #pairs: readonly ColumnPair[];

  constructor(values: Input<typeof params>) {
    super(params, values);
    this.#pairs = pairsOf(this);
  }

  transformSchema(schema: Schema): Schema {
    return this.#pairs.reduce((before, pair) => addIndex(this, before, pair), schema);
  }

  async fit(df: DataFrame, options: FitOptions = {}): Promise<StringIndexerModel> {
    this.transformSchema(await schemaOf(df, this));
    const { stringOrderType, ...rest } = this.params;
    const counts = await countLabels(
      df,
      this.#pairs.map(({ input }) => input),
      options,
    );
    return new StringIndexerModel({ ...rest, labelsArray: counts.map((each) => sortLabels(each, stringOrderType)) });
  }
}

/**
 * Adds a double column with each label's index; what {@link StringIndexer} learned, or made of known labels.
 *
 * `handleInvalid` is about nulls and labels that were not seen: "error" (default) names the row, "skip" leaves it out,
 * "keep" gives it the index after the last label. An input column that the data lacks is skipped, as in Spark ML, so that
 * a model predicts without the label.
 *
 * @example new StringIndexerModel({ inputCol: "size", outputCol: "sizeIndex", labelsArray: [["S", "M", "L"]] });
 */
export class StringIndexerModel extends Model<typeof modelParams> {
  static readonly specs = modelParams;
  readonly #pairs: readonly ColumnPair[];

  constructor(values: Input<typeof modelParams>) {
    super(modelParams, values);
    this.#pairs = pairsOf(this);
    checkCount(this, "labelsArray", this.params.labelsArray.length, this.#pairs.length);
  }

  /** Labels of the first input column, by index. */
  get labels(): readonly string[] {
    return this.params.labelsArray[0]!;
  }

  override get readsColumns(): readonly string[] {
    return this.#pairs.map(({ input }) => input);
  }

  transformSchema(schema: Schema): Schema {
    return this.#present(schema).reduce((before, { pair }) => addIndex(this, before, pair), schema);
  }

  open(schema: Schema): BatchFunction {
    const { handleInvalid } = this.params;
    const columns = this.#present(schema);
    return (batch) => {
      let kept = batch;
      if (handleInvalid === "skip") {
        const found = columns.map(({ pair, indexOf }) => labelsOf(dataOf(batch, pair.input)).map(indexOf));
        kept = skipRows(
          batch,
          found.map((indices) => (row) => indices[row] === undefined),
        );
      }
      const added = columns.map(({ pair, indexOf, size }) => {
        const labels = labelsOf(dataOf(kept, pair.input));
        const indices = Float64Array.from(labels, (label, row) => {
          const index = indexOf(label);
          if (index !== undefined) return index;
          if (handleInvalid === "keep") return size;
          const what = label === null ? "is null" : `is ${JSON.stringify(label)}, a label that the fit has not seen`;
          throw badRow(this, pair.input, row, `${what}; set handleInvalid to "skip" or "keep"`);
        });
        return [pair.output, numberColumn("double", indices)] as const;
      });
      return withColumns(kept, added);
    };
  }

  #present(schema: Schema) {
    return this.#pairs
      .map((pair, i) => {
        const labels = this.params.labelsArray[i]!;
        const indices = new Map<string | null, number>(labels.map((label, index) => [label, index]));
        return { pair, size: labels.length, indexOf: (label: string | null) => indices.get(label) };
      })
      .filter(({ pair }) => schema.has(pair.input));
  }
}

function addIndex(stage: Stage, schema: Schema, { input, output, param }: ColumnPair): Schema {
  const type = schema.require(input, stage, param);
  if (!canBeLabel(type)) {
    const message = `column "${input}" must be a string or a number, but is ${formatType(type)}; cast it to string first`;
    throw new SchemaError(stage, message, { code: "COLUMN_TYPE", column: input });
  }
  return schema.with(output, "double", stage, param === "inputCol" ? "outputCol" : "outputCols");
}

function canBeLabel(type: ColumnType): boolean {
  return (
    isNumeric(type) || type === "string" || type === "null" || (typeof type === "object" && type.kind === "decimal")
  );
}

function isLabelList(value: unknown): boolean {
  return (
    Array.isArray(value) && value.every((label) => typeof label === "string") && new Set(value).size === value.length
  );
}

function sortLabels(
  counts: LabelCounts,
  order: "frequencyDesc" | "frequencyAsc" | "alphabetDesc" | "alphabetAsc",
): string[] {
  // by UTF-8 bytes, as Spark compares strings; also the rule for ties
  const bytes = new Map([...counts.keys()].map((label) => [label, Buffer.from(label)]));
  const alphabet = [...counts].sort(([a], [b]) => Buffer.compare(bytes.get(a)!, bytes.get(b)!));
  const sign = order.endsWith("Desc") ? -1 : 1;
  if (order.startsWith("alphabet")) return (sign < 0 ? alphabet.reverse() : alphabet).map(([label]) => label);
  return alphabet.sort(([, a], [, b]) => sign * (a - b)).map(([label]) => label);
}
