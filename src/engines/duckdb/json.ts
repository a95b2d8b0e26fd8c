/** @file JSON files as SQL. An array behind a byte order mark is one value to DuckDB, unless it is told that files hold arrays. */

import { open } from "node:fs/promises";
import { constants, gunzipSync } from "node:zlib";
import { quoteTexts } from "./quote.js";

/** A query for the rows of JSON files. */
export async function jsonSql(files: readonly string[]): Promise<string> {
  const groups: { readonly files: string[]; readonly isArray: boolean }[] = [];
  for (const file of files) {
    const isArray = await isMarkedArray(file);
    const last = groups.at(-1);
    if (last?.isArray === isArray) last.files.push(file);
    else groups.push({ files: [file], isArray });
  }
  const readers = groups.map((group) => {
    return `SELECT * FROM read_json(${quoteTexts(group.files)}${group.isArray ? ", format = 'array'" : ""})`;
  });
  return readers.join(" UNION ALL BY NAME ");
}

async function isMarkedArray(file: string): Promise<boolean> {
  const handle = await open(file);
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(4096), 0, 4096, 0);
    const begin = buffer.subarray(0, bytesRead);
    const isZipped = begin[0] === 0x1f && begin[1] === 0x8b;
    const text = isZipped ? gunzipSync(begin, { finishFlush: constants.Z_SYNC_FLUSH }) : begin;
    return /^\ufeff\s*\[/.test(text.toString("utf8"));
  } finally {
    await handle.close();
  }
}
