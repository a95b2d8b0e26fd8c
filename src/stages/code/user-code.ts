/** @file What MapRows and MapBatches share: parameters, columns, the module's bundle, errors of the user's code. */

import { isDeepStrictEqual } from "node:util";
import type { RecordBatch } from "apache-arrow";
import { fromArrowField } from "../../data/arrow-types.js";
import type { StageSpec } from "../../data/batch-stage.js";
import { type Column, pickColumns, withColumns } from "../../data/columns.js";
import { Schema } from "../../data/schema.js";
import { type ColumnType, formatType } from "../../data/types.js";
import { DataError, messageOf, ParamError } from "../../errors.js";
import { type BatchFunction, Transformer } from "../../pipeline/stage.js";
import type { Asset } from "../../util/asset.js";
import { asset, columnNames, defineParams, type Input, integer, json, optional, text } from "../../util/params.js";
import { bundleModule } from "./bundle.js";
import { type LoadedFunction, loadFunction } from "./load-function.js";

type Types = Readonly<Record<string, ColumnType | string>>;

const isTypes = (value: unknown) =>
  typeof value === "object" && value !== null && !Array.isArray(value) && Object.keys(value).length > 0;

export const userCodeParams = defineParams({
  module: text("URL of the module's file"),
  export: text("name of the function there", { default: "default" }),
  schema: optional(json<Types>("all columns that come out", 'types by column, as in { age: "int" }', isTypes)),
  adds: optional(json<Types>("columns that are added", 'types by column, as in { age: "int" }', isTypes)),
  columns: optional(columnNames("columns that the function sees; all by default")),
  options: optional(json<unknown>("the function's second argument", "JSON", (value) => isJson(value))),
  batchSize: optional(integer("rows of one batch at most", { min: 1 })),
  code: optional(asset("the module with its imports; made of the file where it is needed")),
});

type Specs = typeof userCodeParams;

/** A stage whose work is a function of the user's. */
export abstract class UserCode extends Transformer<Specs> {
  #bundle: Asset | undefined;

  constructor(values: Input<Specs>) {
    super(userCodeParams, values);
    const { schema, adds } = this.params;
    if ((schema === undefined) === (adds === undefined)) {
      const message = "say what comes out: either { schema: {…} }, all columns, or { adds: {…} }, the columns added";
      throw new ParamError(this, message);
    }
    Schema.of(schema ?? adds!);
    this.#bundle = this.params.code;
  }

  /** For messages: stage and function. */
  protected get label(): string {
    return `${this.name}(${this.params.export})`;
  }

  /** The columns that the function gives. */
  protected get given(): Schema {
    return Schema.of(this.params.schema ?? this.params.adds!);
  }

  override get readsColumns(): readonly string[] | undefined {
    return this.params.columns;
  }

  override get rowsPerTask(): number | undefined {
    return this.params.batchSize;
  }

  override get dropsRows(): boolean {
    return this.params.schema !== undefined;
  }

  /** Whether the rows that come out are others than those that came in, under whatever names. */
  get makesRows(): boolean {
    return this.params.schema !== undefined;
  }

  transformSchema(schema: Schema): Schema {
    for (const column of this.params.columns ?? []) schema.require(column, this, "columns");
    if (this.params.schema !== undefined) return this.given;
    return this.given.fields.reduce((before, { name, type }) => before.with(name, type, this, "name in adds"), schema);
  }

  /** Bundles the module, if that is not done yet. */
  override async prepare(): Promise<void> {
    this.#bundle ??= await bundleModule(this.params.module, this.params.export, this);
  }

  override toSpec(): StageSpec {
    const spec = super.toSpec();
    const code = this.#bundle;
    if (code === undefined) return spec;
    return { ...spec, params: { ...spec.params, code: { $asset: code.sha256 } }, assets: [code] };
  }

  async open(): Promise<BatchFunction> {
    await this.prepare();
    const fn = await loadFunction(this.#bundle!, this.params.export, this.label);
    const { columns, adds } = this.params;
    const picks = columns?.map((name) => ({ from: name, to: name }));
    return async (batch) => {
      const made = await this.apply(picks === undefined ? batch : pickColumns(batch, picks), fn);
      if (adds === undefined) return made;
      if (made.numRows !== batch.numRows) {
        const message = `gave ${made.numRows} rows for ${batch.numRows}; with adds it is one for each, with schema any number`;
        throw new DataError(this.label, message, { code: "USER_CODE" });
      }
      const added = made.schema.fields.map((field, i): [string, Column] => [
        field.name,
        { type: fromArrowField(field).type, data: made.data.children[i]! },
      ]);
      return withColumns(batch, added);
    };
  }

  /** The function's columns, and no others, for the columns that it sees. */
  protected abstract apply(batch: RecordBatch, fn: LoadedFunction): Promise<RecordBatch>;

  /** The user's error with its place in the user's source. @param where as in `at row 3` */
  protected failure(error: unknown, fn: LoadedFunction, row: number, where: string): DataError {
    const place = fn.placeOf(error);
    const at = place === undefined ? "" : ` in ${place.file}:${place.line}`;
    const kind = error instanceof Error && error.name !== "Error" ? `${error.name}: ` : "";
    return new DataError(this.label, `failed ${where}${at}: ${kind}${messageOf(error)}`, {
      code: "USER_CODE",
      row,
      ...place,
      cause: error,
    });
  }

  /** @throws DataError for columns that were not told. */
  protected checkNames(names: readonly string[], input: Schema): void {
    const { given } = this;
    // rows are often spread into new ones
    const extra = names.find((name) => !given.has(name) && !(this.params.adds !== undefined && input.has(name)));
    if (extra === undefined) return;
    const known = given.fields.map(({ name, type }) => `${name} ${formatType(type)}`).join(", ");
    const message = `gave column "${extra}", which ${this.params.schema ? "schema" : "adds"} lacks (it has ${known}); add it there, or leave it out`;
    throw new DataError(this.label, message, { code: "USER_CODE", column: extra });
  }
}

function isJson(value: unknown): boolean {
  try {
    return isDeepStrictEqual(JSON.parse(JSON.stringify(value)), value);
  } catch {
    return false;
  }
}
