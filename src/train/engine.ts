/** @file Engine: the threads that train, seen from the main thread: programs are made when first needed, steps run in chunks. */

import { randomUUID } from "node:crypto";
import { availableParallelism } from "node:os";
import type { Device } from "../runtime/device.js";
import { unpackTensors } from "../runtime/values.js";
import { sharedCopy, sharedMove } from "../tensor/shared-copy.js";
import { Tensor } from "../tensor/tensor.js";
import { Turns } from "../util/turns.js";
import type { Builder } from "./builder.js";
import { Crew } from "./crew.js";
import { type Share, widthOf } from "./division.js";
import { type Place, runsOf } from "./epoch-plan.js";
import { newExchange, newMeeting } from "./exchange.js";
import { statCountOf } from "./forward.js";
import type { Layout } from "./layout.js";
import { type Form, fieldsOf } from "./problem.js";
import { type ProgramRequest, probeOf } from "./programs.js";
import type { Rows } from "./resident-rows.js";
import type { SharedGradientsMessage, SharedProgram, SharedStepsMessage } from "./shared-thread.js";
import type { EvaluateMessage, GradientsMessage, StepsMessage, StepsResult } from "./thread.js";
import type { OpenMessage, SetName, WireProgram } from "./thread-state.js";

export interface EngineOptions {
  readonly form: Form;
  readonly layout: Layout;
  /** Makes the graphs. */
  readonly builder: Builder;
  readonly seed: number;
  readonly device: Device;
  /** Threads that share each step; see shards.ts. */
  readonly shards: number;
}

export class Engine {
  readonly #options: EngineOptions;
  readonly #id = randomUUID();
  readonly #programs = new Map<string, Promise<WireProgram>>();
  readonly #crew: Crew;

  private constructor(options: EngineOptions) {
    this.#options = options;
    this.#crew = new Crew(this.#id, options.shards);
  }

  static async open(options: EngineOptions): Promise<Engine> {
    const engine = new Engine(options);
    const { form, seed, device, shards, layout } = options;
    const threads = availableParallelism();
    const common = { id: engine.#id, fields: fieldsOf(form), seed, threads, device, learned: layout.learnedParts };
    const groups = layout.groups.map(({ name, shape }) => ({ name, shape }));
    const statCount = statCountOf(form);
    const exchange = newExchange(shards, widthOf(groups, statCount));
    await engine.#crew.runAll("open", (shard): OpenMessage => {
      const share: Share = { shard, exchange, groups, statCount, slots: layout.slots, isDivided: layout.isByElement };
      return { ...common, share: shards > 1 ? share : undefined };
    });
    return engine;
  }

  /** Gives the thread rows to work on; the buffers are moved. */
  async load(set: SetName, rows: Rows): Promise<void> {
    if (set === "train" && this.#options.shards > 1) {
      const message = { id: this.#id, set, rows: await inSharedMemory(rows) };
      return this.#crew.runAll("load", () => message);
    }
    const buffers = Object.values(rows.columns).map(({ buffer }) => buffer as ArrayBuffer);
    await this.#crew.run("load", { id: this.#id, set, rows }, buffers);
  }

  /** Runs steps; see StepsResult. */
  async steps(
    place: Place,
    shape: { readonly steps: number; readonly batches: number; readonly batchSize: number },
    lrFactor: number,
  ): Promise<StepsResult> {
    const { layout, shards } = this.#options;
    const numbers = layout.numbersOf(place.step, shape.steps, lrFactor);
    if (shards > 1) {
      const program = await this.#shared(shape.batchSize);
      const meeting = newMeeting();
      const message: SharedStepsMessage = { id: this.#id, program, numbers, steps: shape.steps, meeting, ...place };
      return this.#crew.together<StepsResult>("steps", message);
    }
    const { batchSize, batches } = shape;
    const program = await this.#program({ kind: "steps", batchSize, batches });
    const message: StepsMessage = { id: this.#id, program, numbers, steps: shape.steps, ...place };
    return this.#crew.run<StepsResult>("steps", message);
  }

  /**
   * The largest gradient of each weight in one step, without clipping; NaN where an element is none. The carried tensors
   * stay as they are.
   */
  async gradients(
    place: Place,
    { batches, batchSize }: { readonly batches: number; readonly batchSize: number },
  ): Promise<ReadonlyMap<string, number>> {
    const { layout, seed, shards } = this.#options;
    const probe = probeOf(layout);
    const values = await probe.first(seed, await layout.weightsIn(await this.read()));
    const common = { id: this.#id, numbers: probe.numbersOf(place.step, 1, 1), steps: 1, ...place };
    let found: Record<string, number>;
    if (shards > 1) {
      const parts = batchSize % shards === 0 ? shards : 1;
      const rows = batchSize / parts;
      const gradients = await this.#program({ kind: "part", rows, threads: shards, probe: true });
      const message: SharedGradientsMessage = {
        ...{ ...common, program: { gradients, shards: parts } },
        values: Object.fromEntries(values),
      };
      found = await this.#crew.runSharing("gradients", message);
    } else {
      const program = await this.#program({ kind: "steps", batchSize, batches, probe: true });
      const message: GradientsMessage = { ...common, program, values: Object.fromEntries(values) };
      found = await this.#crew.run("gradients", message);
    }
    return new Map(probe.groups.map(({ name, weights: [weight] }) => [weight!.name, found[name]!]));
  }

  /** Loss and sums of metrics of what is learned by now, over all rows of a set, one row of numbers per batch. */
  async evaluate(set: SetName, rows: number, batchSize: number, signal?: AbortSignal): Promise<Float32Array[]> {
    const width = statCountOf(this.#options.form);
    const found: Float32Array[] = [];
    for (const run of runsOf(rows, batchSize, 1)) {
      const program = await this.#program({ kind: "evaluation", batchSize: run.batchSize });
      // some at a time, so that an abort is heard
      const most = Math.max(1, Math.floor(4096 / run.batchSize));
      for (let done = 0; done < run.steps; done += most) {
        signal?.throwIfAborted();
        const batches = Math.min(most, run.steps - done);
        const from = run.from + done * run.batchSize;
        const message: EvaluateMessage = { id: this.#id, program, set, from, batches };
        const stats = await this.#crew.run<Float32Array>("evaluate", message);
        for (let i = 0; i < batches; i++) found.push(stats.subarray(i * width, (i + 1) * width));
      }
    }
    return found;
  }

  /** The carried tensors as they are now. */
  async read(): Promise<Map<string, Tensor>> {
    return new Map(Object.entries(unpackTensors(await this.#crew.run("read", this.#id))));
  }

  /** Goes back to the weights of the last step with a finite loss. */
  retreat(): Promise<void> {
    return this.#crew.runAll("retreat", () => this.#id);
  }

  async write(values: ReadonlyMap<string, Tensor>): Promise<void> {
    const turns = new Turns();
    const shared: Record<string, Tensor> = {};
    for (const [name, { dtype, data, shape }] of values) {
      shared[name] = new Tensor(dtype, await sharedCopy(data as Float32Array, turns), shape);
    }
    await this.#crew.runAll("write", () => ({ id: this.#id, values: shared }));
  }

  /** Lets go of what the threads hold. */
  close(): Promise<void> {
    return this.#crew.close();
  }

  /** A batch that does not come out even is done whole by each thread. */
  async #shared(batchSize: number): Promise<SharedProgram> {
    const { shards: threads } = this.#options;
    const shards = batchSize % threads === 0 ? threads : 1;
    const gradients = await this.#program({ kind: "part", rows: batchSize / shards, threads });
    const update = await this.#program({ kind: "update", shards, isLast: false });
    return { gradients, update, lastUpdate: await this.#program({ kind: "update", shards, isLast: true }), shards };
  }

  #program(request: ProgramRequest): Promise<WireProgram> {
    const key = JSON.stringify(request);
    let program = this.#programs.get(key);
    if (program === undefined) {
      program = this.#options.builder.build(request);
      this.#programs.set(key, program);
    }
    return program;
  }
}

/** The rows where all threads can read them, and no longer where they were. */
async function inSharedMemory({ count, columns }: Rows): Promise<Rows> {
  const turns = new Turns();
  const shared: Record<string, Rows["columns"][string]> = {};
  for (const [name, column] of Object.entries(columns)) shared[name] = await sharedMove(column, turns);
  return { count, columns: shared };
}
