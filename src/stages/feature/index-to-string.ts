/** @file IndexToString: indices back to labels. */

import { stringColumn, withColumns } from "../../data/columns.js";
import { dataOf, numbersOf } from "../../data/read-columns.js";
import type { Schema } from "../../data/schema.js";
import { type BatchFunction, Transformer } from "../../pipeline/stage.js";
import { columnName, defineParams, type Input, strings } from "../../util/params.js";
import { badRow } from "./rows.js";

const params = defineParams({
  inputCol: columnName("column of indices"),
  outputCol: columnName("string column to add"),
  labels: strings("label of each index, as in StringIndexerModel.labels"),
});

/**
 * Turns indices back into labels, as in Spark ML; null gives null. Columns carry no labels with them here, so `labels` is
 * required (Spark ML can take them from the column's metadata).
 *
 * @throws DataError (code BAD_ROW) for an index that has no label.
 * @example
 * new IndexToString({ inputCol: "prediction", outputCol: "species", labels: indexer.labels }).transform(predictions);
 */
export class IndexToString extends Transformer<typeof params> {
  static readonly specs = params;

  constructor(values: Input<typeof params>) {
    super(params, values);
  }

  override get readsColumns(): readonly string[] {
    return [this.params.inputCol];
  }

  transformSchema(schema: Schema): Schema {
    schema.requireNumber(this.params.inputCol, this);
    return schema.with(this.params.outputCol, "string", this);
  }

  open(): BatchFunction {
    const { inputCol, outputCol, labels } = this.params;
    return (batch) => {
      const data = dataOf(batch, inputCol);
      const found = Array.from(numbersOf(data), (index, row) => {
        if (!data.getValid(row)) return null;
        // an index is cut to a whole number, as in Spark ML
        const label = labels[Math.trunc(index)];
        if (label !== undefined) return label;
        throw badRow(this, inputCol, row, `is ${index}, but there are ${labels.length} labels; indices begin with 0`);
      });
      return withColumns(batch, { [outputCol]: stringColumn(found) });
    };
  }
}
