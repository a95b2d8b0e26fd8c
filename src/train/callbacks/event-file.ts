/** @file EventFile: TensorBoard's files: records of Event messages, written by hand, since they are few fields. */

import { hostname } from "node:os";
import { join } from "node:path";
import { frameRecord } from "../../util/tf-record.js";
import { LogFile } from "./log-file.js";

/** A number or the numbers of a tensor, under a tag. */
export interface Summary {
  readonly tag: string;
  readonly value: number | ArrayLike<number>;
}

let files = 0;

/** Adds events to a file of its own in a folder. */
export class EventFile {
  readonly #file: LogFile;
  #isOpen = false;

  constructor(folder: string) {
    // TensorBoard takes any file with "tfevents" in its name; the time orders the files of one folder
    const seconds = Math.floor(Date.now() / 1000);
    const name = `events.out.tfevents.${seconds}.${hostname()}.${process.pid}.${files++}.v2`;
    this.#file = new LogFile(join(folder, name), "TensorBoard");
  }

  async write(step: number, summaries: readonly Summary[]): Promise<void> {
    const time = Date.now() / 1000;
    const events: Uint8Array[] = [];
    if (!this.#isOpen) {
      await this.#file.open();
      this.#isOpen = true;
      events.push(message(double(1, time), text(3, "brain.Event:2")));
    }
    const values = summaries.map(({ tag, value }) =>
      bytes(1, message(text(1, tag), typeof value === "number" ? float(2, value) : bytes(5, histogram(value)))),
    );
    events.push(message(double(1, time), integer(2, step), bytes(5, message(...values))));
    await this.#file.write(Buffer.concat(events.map(frameRecord)));
  }

  close(): Promise<void> {
    return this.#file.close();
  }
}

const buckets = 30;

/** HistogramProto: extremes, sums, and counts of equally wide buckets; numbers that are not finite are left out. */
function histogram(given: ArrayLike<number>): Uint8Array {
  let [min, max, sum, squares, count] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0, 0, 0];
  for (let i = 0; i < given.length; i++) {
    const value = given[i]!;
    if (!Number.isFinite(value)) continue;
    if (value < min) min = value;
    if (value > max) max = value;
    sum += value;
    squares += value * value;
    count++;
  }
  if (count === 0) [min, max] = [0, 0];
  const width = (max - min) / buckets;
  const counts = new Float64Array(width > 0 ? buckets : 1);
  for (let i = 0; i < given.length; i++) {
    const value = given[i]!;
    if (!Number.isFinite(value)) continue;
    counts[width > 0 ? Math.min(buckets - 1, Math.floor((value - min) / width)) : 0]! += 1;
  }
  const limits = Float64Array.from(counts, (_, i) => (i === counts.length - 1 ? max : min + (i + 1) * width));
  return message(
    ...[min, max, count, sum, squares].map((value, i) => double(i + 1, value)),
    bytes(6, new Uint8Array(limits.buffer)),
    bytes(7, new Uint8Array(counts.buffer)),
  );
}

// protobuf: a field is its number and wire type, then the value; 0 varint, 1 eight bytes, 2 length and bytes, 5 four bytes

function message(...fields: readonly Uint8Array[]): Uint8Array {
  return Buffer.concat(fields);
}

function varint(value: number): number[] {
  const out: number[] = [];
  let rest = value;
  for (; rest >= 128; rest = Math.floor(rest / 128)) out.push((rest % 128) + 128);
  return [...out, rest];
}

function integer(field: number, value: number): Uint8Array {
  return Uint8Array.from([field << 3, ...varint(value)]);
}

function double(field: number, value: number): Uint8Array {
  const out = new Uint8Array(9);
  out[0] = (field << 3) | 1;
  new DataView(out.buffer).setFloat64(1, value, true);
  return out;
}

function float(field: number, value: number): Uint8Array {
  const out = new Uint8Array(5);
  out[0] = (field << 3) | 5;
  new DataView(out.buffer).setFloat32(1, value, true);
  return out;
}

function bytes(field: number, value: Uint8Array): Uint8Array {
  return Buffer.concat([Uint8Array.from([(field << 3) | 2, ...varint(value.length)]), value]);
}

function text(field: number, value: string): Uint8Array {
  return bytes(field, new TextEncoder().encode(value));
}
