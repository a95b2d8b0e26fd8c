/** @file Functions of the user's, named by module and export, so that threads and executors can run them. */

import { ParamError } from "../errors.js";
import type { BatchStage } from "./batch-stage.js";
import type { ColumnType } from "./types.js";

/** A function in a module: what travels is the module, with everything it imports. */
export interface UserFunction {
  /** The module's file: `new URL("./clean.ts", import.meta.url)`. */
  readonly module: URL;
  /** The function's name there. Default: `default`. */
  readonly export?: string;
}

type Types = Readonly<Record<string, ColumnType | string>>;

/** What a function of the user's gives, and what it gets beside the rows. Exactly one of `schema` and `adds`. */
export interface MapOptions {
  /** All columns that come out: name to type. The function may give any number of rows. */
  readonly schema?: Types;
  /** Columns that are added to the rows that come in, which stay as they are: one row for each. */
  readonly adds?: Types;
  /** The columns that the function sees. Default: all. */
  readonly columns?: readonly string[];
  /** JSON, passed to the function as its second argument. */
  readonly options?: unknown;
  /** Rows of one batch at most. Default: the engine's choice. */
  readonly batchSize?: number;
}

type MakeStage = (kind: "batches" | "rows", fn: UserFunction, options: MapOptions) => BatchStage;

let makeStage: MakeStage | undefined;

/** For the stages that run such functions, once. */
export function registerMaps(make: MakeStage): void {
  makeStage = make;
}

/** @throws ParamError for anything but a module and an export. */
export function stageOfFunction(kind: "batches" | "rows", fn: UserFunction, options: MapOptions): BatchStage {
  const who = kind === "rows" ? "mapRows" : "mapBatches";
  const how = `pass { module: new URL("./clean.ts", import.meta.url), export: "clean" }`;
  if (typeof fn === "function") {
    const message = `a function value cannot go to other threads and machines, for what it captures stays here; put it into a module and ${how}`;
    throw new ParamError(who, message, { code: "CLOSURE" });
  }
  const url = fn?.module as unknown;
  if (!(url instanceof URL) || url.protocol !== "file:") {
    throw new ParamError(who, `module must be the URL of a file, got ${JSON.stringify(url) ?? String(url)}; ${how}`);
  }
  if (makeStage === undefined) throw new ParamError(who, `import "deepframe" first`);
  return makeStage(kind, fn, options);
}
