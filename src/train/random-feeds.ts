/** @file RandomFeeds: random numbers in tables: a step's tensors are slices of them, at places that follow from the seed and the step. */

import { Tensor } from "../tensor/tensor.js";
import { Random } from "../util/random.js";
import type { WireProgram } from "./thread-state.js";

const tableSize = 2 ** 20;

type Kind = "uniform" | "normal";

export class RandomFeeds {
  readonly #seed: number;
  readonly #tables = new Map<Kind, Tensor>();

  constructor(seed: number) {
    this.#seed = seed;
  }

  /** Tables and places of `count` steps from `step` on. */
  of({ randomSizes, batches }: WireProgram, step: number, count: number): Record<string, Tensor> {
    const feeds: Record<string, Tensor> = {};
    for (const kind of ["uniform", "normal"] as const) {
      const sizes = randomSizes[kind];
      if (sizes.length === 0) continue;
      feeds[`table/${kind}`] = this.#table(kind, Math.max(...sizes));
      const perStep = sizes.length * batches;
      const places = new BigInt64Array(count * perStep);
      for (let i = 0; i < count; i++) {
        const random = new Random(this.#seed + 2 ** 32 * (step + i), kind);
        for (let j = 0; j < perStep; j++) {
          // the same whatever else has been run, hence not up to the table's end
          places[i * perStep + j] = BigInt(random.below(tableSize));
        }
      }
      feeds[`places/${kind}`] = new Tensor("int64", places, [count, batches, sizes.length]);
    }
    return feeds;
  }

  /** The same for one of the parts of a step. */
  part(program: WireProgram, step: number, parts: number, part: number): Record<string, Tensor> {
    const feeds = this.of({ ...program, batches: parts }, step, 1);
    for (const kind of ["uniform", "normal"] as const) {
      const places = feeds[`places/${kind}`];
      if (places === undefined) continue;
      const size = places.size / parts;
      const own = (places.data as BigInt64Array).slice(part * size, (part + 1) * size);
      feeds[`places/${kind}`] = new Tensor("int64", own, [1, 1, size]);
    }
    return feeds;
  }

  #table(kind: Kind, largest: number): Tensor {
    const size = tableSize + largest;
    const known = this.#tables.get(kind);
    if (known !== undefined && known.size >= size) return known;
    const random = new Random(this.#seed, `table ${kind}`);
    const draw = kind === "uniform" ? () => random.uniform() : () => random.normal();
    const table = new Tensor("float32", Float32Array.from({ length: size }, draw));
    this.#tables.set(kind, table);
    return table;
  }
}
