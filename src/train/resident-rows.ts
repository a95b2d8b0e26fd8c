/** @file ResidentRows: rows in memory, those of each field in one buffer that grows in place, so that they can be moved as they are. */

import { constants } from "node:buffer";
import { type allocate, bytesPerElement, fromBytes } from "../tensor/dtype.js";
import { sizeOf } from "../tensor/shape.js";
import { Turns } from "../util/turns.js";
import type { Field } from "./problem.js";

/** Bytes given back before the event loop may get a turn. */
const pieceBytes = 4 * 2 ** 20;

export type Numbers = Exclude<ReturnType<typeof allocate>, string[]>;

/** Rows of all fields: each field's elements one row after the other. */
export interface Rows {
  readonly count: number;
  readonly columns: Readonly<Record<string, Numbers>>;
}

export class ResidentRows {
  readonly #fields: readonly Field[];
  readonly #most: number;
  readonly #buffers: Map<string, ArrayBuffer>;
  #count = 0;

  /** @param budget bytes at most, of which none is taken before it is needed */
  constructor(fields: readonly Field[], budget: number) {
    this.#fields = fields;
    const widths = fields.map((field) => bytesOfRow(field));
    const all = widths.reduce((sum, width) => sum + width, 0);
    // a column is one array
    this.#most = Math.floor(Math.min(budget / all, ...widths.map((width) => constants.MAX_LENGTH / width)));
    this.#buffers = new Map(
      fields.map(({ name }, i) => [name, new ArrayBuffer(0, { maxByteLength: this.#most * widths[i]! })]),
    );
  }

  get count(): number {
    return this.#count;
  }

  fits(more: number): boolean {
    return this.#count + more <= this.#most;
  }

  /** Copies rows behind those there are. */
  add({ count, columns }: Rows): void {
    for (const field of this.#fields) {
      const buffer = this.#buffers.get(field.name)!;
      const width = bytesOfRow(field);
      buffer.resize((this.#count + count) * width);
      new Uint8Array(buffer, this.#count * width, count * width).set(bytesOf(columns[field.name]!));
    }
    this.#count += count;
  }

  /** Rows as they lie here. */
  view(from: number, to: number): Rows {
    const columns = this.#fields.map((field) => {
      const width = bytesOfRow(field);
      const bytes = new Uint8Array(this.#buffers.get(field.name)!, from * width, (to - from) * width);
      return [field.name, fromBytes(field.dtype, bytes) as Numbers];
    });
    return { count: to - from, columns: Object.fromEntries(columns) };
  }

  /** Gives memory back now, not when V8 looks for it; a piece at a time, since each is overwritten first. */
  async clear(): Promise<void> {
    const turns = new Turns();
    this.#count = 0;
    // those that were moved have no bytes, and cannot shrink
    for (const buffer of this.#buffers.values()) {
      while (buffer.byteLength > 0) {
        await turns.give();
        buffer.resize(Math.max(0, buffer.byteLength - pieceBytes));
      }
    }
  }
}

function bytesOfRow({ dtype, shape }: Field): number {
  return bytesPerElement(dtype) * sizeOf(shape);
}

export function bytesOf({ buffer, byteOffset, byteLength }: Numbers): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}
