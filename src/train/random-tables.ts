/** @file Random tensors of a step: slices of tables of random numbers, whose places are fed (see random-feeds.ts). */

import type { GraphBuilder } from "../graph/graph-builder.js";
import type { Value } from "../graph/value.js";
import { sizeOf } from "../tensor/shape.js";

/** Inputs of the graph: `table/<kind>`, and `places/<kind>`, int64 [steps, batches, tensors]. */
export class RandomTables {
  readonly sizes = { uniform: [] as number[], normal: [] as number[] };
  readonly #g: GraphBuilder;
  readonly #accumulated: number;
  readonly #inputs = new Map<string, { table: Value; places: Value }>();
  readonly #rows = new Map<string, Value>();

  constructor(g: GraphBuilder, accumulated: number) {
    this.#g = g;
    this.#accumulated = accumulated;
  }

  take(b: GraphBuilder, kind: "uniform" | "normal", shape: readonly number[], iteration: Value, at: Value): Value {
    let inputs = this.#inputs.get(kind);
    if (inputs === undefined) {
      const table = this.#g.input(`table/${kind}`, "float32", ["numbers"]);
      inputs = {
        table,
        places: this.#g.input(`places/${kind}`, "int64", ["steps", this.#accumulated, `tensors of ${kind}`]),
      };
      this.#inputs.set(kind, inputs);
    }
    let row = this.#rows.get(kind);
    if (row === undefined) {
      row = b.gather(b.gather(inputs.places, iteration), at);
      this.#rows.set(kind, row);
    }
    const number = this.sizes[kind].length;
    this.sizes[kind].push(sizeOf(shape));
    const start = b.slice(row, [number], [number + 1]);
    return b.reshape(b.slice(inputs.table, start, b.add(start, b.ints([sizeOf(shape)]))), shape);
  }
}
