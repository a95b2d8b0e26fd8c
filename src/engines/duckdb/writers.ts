/** @file A query's rows into one file: written aside, then put in place, so that nobody sees half of it. */

import { randomUUID } from "node:crypto";
import { rename, rm, stat } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import type { WriteOptions } from "../../data/engine.js";
import type { Schema } from "../../data/schema.js";
import { formatType } from "../../data/types.js";
import { DataError, listNames, messageOf, ParamError } from "../../errors.js";
import { makeFolder } from "../../util/make-folder.js";
import type { Database } from "./database.js";
import { quoteValue } from "./dialect.js";
import { jsonQuery } from "./json-query.js";
import { quoteName, quoteText } from "./quote.js";
import { tensorsKey } from "./readers.js";
import { translate } from "./translate.js";

/** @throws DataError where something is at the path and the mode is not `overwrite`; before any work. */
export async function checkTarget(path: string, { format, mode }: WriteOptions): Promise<void> {
  const there = await stat(resolve(path)).catch(() => undefined);
  if (there === undefined || (mode === "overwrite" && !there.isDirectory())) return;
  const found = there.isDirectory()
    ? "is a folder; give a file name"
    : "exists already; pass { overwrite: true } to replace it";
  throw new DataError(`write.${format}`, `${JSON.stringify(path)} ${found}`, { code: "EXISTS", path });
}

export async function writeFile(
  database: Database,
  query: string,
  schema: Schema,
  path: string,
  { format, mode: _mode, signal, ...options }: WriteOptions,
): Promise<void> {
  const who = `write.${format}`;
  const target = resolve(path);
  const settings = [
    `FORMAT ${format}`,
    ...settingsOf(format, options, who),
    ...metadataOf(format, schema),
    ...compressionOf(format, path),
  ];
  const rows = format === "json" ? jsonQuery(query, schema) : query;
  const aside = `${target}.${randomUUID().slice(0, 8)}.tmp`;
  await makeFolder(dirname(target)).catch((cause) => {
    throw new DataError(who, `cannot make the folder ${JSON.stringify(dirname(target))}: ${messageOf(cause)}`, {
      cause,
      path,
    });
  });
  const connection = await database.connect();
  const interrupt = () => connection.interrupt();
  signal?.addEventListener("abort", interrupt, { once: true });
  try {
    signal?.throwIfAborted();
    await database.during(() => connection.run(`COPY (${rows}) TO ${quoteText(aside)} (${settings.join(", ")})`));
    await rename(aside, target);
  } catch (error) {
    await rm(aside, { force: true });
    signal?.throwIfAborted();
    throw translate(error, who, schema.names);
  } finally {
    signal?.removeEventListener("abort", interrupt);
    database.release(connection);
  }
}

const known: Readonly<Record<WriteOptions["format"], Readonly<Record<string, string>>>> = {
  parquet: { compression: "COMPRESSION", rowGroupSize: "ROW_GROUP_SIZE" },
  csv: { header: "HEADER", delimiter: "DELIM" },
  json: {},
};

function settingsOf(format: WriteOptions["format"], options: Readonly<Record<string, unknown>>, who: string): string[] {
  const names = known[format];
  const given = Object.entries(options).filter(([, value]) => value !== undefined);
  const unknown = given.filter(([name]) => names[name] === undefined).map(([name]) => name);
  if (unknown.length > 0) {
    throw new ParamError(
      who,
      `unknown option ${listNames(unknown)}; there are ${listNames([...Object.keys(names), "overwrite", "signal"])}`,
    );
  }
  const all = format === "parquet" ? { compression: "zstd", ...Object.fromEntries(given) } : Object.fromEntries(given);
  return Object.entries(all).map(([name, value]) => `${names[name]} ${quoteValue(value as string)}`);
}

/** Text is compressed as its file's name says, which reading goes by too. */
function compressionOf(format: WriteOptions["format"], path: string): string[] {
  const extension = format === "parquet" ? undefined : /\.(gz|zst)$/i.exec(path)?.[1]?.toLowerCase();
  return extension === undefined ? [] : [`COMPRESSION ${extension === "gz" ? "gzip" : "zstd"}`];
}

function metadataOf(format: WriteOptions["format"], schema: Schema): string[] {
  const tensors = schema.fields.filter(({ type }) => typeof type === "object" && type.kind === "tensor");
  if (format !== "parquet" || tensors.length === 0) return [];
  const types = Object.fromEntries(tensors.map(({ name, type }) => [name, formatType(type)]));
  return [`KV_METADATA {${quoteName(tensorsKey)}: ${quoteText(JSON.stringify(types))}}`];
}
