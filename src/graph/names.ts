/** @file Names that nothing has yet, and whole number constants, for changes that add nodes. */

import { Tensor } from "../tensor/tensor.js";
import { namesIn } from "./scope.js";
import { StoredTensor } from "./stored-tensor.js";
import type { GraphBody } from "./types.js";

/** Gives names that are not in use: `name`, else `name_1`, `name_2`, … */
export class Namer {
  readonly #taken: Set<string>;
  readonly #next = new Map<string, number>();

  constructor(taken: Iterable<string> = []) {
    this.#taken = new Set(taken);
  }

  static for(body: GraphBody): Namer {
    return new Namer(namesIn(body));
  }

  has(name: string): boolean {
    return this.#taken.has(name);
  }

  fresh(name: string): string {
    let candidate = name;
    while (this.#taken.has(candidate) || candidate === "") {
      const next = (this.#next.get(name) ?? 0) + 1;
      this.#next.set(name, next);
      candidate = `${name}_${next}`;
    }
    this.#taken.add(candidate);
    return candidate;
  }
}

/** An int64 vector as a constant. */
export function int64s(values: readonly (number | bigint)[]): StoredTensor {
  return StoredTensor.of(new Tensor("int64", BigInt64Array.from(values, BigInt)));
}
