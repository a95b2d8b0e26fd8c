/** @file Engine: whatever computes plans. DataFrames know nothing else of DuckDB or Spark. */

import type * as arrow from "apache-arrow";
import { EngineError, listNames } from "../errors.js";
import type { FunctionStage } from "./batch-stage.js";
import type { Plan } from "./plan.js";
import type { Schema } from "./schema.js";

export interface RunOptions {
  /** Stops the work; what was asked for rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /** Rows per batch at most; the engine's choice by default. */
  readonly rows?: number | undefined;
}

export interface WriteOptions {
  readonly format: "parquet" | "csv" | "json";
  /** What to do where something is there: fail (default) or replace it. */
  readonly mode: "error" | "overwrite";
  readonly signal?: AbortSignal | undefined;
  readonly [option: string]: unknown;
}

/** Work going on, for progress bars. */
export interface Progress {
  /** What is being done, as in `ImageFeaturizer` or `LogisticRegression.fit`. */
  readonly task: string;
  readonly done: number;
  readonly total?: number | undefined;
  readonly unit: "rows" | "iterations" | "bytes" | "tasks";
  readonly finished?: boolean;
}

export type ProgressListener = (progress: Progress) => void;

export interface Engine {
  /** `duckdb`, `spark`. */
  readonly name: string;
  /** Whether rows are computed in other processes, so that what is needed of many is best summed up there. */
  readonly isRemote: boolean;
  /** Names and types of the plan's columns, without running it. */
  schema(plan: Plan): Promise<Schema>;
  /** Runs the plan; batches come in the plan's order, none is empty. */
  batches(plan: Plan, options?: RunOptions): AsyncIterable<arrow.RecordBatch>;
  /** Runs the plan into files; all of them or none. */
  write(plan: Plan, path: string, options: WriteOptions): Promise<void>;
  /** The plan as the engine will run it, for people. */
  explain(plan: Plan): Promise<string>;
  /** Names a plan for use in SQL. */
  createView(name: string, plan: Plan): Promise<void>;
  /** A SQL text as the engine is to run it, and the views that it names. @throws SchemaError where it cannot be read. */
  parse(sql: string): { readonly text: string; readonly views: ReadonlyMap<string, Plan> };
  /** Makes a stage callable from SQL. @throws ParamError where the name is taken, unless it is to be replaced. */
  registerFunction(fn: FunctionStage, replace: boolean): Promise<void>;
  /** Forgets the rows that a `cache` node of this plan holds. */
  release(plan: Plan): Promise<void>;
  /** Tells listeners of work going on; stages' fit uses it too. */
  report(progress: Progress): void;
  close(): Promise<void>;
}

export interface EngineOptions {
  /** Hears of progress, several times a second at most. */
  readonly onProgress?: ProgressListener | undefined;
  readonly [option: string]: unknown;
}

type OpenEngine = (url: string, options: EngineOptions) => Promise<Engine>;

const openers = new Map<string, OpenEngine>();
const modules = new Map<string, () => Promise<unknown>>();

/** Names the module that registers an engine, to be loaded when a URL first asks for it. */
export function registerEngineModule(scheme: string, load: () => Promise<unknown>): void {
  modules.set(scheme, load);
}

/** Makes an engine known by its URL scheme (`duckdb`, `sc`). */
export function registerEngine(scheme: string, open: OpenEngine): void {
  openers.set(scheme, open);
}

/** @throws EngineError for a scheme that no engine has. */
export async function openEngine(url: string, options: EngineOptions = {}): Promise<Engine> {
  const scheme = /^([a-z][\w+.-]*):/i.exec(url)?.[1]?.toLowerCase() ?? "";
  await modules.get(scheme)?.();
  const open = openers.get(scheme);
  if (open !== undefined) return await open(url, options);
  const known = listNames([...new Set([...modules.keys(), ...openers.keys()])].map((name) => `${name}:`));
  throw new EngineError("Session.open", `no engine for ${JSON.stringify(url)}; URLs begin with one of ${known}`, {
    code: "NO_ENGINE",
    url,
  });
}
