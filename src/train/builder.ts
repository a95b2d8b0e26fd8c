/** @file Builder: has a run's Building done where it does not hold up the main thread: small ones here, others in a thread. */

import { randomUUID } from "node:crypto";
import { nameOf } from "../errors.js";
import { sharedPool } from "../runtime/shared-pool.js";
import { unpackTensors } from "../runtime/values.js";
import { sizeOf } from "../tensor/shape.js";
import type { Tensor } from "../tensor/tensor.js";
import { Building, type BuildingOptions, type SplitParts } from "./building.js";
import type { BuildingMessage, SplitMessage } from "./building-thread.js";
import type { Manifest } from "./problem.js";
import type { ProgramRequest } from "./programs.js";
import { storeProblem } from "./stored-problem.js";
import type { WireProgram } from "./thread-state.js";

const module = new URL("./building-thread.js", import.meta.url);

/** Operators of the network, and elements of its weights, from which a thread does it: below, all takes a few milliseconds. */
const [mostNodes, mostElements] = [40, 2 ** 20];

export class Builder {
  readonly #options: BuildingOptions;
  readonly #message: BuildingMessage | undefined;
  #splitRows: number | undefined;
  #local: Building | undefined;

  constructor(options: BuildingOptions, { nodes, weights }: Manifest) {
    this.#options = options;
    const elements = weights.reduce((sum, { shape }) => sum + sizeOf(shape), 0);
    const isLarge = nodes > mostNodes || elements > mostElements;
    const stored =
      isLarge && options.weights === undefined ? storeProblem(options.problem, options.optimizer) : undefined;
    const { who, seed, recompute, memoryLimit } = options;
    const id = randomUUID();
    this.#message = stored && { id, who: nameOf(who), seed, recompute, memoryLimit, stored, splitRows: undefined };
  }

  /** First values of all weights. */
  async draw(): Promise<Map<string, Tensor>> {
    const drawn = await this.#inThread<Record<string, Tensor>>("draw", {});
    return drawn === undefined
      ? this.#here((building) => building.draw())
      : new Map(Object.entries(unpackTensors(drawn)));
  }

  /** Splits off the frozen part; graphs are of the rest from then on. */
  async split(rowCount: number): Promise<SplitParts | undefined> {
    this.#splitRows = rowCount;
    const found = await this.#inThread<SplitMessage>("split", {});
    if (found === undefined) return this.#here((building) => building.split(rowCount));
    if (found.parts === undefined) return undefined;
    const { inputs, ...parts } = found.parts;
    const { heads, weight } = this.#options.problem;
    return { ...parts, form: { inputs, heads, weight } };
  }

  /** @throws EngineError where a step would take more memory than there is. */
  async build(request: ProgramRequest): Promise<WireProgram> {
    const made = await this.#inThread<WireProgram>("build", { request });
    return made ?? this.#here((building) => building.build(request));
  }

  close(): void {
    if (this.#message === undefined) return;
    const { id } = this.#message;
    sharedPool().forget(id, { module, export: "close", message: id });
  }

  /** Undefined where no thread does it, or it fails there: what a user defined is known to this thread alone. */
  async #inThread<R>(exported: string, more: object): Promise<R | undefined> {
    if (this.#message === undefined || this.#local !== undefined) return undefined;
    const message = { ...this.#message, splitRows: this.#splitRows, ...more };
    const task = { module, export: exported, message, key: this.#message.id, replicas: 1 };
    return sharedPool()
      .run<R>(task)
      .catch(() => undefined);
  }

  async #here<R>(what: (building: Building) => Promise<R>): Promise<R> {
    if (this.#local === undefined) {
      this.#local = new Building(this.#options);
      if (this.#splitRows !== undefined) await this.#local.split(this.#splitRows);
    }
    return what(this.#local);
  }
}
