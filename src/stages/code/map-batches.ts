/** @file MapBatches: a function of the user's over Arrow record batches. */

import * as arrow from "apache-arrow";
import { fromArrowField, fromArrowSchema, toArrowSchema } from "../../data/arrow-types.js";
import { batchOf, type Column } from "../../data/columns.js";
import { concatData } from "../../data/concat.js";
import { columnOfValues } from "../../data/from-values.js";
import { batchesOfTable } from "../../data/import-table.js";
import type { Schema } from "../../data/schema.js";
import { dtypeOf, type Field, formatType, isNumeric, sameType } from "../../data/types.js";
import { DataError } from "../../errors.js";
import { allocate } from "../../tensor/dtype.js";
import type { LoadedFunction } from "./load-function.js";
import { UserCode, userCodeParams } from "./user-code.js";

/**
 * Runs a function of a module on every batch: an Arrow `RecordBatch` in; out an Arrow RecordBatch or Table, or an object of
 * columns (typed arrays, or lists of values with null for null), or a promise of these. Batches are as large as the
 * engine likes (16,384 rows in this process), or `batchSize` rows at most. The rest is as with `MapRows`.
 *
 * @throws ParamError for a module that cannot be bundled; DataError (code USER_CODE) for what the function throws, with
 * file, line and the batch's first row, and for columns that are not those told.
 * @example
 * // scale.ts: export const scale = (batch: RecordBatch, { by }: { by: number }) =>
 * //   ({ y: batch.getChild("x")!.toArray().map((x) => x * by) });
 * new MapBatches({ module: url.href, export: "scale", adds: { y: "double" }, options: { by: 2 } });
 */
export class MapBatches extends UserCode {
  static readonly specs = userCodeParams;

  protected async apply(batch: arrow.RecordBatch, fn: LoadedFunction): Promise<arrow.RecordBatch> {
    let result: unknown;
    try {
      result = await fn.call(batch, this.params.options);
    } catch (error) {
      throw this.failure(error, fn, 0, "on the batch that begins at row 0");
    }
    const input = fromArrowSchema(batch.schema);
    return isArrow(result) ? this.#fromArrow(result, input) : this.#fromColumns(result, input);
  }

  /** Arrow data of the user's copy of the library, which is not ours. */
  #fromArrow(result: ArrowLike, input: Schema): arrow.RecordBatch {
    const { fields } = result.schema;
    this.checkNames(
      fields.map(({ name }) => name),
      input,
    );
    const batches = result.batches ?? [result as arrow.RecordBatch];
    const columns = this.given.fields.map((field): [string, Column] => {
      const at = fields.findIndex(({ name }) => name === field.name);
      if (at < 0) throw this.#missing(field);
      const found = fields[at]!;
      const parts = batches.map(({ data }) => own(data.children[at]!));
      const data = parts.length === 0 ? columnOfValues([], field.type, String, this.label).data : concatData(parts);
      return [field.name, { type: field.type, data: this.#fitting(data, found, field) }];
    });
    return batchOf(columns);
  }

  #fitting(data: arrow.Data, found: arrow.Field, field: Field): arrow.Data {
    const { type } = fromArrowField(found);
    if (!sameType(type, field.type)) {
      // a list of fixed length comes without its shape
      const plain = { ...toArrowSchema(this.given.select([field.name])).fields[0]!.type };
      const isShaped = String(plain) === String(data.type) && arrow.DataType.isFixedSizeList(data.type);
      if (!isShaped) {
        const message = `gave column "${field.name}" as ${formatType(type)}, expected ${formatType(field.type)}`;
        throw new DataError(this.label, message, { code: "USER_CODE", column: field.name });
      }
      return data;
    }
    // dictionaries, other units of time
    const struct = new arrow.Struct([found]);
    const children = [data];
    const whole = new arrow.RecordBatch(
      new arrow.Schema([found]),
      arrow.makeData({ type: struct, length: data.length, nullCount: 0, children }),
    );
    const { batches } = batchesOfTable(new arrow.Table([whole]), undefined, this.label);
    return batches[0]?.data.children[0] ?? columnOfValues([], field.type, String, this.label).data;
  }

  #fromColumns(result: unknown, input: Schema): arrow.RecordBatch {
    if (typeof result !== "object" || result === null || Array.isArray(result)) {
      const found = Array.isArray(result) ? "a list" : result === null ? "null" : `a ${typeof result}`;
      const message = `gave ${found}, expected an Arrow RecordBatch or Table, or an object of columns`;
      throw new DataError(this.label, message, { code: "USER_CODE" });
    }
    const given = result as Readonly<Record<string, unknown>>;
    this.checkNames(Object.keys(given), input);
    let length: number | undefined;
    const columns = this.given.fields.map((field): [string, Column] => {
      const values = given[field.name];
      if (values === undefined) throw this.#missing(field);
      if (!Array.isArray(values) && !(ArrayBuffer.isView(values) && !(values instanceof DataView))) {
        const message = `gave column "${field.name}" as a ${typeof values}, expected a list or a typed array`;
        throw new DataError(this.label, message, { code: "USER_CODE", column: field.name });
      }
      const list = values as readonly unknown[];
      length ??= list.length;
      if (list.length !== length) {
        const message = `gave ${list.length} values in column "${field.name}" and ${length} in those before; all must be as long`;
        throw new DataError(this.label, message, { code: "USER_CODE", column: field.name });
      }
      return [field.name, this.#column(list, field)];
    });
    return batchOf(columns);
  }

  #column(values: readonly unknown[], { name, type }: Field): Column {
    if (isNumeric(type) && ArrayBuffer.isView(values)) {
      const target = allocate(dtypeOf(type), 0);
      if (values.constructor === target.constructor) {
        const data = arrow.makeData({
          type: toArrowSchema(this.given.select([name])).fields[0]!.type as arrow.Float64,
          length: values.length,
          data: values as unknown as Float64Array,
        });
        return { type, data };
      }
    }
    return columnOfValues(Array.from(values), type, (row) => `row ${row} of column "${name}"`, this.label);
  }

  #missing({ name, type }: Field): DataError {
    const message = `gave no column "${name}" (${formatType(type)})`;
    return new DataError(this.label, message, { code: "USER_CODE", column: name });
  }
}

interface ArrowLike {
  readonly schema: arrow.Schema;
  readonly batches?: readonly arrow.RecordBatch[];
}

/** A RecordBatch or Table of any copy of the library. */
function isArrow(value: unknown): value is ArrowLike {
  const { schema } = (value ?? {}) as { readonly schema?: { readonly fields?: unknown } };
  return Array.isArray(schema?.fields) && "numRows" in (value as object);
}

/** The same data as an object of our copy of the library. */
function own(data: arrow.Data): arrow.Data {
  if (data instanceof arrow.Data) return data;
  const foreign = data as arrow.Data;
  const { type, offset, length, nullCount, children } = foreign;
  const buffers = [foreign.valueOffsets, foreign.values, foreign.nullBitmap, foreign.typeIds];
  const dictionary = foreign.dictionary as arrow.Vector | undefined;
  return new arrow.Data(
    type,
    offset,
    length,
    nullCount,
    buffers as unknown as arrow.Data["buffers"],
    children.map(own),
    dictionary && new arrow.Vector(dictionary.data.map(own)),
  );
}
