/** @file Building: makes what a run needs of its network: first values of weights, the frozen part, graphs. It takes a while. */

import { setImmediate as nextTurn } from "node:timers/promises";
import type { Who } from "../errors.js";
import type { WeightSpec } from "../nn/build.js";
import type { Optimizer } from "../optim/optimizer.js";
import type { Device } from "../runtime/device.js";
import { toAsset } from "../runtime/load-asset.js";
import { sizeOf } from "../tensor/shape.js";
import type { Tensor } from "../tensor/tensor.js";
import type { Asset } from "../util/asset.js";
import { splitProblem } from "./frozen-split.js";
import { Layout } from "./layout.js";
import { type Field, type Form, type Manifest, manifestOf, type Problem } from "./problem.js";
import { buildProgram, type Ground, type ProgramRequest } from "./programs.js";
import type { WireProgram } from "./thread-state.js";

export interface BuildingOptions {
  readonly who: Who;
  readonly problem: Problem;
  readonly optimizer: Optimizer;
  readonly seed: number;
  readonly recompute: boolean;
  readonly memoryLimit: number | undefined;
  /** First values of weights, by name; those that are missing are drawn. */
  readonly weights?: ReadonlyMap<string, Tensor> | undefined;
  readonly device?: Device;
}

/** The frozen part, and what is left to be trained. */
export interface SplitParts {
  readonly graph: Pick<Asset, "bytes" | "sha256">;
  readonly results: readonly Field[];
  readonly form: Form;
  readonly manifest: Omit<Manifest, "weights"> & { readonly weights: readonly string[] };
}

export class Building {
  readonly #options: BuildingOptions;
  readonly #whole: Manifest;
  #problem: Problem;
  #parts: Promise<SplitParts | undefined> | undefined;
  #frozen: Map<string, Tensor> | undefined;
  #ground: Ground | undefined;

  constructor(options: BuildingOptions) {
    this.#options = options;
    this.#problem = options.problem;
    this.#whole = manifestOf(options.problem);
  }

  /** First values of all weights. */
  async draw(): Promise<Map<string, Tensor>> {
    const first = new Map<string, Tensor>();
    for (const spec of this.#whole.weights) {
      first.set(spec.name, this.#firstOf(spec));
      // drawing many numbers takes a while
      if (sizeOf(spec.shape) > 2 ** 14) await nextTurn();
    }
    return first;
  }

  /** Splits off the frozen part, once; graphs are of the rest from then on. */
  split(rowCount: number): Promise<SplitParts | undefined> {
    this.#parts ??= this.#split(rowCount);
    return this.#parts;
  }

  async #split(rowCount: number): Promise<SplitParts | undefined> {
    const found = splitProblem(this.#problem, this.#frozenValues(), rowCount);
    if (found === undefined) return undefined;
    this.#problem = found.problem;
    await nextTurn();
    const { weights, ...manifest } = manifestOf(found.problem);
    const { inputs, heads, weight } = found.problem;
    const { bytes, sha256 } = await toAsset(found.graph.toChunks());
    return {
      graph: { bytes, sha256 },
      results: found.results,
      form: { inputs, heads, weight },
      manifest: { ...manifest, weights: weights.map(({ name }) => name) },
    };
  }

  async build(request: ProgramRequest): Promise<WireProgram> {
    const { graph, batchSize, randomSizes } = buildProgram(this.#groundOf(), request);
    const { bytes, sha256 } = await toAsset(graph.toChunks());
    const batches = request.kind === "steps" ? request.batches : 1;
    return { graph: { bytes, sha256 }, batchSize, batches, randomSizes };
  }

  #groundOf(): Ground {
    const { optimizer, ...given } = this.#options;
    if (this.#ground === undefined) {
      const { weights, states } = manifestOf(this.#problem);
      const layout = new Layout(weights, states, optimizer, !given.recompute);
      this.#ground = {
        ...given,
        problem: this.#problem,
        layout,
        frozen: ({ name }) => this.#frozenValues().get(name)!,
      };
    }
    return this.#ground;
  }

  /** They go into graphs. */
  #frozenValues(): Map<string, Tensor> {
    const stays = ({ trainable, name }: WeightSpec) => !trainable && !this.#whole.states.has(name);
    this.#frozen ??= new Map(this.#whole.weights.filter(stays).map((spec) => [spec.name, this.#firstOf(spec)]));
    return this.#frozen;
  }

  #firstOf(spec: WeightSpec): Tensor {
    return this.#options.weights?.get(spec.name) ?? spec.initial(this.#options.seed);
  }
}
