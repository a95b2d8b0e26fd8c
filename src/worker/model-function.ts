/** @file ModelFunction: a model as a function of columns to one column, which engines call from SQL. */

import { type Data, DataType, type RecordBatch } from "apache-arrow";
import type { FunctionStage } from "../data/batch-stage.js";
import { batchOf, type Column, filterRows, structColumn } from "../data/columns.js";
import { takeOrNull } from "../data/concat.js";
import { dataOf } from "../data/read-columns.js";
import { batchToRows, type Row, rowsToBatch } from "../data/rows.js";
import { Schema } from "../data/schema.js";
import { type ColumnType, formatType, isNumeric, tensorOf } from "../data/types.js";
import { DeepframeError, internal, SchemaError } from "../errors.js";
import { PipelineModel, stageList } from "../pipeline/pipeline.js";
import { type BatchFunction, type StageContext, Transformer } from "../pipeline/stage.js";
import { boolean, choice, columnNames, defineParams, type Input, json, text } from "../util/params.js";
import { recastBatch } from "./recast.js";

const params = defineParams({
  name: text("the function's name in SQL"),
  stages: stageList<Transformer>("the model", "a list of Transformers", (stage) => stage instanceof Transformer),
  inputs: json<Readonly<Record<string, string>>>(
    "arguments in order: the model's column, and its type",
    "types by column",
    (value) => typeof value === "object" && value !== null && !Array.isArray(value),
  ),
  outputs: columnNames("the model's columns that are the result"),
  isStruct: boolean("whether the result is a struct of the outputs", { default: false }),
  nulls: choice("what a null argument does: gives null, or is passed to the model", ["null", "pass"], {
    default: "null",
  }),
});

/** The one column that comes out. */
export const resultColumn = "result";

/** Turns argument columns, in order and under the model's names, into the column `result`. Sessions make it. */
export class ModelFunction extends Transformer<typeof params> implements FunctionStage {
  static readonly specs = params;
  readonly #model: PipelineModel;

  constructor(values: Input<typeof params>) {
    super(params, values);
    this.#model = new PipelineModel(this.params.stages);
  }

  /** The function's name, under which its errors come. */
  override get name(): string {
    return this.params.name;
  }

  override get rowsPerTask(): number | undefined {
    return this.#model.rowsPerTask;
  }

  /** The arguments as they were registered. */
  get inputs(): Schema {
    return Schema.of(this.params.inputs);
  }

  /** The result's type for arguments as registered. */
  get result(): ColumnType {
    return this.#resultOf(this.#model.transformSchema(this.inputs));
  }

  /** As in `flower(image binary)`. */
  get signature(): string {
    return `${this.params.name}(${argumentList(this.inputs)})`;
  }

  override async prepare(): Promise<void> {
    await this.#model.prepare();
  }

  override toSpec(): ReturnType<Transformer["toSpec"]> {
    return { ...super.toSpec(), type: ModelFunction.name };
  }

  /** @param schema the arguments' names and types; names do not matter, their order does */
  transformSchema(schema: Schema): Schema {
    const given = this.argumentTypes(schema);
    let result: ColumnType;
    try {
      result = this.#resultOf(this.#model.transformSchema(given));
    } catch (cause) {
      if (!(cause instanceof DeepframeError)) throw cause;
      throw this.#unfit(given, cause.message, cause);
    }
    if (formatType(result) !== formatType(this.result)) {
      const told = `the model gives ${formatType(result)} for them, not ${formatType(this.result)}`;
      throw this.#unfit(given, `${told}; cast them, or register the function with other inputs`);
    }
    return Schema.of({ [resultColumn]: result });
  }

  /** The model's input columns for arguments of these types. @throws SchemaError for a wrong number of them. */
  argumentTypes(schema: Schema): Schema {
    const { inputs } = this;
    const count = inputs.fields.length;
    if (schema.fields.length !== count) {
      const message = `takes ${count} argument${count === 1 ? "" : "s"} (${argumentList(inputs)}), got ${schema.fields.length}`;
      throw new SchemaError(this, message, { code: "ARGUMENTS", expected: count, found: schema.fields.length });
    }
    return new Schema(
      inputs.fields.map(({ name, type }, i) => ({ name, type: argumentType(type, schema.fields[i]!.type) })),
    );
  }

  async open(schema: Schema, context: StageContext): Promise<BatchFunction> {
    this.transformSchema(schema);
    const given = this.argumentTypes(schema);
    const called = new Schema(
      given.fields.map(({ name, type }, i) => ({ name, type: typed(schema.fields[i]!.type, type) })),
    );
    const apply = await this.#model.open(given, context);
    const nothing = dataOf(rowsToBatch([{}], Schema.of({ [resultColumn]: this.result })), resultColumn);
    return async (sent) => {
      const batch = withTypedNulls(sent, called);
      const rows = this.params.nulls === "null" ? fullRows(batch) : undefined;
      const full = rows === undefined ? batch : filterRows(batch, (row) => rows[row]! >= 0);
      const found = full.numRows === 0 ? nothing.slice(0, 0) : await this.#call(apply, full, called, given, rows);
      const data = rows === undefined ? found : takeOrNull(found, rows, nothing);
      return batchOf({ [resultColumn]: { type: this.result, data } }, batch.numRows);
    };
  }

  async #call(
    apply: BatchFunction,
    batch: RecordBatch,
    called: Schema,
    given: Schema,
    rows: Int32Array | undefined,
  ): Promise<Data> {
    let after: RecordBatch;
    try {
      after = await apply(recastBatch(batch, called, given, this));
    } catch (error) {
      throw this.#withArguments(error, batch, called, rows);
    }
    if (after.numRows !== batch.numRows) throw internal(`${this.name} left out rows`);
    const { outputs, isStruct } = this.params;
    const columns = outputs.map((name) => dataOf(after, name));
    if (!isStruct) return columns[0]!;
    const { fields } = this.result as Extract<ColumnType, { kind: "struct" }>;
    const parts = fields.map(({ name, type }, i): [string, Column] => [name, { type, data: columns[i]! }]);
    return structColumn(parts, batch.numRows).data;
  }

  /** SQL has no row numbers: a bad row is told by the arguments it was called with. */
  #withArguments(error: unknown, batch: RecordBatch, { names }: Schema, rows: Int32Array | undefined): unknown {
    if (!(error instanceof DeepframeError) || typeof error.fields.row !== "number") return error;
    const { row } = error.fields;
    const values = batchToRows(batch.slice(row, row + 1))[0];
    const list = Object.values(values ?? {}).map((value, i) => `${names[i]} = ${shown(value)}`);
    const place = rows === undefined ? row : rows.indexOf(row);
    const told = error.message.replace(new RegExp(`\\brow ${row}\\b`), `row ${place}`);
    error.message = `${this.name}: ${told} (called with ${list.join(", ")})`;
    Object.defineProperty(error, "fields", { value: { ...error.fields, row: place, function: this.name } });
    return error;
  }

  #resultOf(after: Schema): ColumnType {
    const { outputs, isStruct } = this.params;
    const fields = outputs.map((name) => ({ name, type: after.require(name, this, "outputCol") }));
    return isStruct ? { kind: "struct", fields } : fields[0]!.type;
  }

  #unfit(given: Schema, reason: string, cause?: unknown): SchemaError {
    const message = `takes (${argumentList(this.inputs)}), got (${argumentList(given)}): ${reason}`;
    return new SchemaError(this, message, { code: "ARGUMENTS", found: given.toJSON(), cause });
  }
}

/** The type in which the model sees an argument. */
function argumentType(registered: ColumnType, given: ColumnType): ColumnType {
  if (given === "null") return registered;
  if (typeof registered !== "object" || registered.kind !== "tensor" || typeof given !== "object") return given;
  // SQL knows flat vectors and lists; the shape is the function's
  if (given.kind === "array" && isNumeric(given.element)) return tensorOf(given.element, registered.shape);
  const size = (shape: readonly number[]) => shape.reduce((product, part) => product * part, 1);
  const fits = given.kind === "tensor" && size(given.shape) === size(registered.shape);
  return fits ? tensorOf(given.element, registered.shape) : given;
}

/** A NULL in SQL has no type of its own: it has the one that is wanted. */
function typed(given: ColumnType, wanted: ColumnType): ColumnType {
  return given === "null" ? wanted : given;
}

/** The batch under the names of `called`, columns of bare NULLs in its types. */
function withTypedNulls(batch: RecordBatch, called: Schema): RecordBatch {
  const columns = called.fields.map(({ name, type }, i): [string, Column] => {
    const data = batch.data.children[i]!;
    if (!DataType.isNull(data.type)) return [name, { type, data }];
    const nulls = rowsToBatch(new Array<Row>(batch.numRows).fill({}), Schema.of({ [name]: type }));
    return [name, { type, data: dataOf(nulls, name) }];
  });
  return batchOf(columns, batch.numRows);
}

function argumentList({ fields }: Schema): string {
  return fields.map(({ name, type }) => `${name} ${formatType(type)}`).join(", ");
}

/** For each row its number among those without a null, or -1; undefined where no row has one. */
function fullRows(batch: RecordBatch): Int32Array | undefined {
  const columns = batch.data.children.filter(({ nullCount }) => nullCount > 0);
  if (columns.length === 0) return undefined;
  let count = 0;
  return Int32Array.from({ length: batch.numRows }, (_, row) =>
    columns.every((column) => column.getValid(row)) ? count++ : -1,
  );
}

const longest = 60;

function shown(value: Row[string]): string {
  if (value instanceof Uint8Array) return `${value.length} bytes`;
  const list = ArrayBuffer.isView(value) ? Array.from(value as Float32Array) : value;
  const text = JSON.stringify(list, (_, item) => (typeof item === "bigint" ? String(item) : item)) ?? String(list);
  return text.length > longest ? `${text.slice(0, longest)}…` : text;
}
