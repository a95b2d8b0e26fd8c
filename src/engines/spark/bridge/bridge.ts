/** @file The way to executors: a run of stages as one map over partitions, whose body is our worker. */

import { createHash } from "node:crypto";
import type { FunctionStage } from "../../../data/batch-stage.js";
import { Schema } from "../../../data/schema.js";
import { ParamError } from "../../../errors.js";
import { modulesOf } from "../../../worker/chain.js";
import type { ExecutorConfig, ExecutorStep } from "../../../worker/executor-protocol.js";
import type { Step } from "../../../worker/run-chain.js";
import type { Client } from "../client.js";
import type { Relation } from "../compile.js";
import type { Depot } from "../depot.js";
import { schemaToJson, schemaToProto, sparkSchema } from "../types.js";
import { ExecutorsOfSession } from "./executors.js";
import { type FunctionInit, functionOf } from "./function.js";
import { mapRelation } from "./map-relation.js";
import type { Executors, ExecutorsProbe } from "./probe-executors.js";
import { Shipper } from "./ship.js";
import type { SlotWatch } from "./slot-watch.js";

/** Which node executors run: theirs (found, or at a path), or this process's, sent along. */
export type WorkerOption = "auto" | "ship" | { readonly node: string };

export interface BridgeOptions {
  readonly worker: WorkerOption;
  /** How often Spark runs a task that fails. */
  readonly attempts: number;
  /** Milliseconds that a stage waits for the first task to begin. */
  readonly slotTimeout: number;
}

export class Bridge {
  readonly #shipper: Shipper;
  readonly #option: WorkerOption;
  readonly #attempts: number;
  readonly #executors: ExecutorsOfSession;

  /**
   * @param depot what the session's executors have already
   * @param run runs a relation and gives the first value of its first row
   */
  constructor(client: Client, depot: Depot, { worker, attempts, slotTimeout }: BridgeOptions, run: ExecutorsProbe) {
    this.#shipper = new Shipper(client, depot);
    this.#option = worker;
    this.#attempts = attempts;
    this.#executors = new ExecutorsOfSession(depot, () => this.#shipper.shim(), run, slotTimeout);
  }

  /** For a query: ends it where no executor takes a task in time, as far as that is in doubt. */
  watch(signal: AbortSignal | undefined): SlotWatch | undefined {
    return this.#executors.watch(signal);
  }

  /** Sends a file again that the session lists and lacks. */
  async replace(name: string): Promise<void> {
    await this.#shipper.replace(name);
  }

  /** A query failed. */
  doubt(): void {
    this.#executors.doubt();
  }

  async close(): Promise<void> {
    await this.#executors.close();
  }

  /** The rows of a relation after the steps. */
  async map(relation: Relation, steps: readonly Step[], input: Schema, output: Schema): Promise<Relation> {
    const { shim, python, config } = await this.#prepare(steps, input, output);
    return mapRelation(relation, {
      shim,
      python,
      columns: input.names,
      config: JSON.stringify(config),
      schemaJson: schemaToJson(output),
      schema: schemaToProto(output),
      name: steps.flatMap((step) => (step.kind === "stage" ? step.stage.name : [])).join(" + "),
    });
  }

  /** A function that SQL can call once it is registered. */
  async function(fn: FunctionStage): Promise<FunctionInit> {
    const output = Schema.of({ result: fn.result });
    const step = { kind: "stage", stage: fn } as const;
    const { shim, python, config } = await this.#prepare([step], fn.inputs, output);
    return functionOf(fn, { shim, python, config: JSON.stringify({ ...config, isFunction: true }) });
  }

  async #prepare(steps: readonly Step[], input: Schema, output: Schema) {
    const modules = modulesIn(steps);
    // on their way while executors are still asked what they are: most often like this machine, if it runs Linux
    if (process.platform === "linux") {
      const here = { os: process.platform, cpu: process.arch };
      this.#shipper.worker(modules, here).catch(() => {});
      if (this.#option === "ship") this.#shipper.node(here).catch(() => {});
    }
    const [shim, executors, sent] = await Promise.all([
      this.#shipper.shim(),
      this.#executors.known(),
      Promise.all(steps.map((step) => this.#step(step))),
    ]);
    const [worker, node] = await Promise.all([
      this.#shipper.worker(modules, executors.platform),
      this.#node(executors),
    ]);
    const sizes = steps.flatMap((step) => (step.kind === "stage" ? (step.stage.rowsPerTask ?? []) : []));
    const chain = { steps: sent, input: input.toJSON(), output: output.toJSON() };
    const id = createHash("sha256").update(JSON.stringify(chain)).digest("hex");
    const task: Omit<ExecutorConfig, "partition"> = {
      chain: { id, ...chain },
      sparkInput: sparkSchema(input).toJSON(),
      sparkOutput: sparkSchema(output).toJSON(),
      ...(sizes.length > 0 && { rows: Math.min(...sizes) }),
    };
    return { shim, python: executors.python, config: { worker, ...node, attempts: this.#attempts, ...task } };
  }

  async #node(executors: Executors): Promise<{ node: string | null; nodeArchive: string | null }> {
    if (typeof this.#option === "object") return { node: this.#option.node, nodeArchive: null };
    if (this.#option === "auto" && executors.node !== undefined) return { node: executors.node, nodeArchive: null };
    return { node: null, nodeArchive: await this.#shipper.node(executors.platform) };
  }

  async #step(step: Step): Promise<ExecutorStep> {
    if (step.kind === "pick") return step;
    await step.stage.prepare?.();
    const { type, params, assets } = step.stage.toSpec();
    const files = await Promise.all(
      assets.map(async (asset) => ({ sha256: asset.sha256, file: await this.#shipper.asset(asset) })),
    );
    return { kind: "stage", type, params, assets: files };
  }
}

function modulesIn(steps: readonly Step[]): string[] {
  return [...new Set(steps.flatMap((step) => (step.kind === "stage" ? modulesOf(step.stage) : [])))].sort();
}

export function workerOption(value: unknown): WorkerOption {
  if (value === undefined) return "auto";
  if (value === "auto" || value === "ship") return value;
  if (typeof value === "object" && value !== null && typeof (value as { node?: unknown }).node === "string") {
    return value as { node: string };
  }
  throw new ParamError("Session.open", `worker must be "auto", "ship" or { node: path }, got ${JSON.stringify(value)}`);
}
