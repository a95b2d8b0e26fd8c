/** @file BatchBuffers: a batch's rows copied together, into the same tensors each time. */

import { allocate } from "../tensor/dtype.js";
import { sizeOf } from "../tensor/shape.js";
import { Tensor } from "../tensor/tensor.js";

type Tensors = Readonly<Record<string, Tensor>>;

export class BatchBuffers {
  readonly #columns: Tensors;
  readonly #batch: Tensors;

  /** @param columns all rows, [rows, ...] */
  constructor(columns: Tensors, size: number) {
    this.#columns = columns;
    this.#batch = Object.fromEntries(
      Object.entries(columns).map(([name, { dtype, shape }]) => {
        const own = [size, ...shape.slice(1)];
        return [name, new Tensor(dtype, allocate(dtype, sizeOf(own)), own)];
      }),
    );
  }

  /** The batch of these rows, until the next call. */
  fill(rows: Uint32Array): Tensors {
    for (const [name, { data, shape }] of Object.entries(this.#columns)) {
      const width = sizeOf(shape.slice(1));
      // both hold the column's dtype, which the union of array types cannot say
      const [from, to] = [data as Uint8Array, this.#batch[name]!.data as Uint8Array];
      for (let i = 0; i < rows.length; i++) {
        const row = rows[i]!;
        if (width === 1) to[i] = from[row]!;
        else to.set(from.subarray(row * width, (row + 1) * width), i * width);
      }
    }
    return this.#batch;
  }
}
