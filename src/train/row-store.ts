/** @file RowStore: the rows of a training set as typed arrays, in memory up to a budget and in an unnamed file beyond it. */

import { createHash } from "node:crypto";
import { internal, type Who } from "../errors.js";
import { allocate, bytesPerElement, fromBytes } from "../tensor/dtype.js";
import { sizeOf } from "../tensor/shape.js";
import { readSpilled, type Spilled, SpillFile } from "../util/spill-file.js";
import { Turns } from "../util/turns.js";
import type { Field } from "./problem.js";
import { bytesOf, type Numbers, ResidentRows, type Rows } from "./resident-rows.js";

/** Some rows of a segment. */
export interface Piece {
  readonly segment: number;
  readonly from: number;
  readonly to: number;
}

interface Segment {
  readonly rows: number;
  /** Its first row among those in memory, or where it begins in the file. */
  readonly place: number | Spilled;
}

const segmentBytes = 512 * 1024;

/** Takes rows in, gives them back in any order any number of times, or all of them at once and for good. Close it when done. */
export class RowStore {
  readonly fields: readonly Field[];
  readonly #budget: number;
  readonly #who: Who;
  readonly #spilled: SpillFile;
  readonly #resident: ResidentRows;
  readonly #segments: Segment[] = [];
  readonly #hash = createHash("sha256");
  /** The number that a field has throughout; undefined where there are several. */
  readonly #only = new Map<string, number | bigint | undefined>();
  #rows = 0;
  #isTaken = false;

  /** @param budget bytes kept in memory at most */
  constructor(fields: readonly Field[], { budget, who }: { readonly budget: number; readonly who: Who }) {
    this.fields = fields;
    this.#budget = budget;
    this.#who = who;
    this.#spilled = new SpillFile(who);
    this.#resident = new ResidentRows(fields, budget);
  }

  /** What another store takes to keep to the same bounds. */
  get limits(): { readonly budget: number; readonly who: Who } {
    return { budget: this.#budget, who: this.#who };
  }

  get rows(): number {
    return this.#rows;
  }

  /** Rows of each segment. */
  get segments(): readonly number[] {
    return this.#segments.map(({ rows }) => rows);
  }

  /** Whether all rows are in memory. */
  get isResident(): boolean {
    return this.#spilled.isEmpty;
  }

  get rowBytes(): number {
    return this.fields.reduce((sum, { dtype, shape }) => sum + bytesPerElement(dtype) * sizeOf(shape), 0);
  }

  /** Equal for equal rows in equal order. */
  fingerprint(): string {
    return this.#hash.copy().update(String(this.#rows)).digest("hex");
  }

  /** The number that a field has in all rows; undefined where there are several, or no rows. */
  onlyValue(field: string): number | bigint | undefined {
    return this.#only.get(field);
  }

  /** @throws EngineError where the disk does not take it. */
  async add(rows: Rows): Promise<void> {
    const most = Math.max(1, Math.floor(segmentBytes / Math.max(1, this.rowBytes)));
    const turns = new Turns();
    for (let from = 0; from < rows.count; from += most) {
      await turns.give();
      await this.#addSegment(this.#slice(rows, from, Math.min(rows.count, from + most)));
    }
  }

  async #addSegment(rows: Rows): Promise<void> {
    for (const { name } of this.fields) {
      const column = rows.columns[name]!;
      this.#hash.update(bytesOf(column));
      const only = this.#only.has(name) ? this.#only.get(name) : column[0];
      // most fields vary at once, and are not looked at again
      this.#only.set(name, only !== undefined && isAll(column, only) ? only : undefined);
    }
    this.#rows += rows.count;
    if (this.isResident && this.#resident.fits(rows.count)) {
      this.#segments.push({ rows: rows.count, place: this.#resident.count });
      this.#resident.add(rows);
      return;
    }
    const place = await this.#spilled.append(this.fields.map(({ name }) => rows.columns[name]!));
    this.#segments.push({ rows: rows.count, place });
  }

  /** All rows, in the order in which they came, where they are in memory: as they lie there, and the store's no longer. */
  take(): Rows {
    if (!this.isResident || this.#isTaken) throw internal("rows are taken that are not there");
    this.#isTaken = true;
    return this.#resident.view(0, this.#resident.count);
  }

  /** The rows of the pieces, in their order, in buffers of their own. */
  async read(pieces: readonly Piece[]): Promise<Rows> {
    if (this.#isTaken) throw internal("rows are read that were taken");
    const count = pieces.reduce((sum, { from, to }) => sum + to - from, 0);
    const columns = Object.fromEntries(
      this.fields.map(({ name, dtype, shape }) => [name, allocate(dtype, count * sizeOf(shape)) as Numbers]),
    );
    const turns = new Turns();
    let at = 0;
    for (const { segment, from, to } of pieces) {
      await turns.give();
      const { rows, place } = this.#segments[segment]!;
      const part =
        typeof place === "number" ? this.#resident.view(place, place + rows) : await this.#readSpilled(place, rows);
      for (const { name, shape } of this.fields) {
        const width = sizeOf(shape);
        // both hold the field's dtype, which the union of array types cannot say
        (columns[name] as Uint8Array).set(
          part.columns[name]!.subarray(from * width, to * width) as Uint8Array,
          at * width,
        );
      }
      at += to - from;
    }
    return { count, columns };
  }

  async close(): Promise<void> {
    this.#segments.length = 0;
    await this.#resident.clear();
    await this.#spilled.close();
  }

  async #readSpilled(place: Spilled, rows: number): Promise<Rows> {
    const bytes = await readSpilled(place, rows * this.rowBytes, this.#who);
    let at = 0;
    const columns = Object.fromEntries(
      this.fields.map(({ name, dtype, shape }) => {
        const size = rows * sizeOf(shape) * bytesPerElement(dtype);
        const column = fromBytes(dtype, bytes.subarray(at, at + size)) as Numbers;
        at += size;
        return [name, column];
      }),
    );
    return { count: rows, columns };
  }

  #slice({ columns }: Rows, from: number, to: number): Rows {
    const parts = this.fields.map(({ name, shape }) => {
      const width = sizeOf(shape);
      return [name, columns[name]!.subarray(from * width, to * width)];
    });
    return { count: to - from, columns: Object.fromEntries(parts) };
  }
}

function isAll(column: ArrayLike<number | bigint>, value: number | bigint): boolean {
  for (let i = 0; i < column.length; i++) if (column[i] !== value) return false;
  return true;
}
