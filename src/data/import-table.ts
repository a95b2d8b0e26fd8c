/** @file Arrow tables from elsewhere in the forms that deepframe uses: one integer type per width, UTC microseconds, no dictionaries. */

import * as arrow from "apache-arrow";
import { DataError } from "../errors.js";
import { fromArrowSchema, toArrowField, toArrowSchema } from "./arrow-types.js";
import type { Column } from "./columns.js";
import { columnOfValues } from "./from-values.js";
import type { Schema } from "./schema.js";
import { microsAt } from "./times.js";
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
  const where = (row: number) => `row ${row} of column "${field.name}"`;
  const values = Array.from({ length: data.length }, (_, row) => plain(data, row, () => fail(where(row), from, who)));
  return columnOfValues(values, field.type, where, who);
}

function fail(where: string, { type }: arrow.Field, who: string): never {
  const message = `${where} (${type}) has nanoseconds that a timestamp cannot hold; round it to microseconds first`;
  throw new DataError(who, message, { code: "BAD_ROW" });
}

/** A value of Arrow's as the value that {@link columnOfValues} takes. */
function plain(data: arrow.Data, row: number, fail: () => never): unknown {
  const T = arrow.DataType;
  const { type } = data;
  if (T.isNull(type) || !data.getValid(row)) return null;
  if (T.isTimestamp(type) || T.isTime(type)) return microsAt(data as arrow.Data<typeof type>, row) ?? fail();
  if (T.isStruct(type)) {
    return Object.fromEntries(type.children.map(({ name }, i) => [name, plain(data.children[i]!, row, fail)]));
  }
  if (T.isList(type) || T.isFixedSizeList(type) || T.isMap(type)) {
    const [from, to] = T.isFixedSizeList(type)
      ? [row * type.listSize, (row + 1) * type.listSize]
      : [Number(data.valueOffsets[row]), Number(data.valueOffsets[row + 1])];
    const items = data.children[0]!;
    const entry = (at: number) => items.children.map((part) => plain(part, at, fail)) as [unknown, unknown];
    if (T.isMap(type)) return new Map(Array.from({ length: to - from }, (_, i) => entry(from + i)));
    return Array.from({ length: to - from }, (_, i) => plain(items, from + i, fail));
  }
  const value = new arrow.Vector([data]).get(row);
  return T.isDate(type) ? new Date(Number(value)) : value;
}
