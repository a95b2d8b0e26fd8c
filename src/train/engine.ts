/** @file Engine: the threads that train, seen from the main thread: programs are made when first needed, steps run in chunks. */

import { randomUUID } from "node:crypto";
import { availableParallelism } from "node:os";
import type { Who } from "../errors.js";
import type { WeightSpec } from "../nn/build.js";
import type { Optimizer } from "../optim/optimizer.js";
import { sgd } from "../optim/sgd.js";
import type { Device } from "../runtime/device.js";
import { toAsset } from "../runtime/load-asset.js";
import { unpackTensors } from "../runtime/values.js";
import type { Tensor } from "../tensor/tensor.js";
import { Crew } from "./crew.js";
import { runsOf } from "./epoch-plan.js";
import { newExchange, newMeeting } from "./exchange.js";
import { statCountOf } from "./forward.js";
import { evaluationGraph, type Program, trainingGraph } from "./graphs.js";
import { Layout } from "./layout.js";
import { requireMemory } from "./memory.js";
import { fieldsOf, type Problem } from "./problem.js";
import type { Rows } from "./row-store.js";
import { shardGraph, updateGraph } from "./shard-graphs.js";
import { type Share, widthOf } from "./shared-steps.js";
import type { SharedGradientsMessage, SharedProgram, SharedStepsMessage } from "./shared-thread.js";
import type {
  EvaluateMessage,
  GradientsMessage,
  OpenMessage,
  SetName,
  StepsMessage,
  StepsResult,
  WireProgram,
} from "./thread.js";

export interface EngineOptions {
  readonly who: Who;
  readonly problem: Problem;
  readonly layout: Layout;
  /** Values of all weights by name: those that are frozen go into the graphs. */
  readonly values: ReadonlyMap<string, Tensor>;
  readonly seed: number;
  /** See TrainOptions. */
  readonly recompute: boolean;
  readonly memoryLimit: number | undefined;
  readonly device: Device;
  /** Threads that share each step; see shards.ts. */
  readonly shards: number;
}

/** Where steps are: rows of a block in an epoch's order. */
export interface Place {
  readonly step: number;
  readonly epoch: number;
  readonly block: number;
  readonly from: number;
  readonly shuffle: boolean;
}

/** Puts each weight's gradient in its place. */
const plain = sgd();
const gradientsOnly: Optimizer = {
  ...plain,
  scope: "weight",
  slots: {},
  numbers: () => ({}),
  update: ({ grad }) => ({ weight: grad, slots: {} }),
};

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
    const { problem, seed, device, shards, layout } = options;
    const threads = availableParallelism();
    const common = { id: engine.#id, fields: fieldsOf(problem), seed, threads, device, learned: layout.learnedParts };
    const groups = layout.groups.map(({ name, shape }) => ({ name, shape }));
    const statCount = statCountOf(problem);
    const exchange = newExchange(shards, widthOf(groups, statCount));
    await engine.#crew.runAll("open", (shard): OpenMessage => {
      const share: Share | undefined = shards > 1 ? { shard, exchange, groups, statCount } : undefined;
      return { ...common, share };
    });
    return engine;
  }

  /** Gives the thread rows to work on; the buffers are moved. */
  async load(set: SetName, rows: Rows): Promise<void> {
    if (set === "train" && this.#options.shards > 1) {
      const message = { id: this.#id, set, rows: inSharedMemory(rows) };
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
    const program = await this.#training(shape.batchSize, shape.batches);
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
    const { layout, seed, problem, shards } = this.#options;
    const probe = new Layout(layout.weights, new Set(layout.states.map(({ name }) => name)), gradientsOnly);
    const values = probe.first(seed, layout.weightsIn(await this.read()));
    const frozen = (spec: WeightSpec) => this.#frozen(spec.name);
    const common = { id: this.#id, numbers: probe.numbersOf(place.step, 1, 1), steps: 1, ...place };
    let found: Record<string, number>;
    if (shards > 1) {
      const parts = batchSize % shards === 0 ? shards : 1;
      const gradients = await this.#program(`part of gradients ${batchSize}`, 1, () =>
        shardGraph(problem, probe, frozen, batchSize / parts),
      );
      const message: SharedGradientsMessage = {
        ...{ ...common, program: { gradients, shards: parts } },
        values: Object.fromEntries(values),
      };
      found = await this.#crew.runSharing("gradients", message);
    } else {
      const program = await this.#program(`gradients ${batchSize} ${batches}`, batches, () =>
        trainingGraph(problem, probe, frozen, batchSize, batches),
      );
      const message: GradientsMessage = { ...common, program, values: Object.fromEntries(values) };
      found = await this.#crew.run("gradients", message);
    }
    return new Map(probe.groups.map(({ name }) => [name, found[name]!]));
  }

  /** Loss and sums of metrics over all rows of a set, one row of numbers per batch. */
  async evaluate(
    set: SetName,
    rows: number,
    batchSize: number,
    weights: ReadonlyMap<string, Tensor>,
    signal?: AbortSignal,
  ): Promise<Float32Array[]> {
    const { problem, layout } = this.#options;
    const width = statCountOf(problem);
    const found: Float32Array[] = [];
    for (const run of runsOf(rows, batchSize, 1)) {
      const program = await this.#evaluation(run.batchSize);
      // some at a time, so that an abort is heard
      const most = Math.max(1, Math.floor(4096 / run.batchSize));
      for (let done = 0; done < run.steps; done += most) {
        signal?.throwIfAborted();
        const batches = Math.min(most, run.steps - done);
        const from = run.from + done * run.batchSize;
        const message: EvaluateMessage = {
          id: this.#id,
          program,
          set,
          from,
          batches,
          weights: Object.fromEntries(layout.learned.map(({ name }) => [name, weights.get(name)!])),
        };
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

  /** @param give whether the tensors' buffers may be moved */
  async write(values: ReadonlyMap<string, Tensor>, give = false): Promise<void> {
    const message = { id: this.#id, values: Object.fromEntries(values) };
    if (this.#options.shards > 1) return this.#crew.runAll("write", () => message);
    const buffers = give ? [...values.values()].map(({ data }) => (data as Float32Array).buffer as ArrayBuffer) : [];
    await this.#crew.run("write", message, buffers);
  }

  /** Lets go of what the threads hold. */
  close(): Promise<void> {
    return this.#crew.close();
  }

  #training(batchSize: number, batches: number): Promise<WireProgram> {
    return this.#program(`train ${batchSize} ${batches}`, batches, () => {
      const { problem, layout, recompute, who, memoryLimit: free = process.availableMemory() } = this.#options;
      const frozen = ({ name }: WeightSpec) => this.#frozen(name);
      const program = trainingGraph(problem, layout, frozen, batchSize, batches, recompute);
      requireMemory(program.graph, { who, free, batchSize, mayRecompute: !recompute });
      return program;
    });
  }

  /** A batch that does not come out even is done whole by each thread. */
  async #shared(batchSize: number): Promise<SharedProgram> {
    const { problem, layout, who, memoryLimit: free = process.availableMemory(), shards: threads } = this.#options;
    const shards = batchSize % threads === 0 ? threads : 1;
    const rows = batchSize / shards;
    const gradients = await this.#program(`part ${rows}`, 1, () => {
      const program = shardGraph(problem, layout, ({ name }) => this.#frozen(name), rows);
      requireMemory(program.graph, { who, free, batchSize, threads, mayRecompute: true });
      return program;
    });
    return { gradients, update: await this.#program(`update ${shards}`, 1, () => updateGraph(layout, shards)), shards };
  }

  #evaluation(batchSize: number): Promise<WireProgram> {
    return this.#program(`evaluate ${batchSize}`, 1, () => {
      const { problem, layout } = this.#options;
      return evaluationGraph(problem, layout, (spec) => this.#frozen(spec.name), batchSize);
    });
  }

  #frozen(name: string): Tensor {
    return this.#options.values.get(name)!;
  }

  #program(key: string, batches: number, make: () => Program): Promise<WireProgram> {
    const known = this.#programs.get(key);
    if (known !== undefined) return known;
    const made = (async () => {
      const { graph, batchSize, randomSizes } = make();
      const { bytes, sha256 } = await toAsset(graph.toBytes());
      return { graph: { bytes, sha256 }, batchSize, batches, randomSizes };
    })();
    this.#programs.set(key, made);
    return made;
  }
}

/** Copies that all threads can read. */
function inSharedMemory({ count, columns }: Rows): Rows {
  const shared = Object.entries(columns).map(([name, column]) => {
    const bytes = new Uint8Array(new SharedArrayBuffer(column.byteLength));
    bytes.set(new Uint8Array(column.buffer, column.byteOffset, column.byteLength));
    const Numbers = column.constructor as new (buffer: SharedArrayBuffer) => typeof column;
    return [name, new Numbers(bytes.buffer as SharedArrayBuffer)];
  });
  return { count, columns: Object.fromEntries(shared) };
}
