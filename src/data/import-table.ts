/** @file Arrow tables from elsewhere in the forms that deepframe uses: one integer type per width, UTC microseconds, no dictionaries. */

import * as arrow from "apache-arrow";
import { DataError } from "../errors.js";
import { fromArrowSchema, toArrowField, toArrowSchema } from "./arrow-types.js";
import type { Column } from "./columns.js";
import { columnOfValues } from "./from-values.js";
import type { Schema } from "./schema.js";
import { type Field, formatType, sameType } from "./types.js";

/**
 * The table's batches; columns whose Arrow type is ours already are taken without a copy.
 *
 * @throws DataError for a type that deepframe lacks, or a schema that differs from the table's.
 */
export function batchesOfTable(
  table: arrow.Table,
  wanted: Schema | undefined,
  who = "createDataFrame",
): { schema: Schema; batches: arrow.RecordBatch[] } {
  const schema = wanted ?? fromArrowSchema(table.schema);
  const found = fromArrowSchema(table.schema);
  for (const { name, type } of schema.fields) {
    const own = found.select([name], who).fields[0]!.type;
    if (!sameType(own, type)) {
      throw new DataError(
        who,
        `column "${name}" is ${formatType(own)} in the table, the schema says ${formatType(type)}`,
      );
    }
  }
  const arrowSchema = toArrowSchema(schema);
  const batches = table.batches.map((batch) => {
    const children = schema.fields.map((field) => {
      const at = batch.schema.fields.findIndex(({ name }) => name === field.name);
      return converted(batch.data.children[at]!, batch.schema.fields[at]!, field, who).data;
    });
    const type = new arrow.Struct(arrowSchema.fields);
    const data = arrow.makeData({ type, length: batch.numRows, nullCount: 0, children });
    return new arrow.RecordBatch(arrowSchema, data);
  });
  return { schema, batches: batches.filter(({ numRows }) => numRows > 0) };
}

function converted(data: arrow.Data, from: arrow.Field, field: Field, who: string): Column {
  if (String(from.type) === String(toArrowField(field).type)) return { type: field.type, data };
  const vector = new arrow.Vector([data]);
  const values = Array.from({ length: data.length }, (_, row) => plain(vector.get(row), from.type));
  return columnOfValues(values, field.type, (row) => `row ${row} of column "${field.name}"`, who);
}

/** A value of Arrow's as the value that {@link columnOfValues} takes. */
function plain(value: unknown, type: arrow.DataType): unknown {
  if (value === null) return null;
  if (arrow.DataType.isDate(type) || arrow.DataType.isTimestamp(type)) return new Date(Number(value));
  if (value instanceof arrow.Vector) return Array.from(value as Iterable<unknown>, (item) => plain(item, value.type));
  if (value instanceof arrow.StructRow || value instanceof arrow.MapRow) {
    const children = type.children ?? [];
    return Object.fromEntries(
      [...value].map(([name, item], i) => [String(name), plain(item, (children[i] ?? children[0])!.type)]),
    );
  }
  return value;
}
