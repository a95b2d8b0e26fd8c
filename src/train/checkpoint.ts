/** @file Checkpoint: all that a training run needs to go on, in one file of the safetensors format. */

import { setImmediate as nextTurn } from "node:timers/promises";
import { DataError } from "../errors.js";
import { type DType, fromBytes } from "../tensor/dtype.js";
import { Tensor } from "../tensor/tensor.js";
import type { Logs } from "./callback.js";

/** Where a run is, beside its tensors. */
export interface Progress {
  readonly seed: number;
  /** Of the training rows: a run goes on with the same ones only. */
  readonly fingerprint: string;
  /** Of network, losses and optimizer. */
  readonly problem: string;
  /** Of one step: within an epoch they tell which rows come next. */
  readonly stepRows: number;
  readonly epoch: number;
  /** Steps done in the epoch, and since the beginning. */
  readonly stepInEpoch: number;
  readonly step: number;
  /** Of the last validation within an epoch that callbacks heard of. */
  readonly validatedStep?: number | undefined;
  readonly lrFactor: number;
  /** Why a callback ended the run. */
  readonly stopped?: string | undefined;
  /** Sums of the epoch so far. */
  readonly sums: readonly number[];
  readonly history: readonly Logs[];
  readonly callbacks: Readonly<Record<string, unknown>>;
}

export interface Checkpoint {
  readonly tensors: ReadonlyMap<string, Tensor>;
  readonly progress: Progress;
}

const codes: Partial<Record<DType, string>> = {
  float32: "F32",
  float64: "F64",
  int64: "I64",
  int32: "I32",
  uint8: "U8",
};

/** Bytes copied before the event loop gets a turn. */
const chunk = 4 * 2 ** 20;

/** The format: length of the header, header in JSON with each tensor's place, the tensors' bytes. */
export async function encodeCheckpoint({ tensors, progress }: Checkpoint): Promise<Uint8Array> {
  const header: Record<string, unknown> = { __metadata__: { deepframe: JSON.stringify(progress, numbersAsText) } };
  let end = 0;
  for (const [name, { dtype, shape, data }] of tensors) {
    const size = (data as Float32Array).byteLength;
    header[name] = { dtype: codes[dtype], shape, data_offsets: [end, end + size] };
    end += size;
  }
  const text = new TextEncoder().encode(JSON.stringify(header));
  // tensors begin at a multiple of 8
  const start = 8 * Math.ceil((8 + text.length) / 8);
  const bytes = new Uint8Array(start + end).fill(0x20, 8, start);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(start - 8), true);
  bytes.set(text, 8);
  let at = start;
  for (const { data } of tensors.values()) {
    const { buffer, byteOffset, byteLength } = data as Float32Array;
    for (let from = 0; from < byteLength; from += chunk) {
      if (from > 0) await nextTurn();
      bytes.set(new Uint8Array(buffer, byteOffset + from, Math.min(chunk, byteLength - from)), at + from);
    }
    at += byteLength;
  }
  return bytes;
}

/** @throws DataError where the bytes are no checkpoint of a run. */
export function decodeCheckpoint(bytes: Uint8Array, path: string): Checkpoint {
  try {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const start = 8 + Number(view.getBigUint64(0, true));
    const { __metadata__: metadata, ...entries } = JSON.parse(new TextDecoder().decode(bytes.subarray(8, start))) as {
      __metadata__: { deepframe: string };
    } & Record<string, { dtype: string; shape: number[]; data_offsets: [number, number] }>;
    const tensors = Object.entries(entries).map(
      ([
        name,
        {
          dtype,
          shape,
          data_offsets: [from, to],
        },
      ]): [string, Tensor] => {
        const known = Object.entries(codes).find(([, code]) => code === dtype)![0] as Exclude<DType, "string">;
        return [name, new Tensor(known, fromBytes(known, bytes.subarray(start + from, start + to)), shape)];
      },
    );
    return { tensors: new Map(tensors), progress: JSON.parse(metadata.deepframe, textAsNumbers) as Progress };
  } catch (cause) {
    throw new DataError("training", `"${path}" is no checkpoint of a training run; remove it or set resume: false`, {
      cause,
    });
  }
}

/** JSON has no NaN and no infinities. */
function numbersAsText(_key: string, value: unknown): unknown {
  return typeof value === "number" && !Number.isFinite(value) ? { $number: String(value) } : value;
}

function textAsNumbers(_key: string, value: unknown): unknown {
  return typeof value === "object" && value !== null && "$number" in value ? Number(value.$number) : value;
}
