/** @file The Spark engine: plans as relations, run on a cluster through Spark Connect. */

import type * as arrow from "apache-arrow";
import type { FunctionStage } from "../../data/batch-stage.js";
import type { Engine, EngineOptions, Progress, ProgressListener, RunOptions, WriteOptions } from "../../data/engine.js";
import { registerEngine } from "../../data/engine.js";
import { Optimizer } from "../../data/optimize.js";
import type { CachePlan, Plan, ReadPlan } from "../../data/plan.js";
import type { Schema } from "../../data/schema.js";
import { EngineError, ParamError } from "../../errors.js";
import { unlessAborted } from "../../util/unless-aborted.js";
import { peel } from "../../worker/peel.js";
import { recastBatch } from "../../worker/recast.js";
import { Bridge, type BridgeOptions, workerOption } from "./bridge/bridge.js";
import { Client } from "./client.js";
import { compile, type Leaves, type Relation, sqlOver, tableRelation } from "./compile.js";
import { parseConnection } from "./connection.js";
import { csvError } from "./csv-errors.js";
import { Depot } from "./depot.js";
import { type Described, describedBy, SparkDescriber } from "./described.js";
import { quoteName } from "./dialect.js";
import { translate } from "./errors.js";
import { localRelation } from "./local.js";
import { isAtLeast, probe, type Server } from "./probe.js";
import { readRelation } from "./readers.js";
import { columnsByWords } from "./references.js";
import { Runner } from "./runner.js";
import { type Reading, withSchema } from "./source.js";
import { exactJson, sparkSchema } from "./types.js";
import { writeOperation } from "./writers.js";

/** Runs plans on a Spark cluster. */
export class SparkEngine implements Engine {
  readonly name = "spark";
  readonly isRemote = true;
  readonly #client: Client;
  readonly #depot: Depot;
  readonly #server: Server;
  readonly #describer: SparkDescriber;
  readonly #optimizer: Optimizer;
  readonly #runner: Runner;
  readonly #bridge: Bridge;
  readonly #onProgress: ProgressListener | undefined;
  /** Views of cached plans, by which later queries find their rows. */
  readonly #cached = new WeakMap<CachePlan, Promise<string>>();
  readonly #readings = new WeakMap<ReadPlan, Promise<Reading>>();
  readonly #commands = new WeakMap<Plan, Promise<Relation>>();
  /** What files were found to hold, in Spark's JSON: Spark would run a job to find it out each time. */
  readonly #fileSchemas = new WeakMap<Plan, string>();
  /** Names of functions registered here, in lower case. */
  readonly #functions = new Set<string>();
  #caches = 0;

  constructor(
    client: Client,
    depot: Depot,
    server: Server,
    {
      worker,
      slotTimeout,
      onProgress,
    }: Pick<BridgeOptions, "worker" | "slotTimeout"> & Pick<EngineOptions, "onProgress">,
  ) {
    this.#client = client;
    this.#depot = depot;
    this.#server = server;
    this.#onProgress = onProgress;
    this.#describer = new SparkDescriber((plan) => this.#analyze(plan));
    this.#optimizer = new Optimizer(this.#describer, columnsByWords);
    this.#runner = new Runner(client, server, {
      watch: (signal) => this.#bridge.watch(signal),
      replace: (name) => this.#bridge.replace(name),
      report: (progress) => this.report(progress),
    });
    this.#bridge = new Bridge(client, depot, { worker, slotTimeout, attempts: server.attempts }, (relation, signal) =>
      this.#runner.value({ relation }, { signal, isSilent: true }),
    );
  }

  async schema(plan: Plan): Promise<Schema> {
    return (await this.#describer.describe(plan)).schema;
  }

  async *batches(plan: Plan, { signal, rows }: RunOptions = {}): AsyncGenerator<arrow.RecordBatch, void, undefined> {
    signal?.throwIfAborted();
    const schema = await this.schema(plan);
    const spark = sparkSchema(schema);
    const root = await unlessAborted(this.#optimized(plan), signal);
    try {
      for await (const found of this.#runner.rows(root, { signal })) {
        const batch = recastBatch(found, spark, schema, "Spark");
        const step = rows ?? batch.numRows;
        for (let from = 0; from < batch.numRows; from += step) {
          yield step >= batch.numRows ? batch : batch.slice(from, from + step);
        }
      }
    } catch (error) {
      if (!signal?.aborted) this.#bridge.doubt();
      throw await this.#told(error, plan, nameOf(plan), schema.names);
    }
  }

  async write(plan: Plan, path: string, options: WriteOptions): Promise<void> {
    const input = await unlessAborted(this.#optimized(plan), options.signal);
    const writeOperationValue = writeOperation(input, await this.schema(plan), path, options);
    try {
      await this.#runner.command({ case: "writeOperation", value: writeOperationValue }, options.signal);
    } catch (error) {
      if (!options.signal?.aborted) this.#bridge.doubt();
      throw await this.#told(error, plan, `write.${options.format}`, [], path);
    }
  }

  async explain(plan: Plan): Promise<string> {
    const value = { plan: { opType: { case: "root", value: await this.#optimized(plan) } }, explainMode: 5 } as const;
    const { explainString } = await this.#client.analyze({ case: "explain", value }, "explain");
    return explainString.trimEnd();
  }

  async createView(name: string, plan: Plan): Promise<void> {
    const input = await this.#optimized(plan);
    try {
      await this.#runner.command({
        case: "createDataframeView",
        value: { input, name, isGlobal: false, replace: true },
      });
    } catch (error) {
      throw translate(error, "createOrReplaceTempView");
    }
  }

  async registerFunction(fn: FunctionStage, replace: boolean): Promise<void> {
    const who = "registerFunction";
    if (!isAtLeast(this.#server, 4, 1)) {
      const { major, minor } = this.#server;
      const message = `SQL functions in Arrow need Spark 4.1 or later, the server has ${major}.${minor}; use transform`;
      throw new EngineError(who, message, { code: "TOO_OLD" });
    }
    const key = fn.name.toLowerCase();
    if (!this.#functions.has(key)) {
      const other = await this.#hasFunction(fn.name);
      if (other)
        throw new ParamError(who, `"${fn.name}" is a function of Spark; choose another name`, { code: "EXISTS" });
    } else if (!replace) {
      const message = `there is a function "${fn.name}" already; choose another name or pass { replace: true }`;
      throw new ParamError(who, message, { code: "EXISTS" });
    }
    await this.#runner.command({ case: "registerFunction", value: await this.#bridge.function(fn) });
    this.#functions.add(key);
  }

  async #hasFunction(name: string): Promise<boolean> {
    try {
      await this.#runner.typeOf(sqlOver([], () => `SELECT ${quoteName(name)}()`));
      return true;
    } catch (error) {
      const { errorClass } = (error as EngineError).fields ?? {};
      return !String(errorClass).startsWith("UNRESOLVED_ROUTINE");
    }
  }

  /** The server knows its views itself. */
  parse(text: string): { text: string; views: ReadonlyMap<string, Plan> } {
    return { text, views: new Map() };
  }

  async release(plan: Plan): Promise<void> {
    if (plan.kind !== "cache") return;
    const view = this.#cached.get(plan);
    this.#cached.delete(plan);
    if (view !== undefined) {
      const relation = tableRelation(await view);
      await this.#client.persist({ case: "unpersist", value: { relation, blocking: false } });
    }
  }

  report(progress: Progress): void {
    this.#onProgress?.(progress);
  }

  async close(): Promise<void> {
    this.#depot.close();
    await this.#bridge.close();
    await this.#client.close();
  }

  readonly #leaves: Leaves = {
    read: async (plan) => withSchema(await this.#reading(plan), this.#fileSchemas.get(plan)),
    local: (plan) => localRelation(this.#client, plan, isAtLeast(this.#server, 4, 1)),
    cache: (plan) => this.#keep(plan),
    command: (plan, text) => {
      if (/^\s*(\(|select|with|values|from|table|map|reduce)\b/i.test(text) || plan.op !== "session.sql")
        return undefined;
      let made = this.#commands.get(plan);
      if (made === undefined) {
        made = this.#runner.sqlCommand(text);
        this.#commands.set(plan, made);
      }
      return made;
    },
    stage: async (plan, compileInput) => {
      const { source, steps } = await peel(plan, this.#describer);
      const [input, output] = await Promise.all([this.schema(source), this.schema(plan)]);
      return await this.#bridge.map(await compileInput(source), steps, input, output);
    },
  };

  /** Files are looked into once. */
  #reading(plan: ReadPlan): Promise<Reading> {
    let reading = this.#readings.get(plan);
    if (reading === undefined) {
      reading = readRelation(plan, {
        value: (each) => this.#runner.value(each),
        schema: async (each) => describedBy(await this.#runner.typeOf(each)).forQueries,
      });
      this.#readings.set(plan, reading);
      reading.catch(() => this.#readings.delete(plan));
    }
    return reading;
  }

  /** An error of a plan that ran, in our words. */
  async #told(error: unknown, plan: Plan, who: string, columns: readonly string[], path?: string): Promise<unknown> {
    const ask = {
      relation: async (reader: ReadPlan) => (await this.#reading(reader)).relation,
      schema: (reader: ReadPlan) => this.schema(reader),
      value: (reading: Reading) => this.#runner.value(reading, { isSilent: true }),
    };
    const csv = await csvError(error, plan, ask).catch(() => undefined);
    return csv ?? translate(error, who, columns, path);
  }

  /** The relation of a plan that will run. */
  async #optimized(plan: Plan): Promise<Relation> {
    return await this.#compile(await this.#optimizer.optimize(plan));
  }

  async #compile(plan: Plan): Promise<Relation> {
    return await compile(plan, this.#describer, this.#leaves);
  }

  async #analyze(plan: Plan): Promise<Described> {
    try {
      const type = await this.#runner.typeOf(await this.#compile(plan));
      const json = plan.kind === "read" ? exactJson(type) : undefined;
      if (json !== undefined) this.#fileSchemas.set(plan, json);
      return describedBy(type);
    } catch (error) {
      const inputs = plan.kind === "sql" ? plan.inputs : [];
      const described = await Promise.all(inputs.map((input) => this.#describer.describe(input)));
      const columns = described.flatMap(({ forQueries }) => forQueries.names);
      throw translate(error, nameOf(plan), columns, plan.kind === "read" ? plan.paths[0] : undefined);
    }
  }

  /** A view whose rows Spark keeps once computed. */
  #keep(plan: CachePlan): Promise<string> {
    let view = this.#cached.get(plan);
    if (view === undefined) {
      view = this.#makeCache(plan);
      this.#cached.set(plan, view);
      view.catch(() => this.#cached.delete(plan));
    }
    return view;
  }

  async #makeCache(plan: CachePlan): Promise<string> {
    const name = `__deepframe_cache_${this.#caches++}`;
    await this.createView(name, plan.input);
    const storageLevel = { useDisk: true, useMemory: true, deserialized: true, replication: 1 };
    await this.#client.persist({ case: "persist", value: { relation: tableRelation(name), storageLevel } });
    return name;
  }
}

function milliseconds(options: EngineOptions, name: string, byDefault: number): number {
  const value = options[name] ?? byDefault;
  if (typeof value === "number" && value >= 0 && value <= 2 ** 31 - 1) return value;
  throw new ParamError("Session.open", `${name} must be milliseconds, got ${String(value)}`);
}

function nameOf(plan: Plan): string {
  if (plan.kind === "sql") return plan.op;
  return plan.kind === "read" ? `read.${plan.format}` : "Spark";
}

registerEngine("sc", async (url, options: EngineOptions) => {
  const worker = workerOption(options.worker);
  const connectTimeout = milliseconds(options, "connectTimeout", 10_000);
  const slotTimeout = milliseconds(options, "slotTimeout", 300_000);
  const client = new Client(parseConnection(url));
  const depot = new Depot(client, typeof worker === "string" ? worker : "node");
  try {
    await depot.begin(connectTimeout);
    return new SparkEngine(client, depot, await probe(client, connectTimeout), {
      worker,
      slotTimeout,
      onProgress: options.onProgress,
    });
  } catch (error) {
    client.channel.close();
    throw error;
  }
});
