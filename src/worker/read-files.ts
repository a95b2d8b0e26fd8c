/** @file ReadFiles: paths to the bytes of the files, read where they are used. */

import { readFile } from "node:fs/promises";
import { binaryColumn, dataOf, stringsOf, withColumns } from "../data/columns.js";
import type { Schema } from "../data/schema.js";
import { DataError, messageOf } from "../errors.js";
import { type BatchFunction, Transformer } from "../pipeline/stage.js";
import { columnName, defineParams, type Input } from "../util/params.js";

const params = defineParams({
  inputCol: columnName("paths to read"),
  outputCol: columnName("bytes to add"),
});

/** Adds a column with the contents of files. Engines put it behind the list of files that a reader found. */
export class ReadFiles extends Transformer<typeof params> {
  static readonly specs = params;

  constructor(values: Input<typeof params>) {
    super(params, values);
  }

  override get readsColumns(): readonly string[] {
    return [this.params.inputCol];
  }

  override get rowsPerTask(): number {
    return 64;
  }

  transformSchema(schema: Schema): Schema {
    const { inputCol, outputCol } = this.params;
    schema.requireString(inputCol, this);
    return schema.with(outputCol, "binary", this);
  }

  open(): BatchFunction {
    const { inputCol, outputCol } = this.params;
    return async (batch) => {
      const paths = stringsOf(dataOf(batch, inputCol));
      const contents = await Promise.all(paths.map((path) => (path === null ? null : read(path))));
      return withColumns(batch, { [outputCol]: binaryColumn(contents) });
    };
  }
}

async function read(path: string): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (cause) {
    throw new DataError("read", `cannot read "${path}": ${messageOf(cause)}`, { code: "NO_FILE", path, cause });
  }
}
