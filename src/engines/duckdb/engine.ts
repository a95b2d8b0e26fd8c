/** @file The embedded engine: plans as SQL on DuckDB, chains of stages in worker threads. */

import type * as arrow from "apache-arrow";
import type { FunctionStage } from "../../data/batch-stage.js";
import type { Engine, EngineOptions, Progress, ProgressListener, RunOptions, WriteOptions } from "../../data/engine.js";
import { registerEngine } from "../../data/engine.js";
import { Optimizer } from "../../data/optimize.js";
import type { CachePlan, Plan } from "../../data/plan.js";
import type { Schema } from "../../data/schema.js";
import { listNames, ParamError } from "../../errors.js";
import { peel } from "../../worker/peel.js";
import { runChain } from "../../worker/run-chain.js";
import { compile } from "./compile.js";
import { Database, type DuckdbOptions, type ScratchTable } from "./database.js";
import { DuckDescriber } from "./described.js";
import { render } from "./dialect.js";
import { Expander } from "./expand.js";
import { explainPlan } from "./explain.js";
import { RowProgress } from "./progress.js";
import { columnsByParse } from "./references.js";
import { showingViews } from "./show-tables.js";
import { type BatchSize, defaultSize, streamQuery } from "./stream.js";
import { fillTable, ofBatches, type Source, streaming } from "./tables.js";
import { translate } from "./translate.js";
import { checkTarget, writeFile } from "./writers.js";

/** Runs plans on an embedded DuckDB. */
export class DuckdbEngine implements Engine {
  readonly name = "duckdb";
  readonly isRemote = false;
  readonly #database: Database;
  readonly #describer: DuckDescriber;
  readonly #optimizer: Optimizer;
  readonly #expander = new Expander();
  readonly #views = new Map<string, Plan>();
  /** Tables of cached plans; dropped when nobody holds the plan any more. */
  readonly #kept = new WeakMap<CachePlan, Promise<ScratchTable>>();
  readonly #abandoned: FinalizationRegistry<ScratchTable>;
  readonly #onProgress: ProgressListener | undefined;

  constructor(database: Database, onProgress?: ProgressListener) {
    this.#database = database;
    this.#describer = new DuckDescriber(database, this.#expander);
    this.#optimizer = new Optimizer(this.#describer, columnsByParse(database));
    this.#onProgress = onProgress;
    this.#abandoned = new FinalizationRegistry((table) => {
      database.dropTable(table).catch(() => {});
    });
  }

  async schema(plan: Plan): Promise<Schema> {
    return (await this.#describer.describe(await this.#expander.expand(plan))).schema;
  }

  async *batches(plan: Plan, { signal, rows }: RunOptions = {}): AsyncGenerator<arrow.RecordBatch, void, undefined> {
    signal?.throwIfAborted();
    for await (const batch of this.#run(await this.#prepare(plan), signal, rows)) {
      if (rows === undefined || batch.numRows <= rows) yield batch;
      else for (let from = 0; from < batch.numRows; from += rows) yield batch.slice(from, from + rows);
    }
  }

  async write(plan: Plan, path: string, options: WriteOptions): Promise<void> {
    const prepared = await this.#prepare(plan);
    const { schema } = await this.#describer.describe(prepared);
    await checkTarget(path, options);
    await this.#withSql(prepared, options.signal, (query) => writeFile(this.#database, query, schema, path, options));
  }

  async explain(plan: Plan): Promise<string> {
    return await explainPlan(await this.#prepare(plan), this.#describer);
  }

  async createView(name: string, plan: Plan): Promise<void> {
    this.#views.set(name.toLowerCase(), plan);
  }

  async registerFunction(fn: FunctionStage, replace: boolean): Promise<void> {
    await this.#database.functions.register(fn, replace);
  }

  parse(sql: string): { text: string; views: ReadonlyMap<string, Plan> } {
    const text = showingViews(sql, this.#views.keys());
    const views = new Map<string, Plan>();
    try {
      for (const name of this.#database.tableNames(text)) {
        const plan = this.#views.get(name.toLowerCase());
        if (plan !== undefined) views.set(name, plan);
      }
    } catch (error) {
      throw translate(error, "session.sql");
    }
    return { text, views };
  }

  async release(plan: Plan): Promise<void> {
    if (plan.kind !== "cache") return;
    const table = this.#kept.get(plan);
    this.#kept.delete(plan);
    if (table !== undefined) await this.#database.dropTable(await table);
  }

  report(progress: Progress): void {
    this.#onProgress?.(progress);
  }

  async close(): Promise<void> {
    await this.#database.close();
  }

  async #prepare(plan: Plan): Promise<Plan> {
    return await this.#optimizer.optimize(await this.#expander.expand(plan));
  }

  /** The plan's rows: of this process, of a query, or of a chain over either. */
  async *#run(plan: Plan, signal: AbortSignal | undefined, rows?: number): AsyncGenerator<arrow.RecordBatch, void> {
    const { source, steps } = await peel(plan, this.#describer);
    const stages = steps.flatMap((step) => (step.kind === "stage" ? step.stage : []));
    if (stages.length === 0) {
      yield* this.#source(plan, { ...defaultSize, rows: rows ?? defaultSize.rows }, signal);
      return;
    }
    const wishes = stages.flatMap(({ rowsPerTask }) => rowsPerTask ?? []);
    const size = { ...defaultSize, rows: Math.min(defaultSize.rows, ...wishes) };
    const input = (await this.#describer.describe(source)).schema;
    const output = (await this.#describer.describe(plan)).schema;
    // rows that take long each are worth counting beforehand
    const total = wishes.length > 0 ? await this.#count(source, signal) : totalOf(source);
    const progress = new RowProgress(stages.map(({ name }) => name).join(" + "), total, (news) => this.report(news));
    const owned = source.kind !== "local";
    yield* runChain((ended) => this.#source(source, size, ended), steps, {
      input,
      output,
      owned,
      signal,
      onRows: (done) => progress.add(done),
    });
    progress.finish();
  }

  /** Rows of a source that can be counted without running a stage; asked for only where somebody hears of progress. */
  async #count(source: Plan, signal: AbortSignal | undefined): Promise<number | undefined> {
    const known = totalOf(source);
    if (known !== undefined || this.#onProgress === undefined || runsStage(source)) return known;
    return await this.#withSql(source, signal, async (query) =>
      Number(await this.#database.value(`SELECT count(*) FROM (${query})`)),
    );
  }

  async *#source(
    plan: Plan,
    size: BatchSize,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<arrow.RecordBatch, void> {
    if (plan.kind === "local") {
      for (const batch of plan.batches) {
        for (let from = 0; from < batch.numRows; from += size.rows) {
          yield from === 0 && batch.numRows <= size.rows ? batch : batch.slice(from, from + size.rows);
        }
      }
      return;
    }
    const { schema, isStatement } = await this.#describer.describe(plan);
    const sources: Source[] = [];
    try {
      if (isStatement && plan.kind === "sql") {
        const text = render(plan.query([]).sql, () => "");
        yield* streamQuery(this.#database, text, schema, size, signal);
        return;
      }
      const query = await this.#compile(plan, sources, signal);
      yield* streamQuery(this.#database, query, schema, size, signal);
    } catch (error) {
      throw causeOf(sources) ?? error;
    } finally {
      await releaseAll(sources);
    }
  }

  /** Does something with SQL for the plan in the form of its schema. */
  async #withSql<R>(plan: Plan, signal: AbortSignal | undefined, use: (query: string) => Promise<R>): Promise<R> {
    const sources: Source[] = [];
    try {
      return await use(await this.#compile(plan, sources, signal));
    } catch (error) {
      throw causeOf(sources) ?? error;
    } finally {
      await releaseAll(sources);
    }
  }

  /** @param sources gets what must be released after use */
  async #compile(plan: Plan, sources: Source[], signal: AbortSignal | undefined): Promise<string> {
    const { canonicalList } = await this.#describer.describe(plan);
    return await compile(plan, canonicalList, this.#database, this.#describer, async (node, once) => {
      if (node.kind === "cache") return await this.#keep(node, signal);
      const described = await this.#describer.describe(node);
      if (node.kind === "local") {
        const source = await ofBatches(this.#database, described, node.batches);
        sources.push(source);
        return source.sql;
      }
      const start = (stop: AbortSignal) =>
        this.#run(node, signal === undefined ? stop : AbortSignal.any([signal, stop]));
      // a query that waits for a function must not wait for another one that waits for its turn
      const streams = once && !(await this.#callsFunctions(node));
      const source = streams ? await streaming(this.#database, described, start) : undefined;
      if (source !== undefined) {
        sources.push(source);
        return source.sql;
      }
      const table = await fillTable(this.#database, described, this.#run(node, signal));
      sources.push({ sql: table, error: () => undefined, release: () => this.#database.dropTable(table) });
      return table;
    });
  }

  async #callsFunctions(plan: Plan): Promise<boolean> {
    if (plan.kind === "stage") return await this.#callsFunctions(plan.input);
    if (plan.kind !== "sql") return false;
    const { parts } = (await this.#describer.query(plan)).query.sql;
    if (this.#database.functions.isIn(parts.filter((part) => typeof part === "string").join(" "))) return true;
    for (const input of plan.inputs) if (await this.#callsFunctions(input)) return true;
    return false;
  }

  #keep(plan: CachePlan, signal: AbortSignal | undefined): Promise<ScratchTable> {
    let table = this.#kept.get(plan);
    if (table === undefined) {
      table = this.#fillCache(plan, signal);
      this.#kept.set(plan, table);
      table.then(
        (made) => this.#abandoned.register(plan, made),
        () => this.#kept.delete(plan),
      );
    }
    return table;
  }

  async #fillCache(plan: CachePlan, signal: AbortSignal | undefined): Promise<ScratchTable> {
    const prepared = await this.#prepare(plan.input);
    const { steps } = await peel(prepared, this.#describer);
    if (steps.some(({ kind }) => kind === "stage")) {
      return await fillTable(this.#database, await this.#describer.describe(prepared), this.#run(prepared, signal));
    }
    return await this.#withSql(prepared, signal, async (query) => {
      const table = this.#database.newTable();
      await this.#database.run(`CREATE TABLE ${table} AS ${query}`);
      return table;
    });
  }
}

function causeOf(sources: readonly Source[]): unknown {
  return sources.map((source) => source.error()).find((error) => error !== undefined);
}

async function releaseAll(sources: readonly Source[]): Promise<void> {
  for (const source of sources) await source.release();
}

function runsStage(plan: Plan): boolean {
  return plan.kind === "stage" || plan.kind === "cache" || (plan.kind === "sql" && plan.inputs.some(runsStage));
}

/** Rows of a source, where they are counted without reading it. */
function totalOf(source: Plan): number | undefined {
  return source.kind === "local" ? source.batches.reduce((sum, { numRows }) => sum + numRows, 0) : undefined;
}

const optionNames = ["memoryLimit", "threads", "tempDirectory", "onProgress"];

registerEngine("duckdb", async (url, { onProgress, ...options }: EngineOptions) => {
  const unknown = Object.keys(options).filter((name) => !optionNames.includes(name));
  if (unknown.length > 0) {
    const message = `unknown option ${listNames(unknown)}; there are ${listNames(optionNames)}`;
    throw new ParamError("Session.open", message);
  }
  const path = url.slice("duckdb:".length);
  const isMemory = path === "" || path === ":memory:";
  return new DuckdbEngine(await Database.open(isMemory ? undefined : path, options as DuckdbOptions), onProgress);
});
