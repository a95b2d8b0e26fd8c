/** @file Models where only an engine reaches: written as Parquet through a session, read from that or from a saved folder. */

import { basename } from "node:path/posix";
import type { DataFrame } from "../data/dataframe.js";
import type { DataFrameReader } from "../data/reader.js";
import type { Row } from "../data/rows.js";
import { DataError } from "../errors.js";

/** A session, as far as models need one. */
export interface ModelStore {
  readonly read: Pick<DataFrameReader, "parquet" | "binaryFiles">;
  createDataFrame(rows: readonly Row[], schema: Readonly<Record<string, string>>): DataFrame;
}

/** A file of a model, by its path within the model's folder. */
export interface ModelFile {
  readonly file: string;
  readonly bytes: Uint8Array;
}

/** Reads a file of a model. @throws an error where there is none. */
export type ReadFile = (file: string) => Promise<Uint8Array>;

/** Bytes of a file in one row. */
const pieceBytes = 4 << 20;

const schema = { file: "string", piece: "int", content: "binary" };

/** Writes the files as rows of a Parquet folder; the path holds all of them or what it held before. */
export async function writeThrough(
  store: ModelStore,
  path: string,
  files: readonly ModelFile[],
  { overwrite, marker }: { readonly overwrite: boolean; readonly marker: string },
): Promise<void> {
  // whatever else lies there would be deleted
  if (overwrite) {
    const kind = await kindOf(store, path, marker);
    if (kind === "other") {
      const message = `"${path}" is not a saved model, so it is not overwritten; choose another path`;
      throw new DataError("save", message, { code: "EXISTS", path });
    }
  }
  const rows = files.flatMap(({ file, bytes }) =>
    Array.from({ length: Math.max(1, Math.ceil(bytes.length / pieceBytes)) }, (_, piece) => {
      return { file, piece, content: bytes.subarray(piece * pieceBytes, (piece + 1) * pieceBytes) };
    }),
  );
  await store.createDataFrame(rows, schema).write.parquet(path, { overwrite });
}

/** The files of a model that was written through a session, or of a folder that was saved and copied there. */
export async function readThrough(store: ModelStore, path: string, marker: string): Promise<ReadFile> {
  const kind = await kindOf(store, path, marker);
  if (kind === "folder") {
    const found = await store.read.binaryFiles(path).select("path", "content").collect();
    return async (file) => {
      const row = found.find((each) => String(each.path).endsWith(`/${file}`));
      if (row === undefined) throw new Error(`no ${file} among ${found.length} files`);
      return row.content as Uint8Array;
    };
  }
  if (kind === undefined || kind === "other") {
    const message = `"${path}" is not a saved model: it has no ${marker}; give the path that save() wrote`;
    throw new DataError("load", message, { path });
  }
  const rows = await store.read.parquet(path).orderBy("file", "piece").collect();
  return async (file) => {
    const pieces = rows.filter((row) => row.file === file).map(({ content }) => content as Uint8Array);
    if (pieces.length === 0) throw new Error(`no ${file} among ${rows.length} rows`);
    return Buffer.concat(pieces);
  };
}

/** What is at a path; undefined for nothing. */
async function kindOf(
  store: ModelStore,
  path: string,
  marker: string,
): Promise<"folder" | "rows" | "other" | undefined> {
  let names: string[];
  try {
    names = (await store.read.binaryFiles(path).values("path")).map((name) => basename(String(name)));
  } catch (error) {
    if (error instanceof DataError && error.code === "NO_FILE") return undefined;
    throw error;
  }
  if (names.includes(marker)) return "folder";
  // a file of Parquet's, or a folder of such
  const found = await store.read
    .parquet(path)
    .schema()
    .catch(() => undefined);
  return JSON.stringify(found) === JSON.stringify(schema) ? "rows" : "other";
}
