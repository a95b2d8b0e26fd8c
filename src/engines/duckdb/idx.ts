/** @file IDX files, the format of MNIST: a header with the element type and sizes, then big-endian numbers. */

import { readFile } from "node:fs/promises";
import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import { fromArrowSchema } from "../../data/arrow-types.js";
import { batchOf, type Column, numberColumn, tensorColumn } from "../../data/columns.js";
import type { LocalPlan, ReadPlan } from "../../data/plan.js";
import { dtypeOf, type NumericType } from "../../data/types.js";
import { DataError } from "../../errors.js";
import { bytesPerElement, fromBytes } from "../../tensor/dtype.js";
import { sizeOf } from "../../tensor/shape.js";
import { findFiles } from "./files.js";

const elements: Readonly<Record<number, NumericType>> = {
  8: "utinyint",
  9: "tinyint",
  11: "smallint",
  12: "int",
  13: "float",
  14: "double",
};

/** The files as columns of one table, held in memory: one row per first dimension. */
export async function readIdx(plan: ReadPlan): Promise<LocalPlan> {
  const names = plan.options.names as readonly string[];
  const columns: Record<string, Column> = {};
  let rows: number | undefined;
  for (const [i, path] of plan.paths.entries()) {
    const [file] = await findFiles([path], { what: "idx files", pattern: /idx\d-/ }, "read.idx");
    const column = parseIdx(await bytesOf(file!), path);
    rows ??= column.data.length;
    if (column.data.length !== rows) {
      const found = `${rows} rows in ${JSON.stringify(plan.paths[0])}, ${column.data.length} in ${JSON.stringify(path)}`;
      throw new DataError("read.idx", `the files must have equally many rows, got ${found}`, { code: "DATA" });
    }
    columns[names[i]!] = column;
  }
  const batch = batchOf(columns);
  return { kind: "local", batches: [batch], schema: fromArrowSchema(batch.schema) };
}

async function bytesOf(file: string): Promise<Uint8Array> {
  const bytes = await readFile(file);
  return bytes[0] === 0x1f && bytes[1] === 0x8b ? await promisify(gunzip)(bytes) : bytes;
}

function parseIdx(bytes: Uint8Array, path: string): Column {
  const fail = (reason: string): never => {
    throw new DataError("read.idx", `${JSON.stringify(path)} ${reason}`, { code: "DATA", path });
  };
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const element = elements[bytes[2] ?? 0];
  const rank = bytes[3] ?? 0;
  if (bytes[0] !== 0 || bytes[1] !== 0 || element === undefined || rank === 0) {
    return fail("is no IDX file: it must begin with two zero bytes, an element type and a number of dimensions");
  }
  const header = 4 + 4 * rank;
  if (bytes.length < header) fail("ends within its header");
  const [rows = 0, ...shape] = Array.from({ length: rank }, (_, i) => view.getUint32(4 + 4 * i));
  const size = bytesPerElement(dtypeOf(element));
  const expected = rows * sizeOf(shape) * size;
  if (bytes.length - header !== expected)
    fail(`has ${bytes.length - header} bytes of data, its header says ${expected}`);
  const data = bytes.slice(header);
  if (size > 1) for (let i = 0; i < data.length; i += size) data.subarray(i, i + size).reverse();
  const values = fromBytes(dtypeOf(element), data);
  return shape.length === 0 ? numberColumn(element, values) : tensorColumn(element, shape, values);
}
