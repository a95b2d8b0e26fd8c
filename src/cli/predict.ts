/** @file `deepframe predict`: a saved model over pictures or a table. */

import { statSync } from "node:fs";
import { extname } from "node:path";
import { Command } from "commander";
import type { DataFrame } from "../data/dataframe.js";
import { picturePattern } from "../data/reader.js";
import { DataError, ParamError } from "../errors.js";
import { load, Session } from "../index.js";
import { engineOption, overwriteOption, requireFree } from "./options.js";
import { ProgressBar } from "./progress.js";
import { isForEngine } from "./read-model.js";

interface Options {
  readonly out?: string;
  readonly engine: string;
  readonly overwrite: boolean;
}

const tables: Readonly<Record<string, "parquet" | "csv" | "json">> = {
  ".parquet": "parquet",
  ".csv": "csv",
  ".tsv": "csv",
  ".json": "json",
  ".jsonl": "json",
  ".ndjson": "json",
};

export function predictCommand(): Command {
  return new Command("predict")
    .description("Add a saved model's predictions to pictures or a table.")
    .argument("<model>", "folder of a saved model")
    .argument("<input>", "a folder, file or glob of pictures, or a parquet, csv or json file or glob")
    .option("--out <file>", "write the rows to a .parquet, .csv or .json file (default: print the first 20)")
    .addOption(overwriteOption())
    .addOption(engineOption())
    .action(predict);
}

async function predict(modelPath: string, input: string, { out, engine, overwrite }: Options): Promise<void> {
  const format = out === undefined ? undefined : formatOf(out);
  if (out !== undefined && format === undefined) {
    throw new ParamError("predict", `--out must end in .parquet, .csv or .json, got "${out}"`);
  }
  if (out !== undefined) requireFree(out, overwrite);
  const model = isForEngine(modelPath, engine) ? undefined : await load(modelPath);
  const bar = new ProgressBar();
  const session = await Session.open(engine, { onProgress: bar.update });
  try {
    const opened = model ?? (await load(modelPath, { session }));
    const answers = opened.transform(readInput(session, input));
    // the pictures themselves are on disk already; their paths say which
    const rows = arePictures(input) ? answers.drop("image") : answers;
    if (out === undefined || format === undefined) await rows.show(20, { truncate: 60 });
    else await unlessInterrupted((signal) => rows.write[format](out, { overwrite, signal }));
    bar.end();
    if (out !== undefined) console.log(`predictions written to ${out}`);
  } finally {
    bar.end();
    await session.close();
  }
}

/** On Ctrl-C ends the work by its signal, so that nothing half-written stays; a second one ends the process. */
async function unlessInterrupted(work: (signal: AbortSignal) => Promise<void>): Promise<void> {
  const stop = new AbortController();
  const interrupt = () => stop.abort(new DataError("predict", "interrupted; nothing was written", { code: "ABORTED" }));
  process.once("SIGINT", interrupt);
  try {
    await work(stop.signal);
  } finally {
    process.off("SIGINT", interrupt);
  }
}

/** By the name's end; csv and json may be compressed. */
function formatOf(path: string): "parquet" | "csv" | "json" | undefined {
  const plain = path.replace(/\.(gz|zst)$/i, "");
  const format = tables[extname(plain).toLowerCase()];
  return format === "parquet" && plain !== path ? undefined : format;
}

function readInput(session: Session, input: string): DataFrame {
  const format = formatOf(input);
  if (format !== undefined) return session.read[format](input);
  if (arePictures(input)) return session.read.images(input);
  throw new DataError(
    "predict",
    `"${input}" is neither pictures (a folder, a file or a glob) nor a .parquet, .csv or .json file or glob`,
  );
}

function arePictures(input: string): boolean {
  return picturePattern.test(input) || isFolder(input);
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}
