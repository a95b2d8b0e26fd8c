/** @file Engine: the thread that trains, seen from the main thread: programs are made when first needed, steps run in chunks. */

import { randomUUID } from "node:crypto";
import { availableParallelism } from "node:os";
import type { Who } from "../errors.js";
import type { WeightSpec } from "../nn/build.js";
import type { Optimizer } from "../optim/optimizer.js";
import { sgd } from "../optim/sgd.js";
import type { Device } from "../runtime/device.js";
import { toAsset } from "../runtime/load-asset.js";
import { sharedPool, type Task } from "../runtime/pool.js";
import { unpackTensors } from "../runtime/values.js";
import type { Tensor } from "../tensor/tensor.js";
import { runsOf } from "./epoch-plan.js";
import { statCountOf } from "./forward.js";
import { evaluationGraph, type Program, trainingGraph } from "./graphs.js";
import { Layout } from "./layout.js";
import { requireMemory } from "./memory.js";
import { fieldsOf, type Problem } from "./problem.js";
import type { Rows } from "./row-store.js";
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
}

const module = new URL("./thread.js", import.meta.url);

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
  isElementwise: false,
  slots: {},
  numbers: () => ({}),
  update: ({ grad }) => ({ weight: grad, slots: {} }),
};

export class Engine {
  readonly #options: EngineOptions;
  readonly #id = randomUUID();
  readonly #programs = new Map<string, Promise<WireProgram>>();

  private constructor(options: EngineOptions) {
    this.#options = options;
  }

  static async open(options: EngineOptions): Promise<Engine> {
    const engine = new Engine(options);
    const { problem, seed, device } = options;
    const threads = availableParallelism();
    const message: OpenMessage = { id: engine.#id, fields: fieldsOf(problem), seed, threads, device };
    await engine.#run("open", message);
    return engine;
  }

  /** Gives the thread rows to work on; the buffers are moved. */
  async load(set: SetName, rows: Rows): Promise<void> {
    const buffers = Object.values(rows.columns).map(({ buffer }) => buffer as ArrayBuffer);
    await this.#run("load", { id: this.#id, set, rows }, buffers);
  }

  /** Runs steps; see StepsResult. */
  async steps(
    place: Place,
    shape: { readonly steps: number; readonly batches: number; readonly batchSize: number },
    lrFactor: number,
  ): Promise<StepsResult> {
    const { layout } = this.#options;
    const numbers = layout.numbersOf(place.step, shape.steps, lrFactor);
    const program = await this.#training(shape.batchSize, shape.batches);
    const message: StepsMessage = { id: this.#id, program, numbers, steps: shape.steps, ...place };
    return this.#run<StepsResult>("steps", message);
  }

  /**
   * The largest gradient of each weight in one step, without clipping; NaN where an element is none. The carried tensors
   * stay as they are.
   */
  async gradients(
    place: Place,
    { batches, batchSize }: { readonly batches: number; readonly batchSize: number },
  ): Promise<ReadonlyMap<string, number>> {
    const { layout, seed, problem } = this.#options;
    const probe = new Layout(layout.weights, new Set(layout.states.map(({ name }) => name)), gradientsOnly);
    const values = probe.first(seed, layout.weightsIn(await this.read()));
    const program = await this.#program(`gradients ${batchSize} ${batches}`, batches, () =>
      trainingGraph(problem, probe, (spec) => this.#frozen(spec.name), batchSize, batches),
    );
    const numbers = probe.numbersOf(place.step, 1, 1);
    const message: GradientsMessage = {
      ...{ id: this.#id, program, numbers, steps: 1, ...place },
      values: Object.fromEntries(values),
    };
    const found = await this.#run<Record<string, number>>("gradients", message);
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
        const stats = await this.#run<Float32Array>("evaluate", message);
        for (let i = 0; i < batches; i++) found.push(stats.subarray(i * width, (i + 1) * width));
      }
    }
    return found;
  }

  /** The carried tensors as they are now. */
  async read(): Promise<Map<string, Tensor>> {
    return new Map(Object.entries(unpackTensors(await this.#run("read", this.#id))));
  }

  /** @param give whether the tensors' buffers may be moved */
  async write(values: ReadonlyMap<string, Tensor>, give = false): Promise<void> {
    const buffers = give ? [...values.values()].map(({ data }) => (data as Float32Array).buffer as ArrayBuffer) : [];
    await this.#run("write", { id: this.#id, values: Object.fromEntries(values) }, buffers);
  }

  /** Lets go of what the thread holds. */
  close(): void {
    sharedPool().forget(this.#id, { module, export: "close", message: this.#id });
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

  #run<R>(exported: string, message: unknown, transfer: ArrayBuffer[] = []): Promise<R> {
    const task: Task = { module, export: exported, message, transfer, key: this.#id, replicas: 1 };
    // what an abort cuts off would be trained in the thread and not known here: whoever aborts waits for the steps under way
    return sharedPool().run<R>(task);
  }
}
