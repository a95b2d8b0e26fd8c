/** @file What goes over the pipes between a Python worker of Spark and the node process: frames, and a task's configuration. */

import { write } from "node:fs";
import type { Readable } from "node:stream";
import { promisify } from "node:util";
import { internal } from "../errors.js";

/** A stage by its type and parameters; its assets lie in files. */
export type ExecutorStep =
  | {
      readonly kind: "stage";
      readonly type: string;
      readonly params: Readonly<Record<string, unknown>>;
      readonly assets: readonly { readonly sha256: string; readonly file: string }[];
    }
  | { readonly kind: "pick"; readonly columns: readonly { readonly from: string; readonly to: string }[] };

export interface ExecutorConfig {
  readonly chain: {
    readonly id: string;
    readonly steps: readonly ExecutorStep[];
    readonly input: Readonly<Record<string, string>>;
    readonly output: Readonly<Record<string, string>>;
  };
  /** The columns in Spark's form: name to type. */
  readonly sparkInput: Readonly<Record<string, string>>;
  readonly sparkOutput: Readonly<Record<string, string>>;
  /** Rows per piece that the stages take at a time. */
  readonly rows?: number | undefined;
  readonly partition: number;
  /** Whether the columns are arguments of a SQL function, whose types are those of the first batch. */
  readonly isFunction?: boolean | undefined;
}

const incoming = { 1: "open", 2: "batch", 3: "end" } as const;
const outgoing = { result: 1, done: 2, failed: 3 } as const;

export interface Frame {
  readonly kind: (typeof incoming)[keyof typeof incoming];
  /** At an address that suits every number type. */
  readonly payload: Uint8Array;
}

const headerBytes = 5;

/** Frames of a stream: kind (one byte), length (four bytes, little-endian), as many bytes. */
export async function* readFrames(stream: Readable): AsyncGenerator<Frame, void, undefined> {
  const header = Buffer.alloc(headerBytes);
  let held = 0;
  let payload: Buffer | undefined;
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    let at = 0;
    while (at < chunk.length || payload?.length === 0) {
      if (payload === undefined) {
        const count = Math.min(headerBytes - held, chunk.length - at);
        chunk.copy(header, held, at, at + count);
        at += count;
        held += count;
        if (held < headerBytes) continue;
        payload = Buffer.allocUnsafeSlow(header.readUInt32LE(1));
        held = 0;
      }
      const count = Math.min(payload.length - held, chunk.length - at);
      chunk.copy(payload, held, at, at + count);
      at += count;
      held += count;
      if (held < payload.length) continue;
      const kind = incoming[header[0] as keyof typeof incoming];
      if (kind === undefined) throw internal(`frame of unknown kind ${header[0]}`);
      yield { kind, payload };
      payload = undefined;
      held = 0;
    }
  }
}

const writeAside = promisify(write);

/** Writes a frame to stdout without holding up the thread. */
export async function writeFrame(kind: keyof typeof outgoing, payload: Uint8Array): Promise<void> {
  const header = Buffer.alloc(headerBytes);
  header[0] = outgoing[kind];
  header.writeUInt32LE(payload.length, 1);
  for (const bytes of [header, payload]) {
    for (let at = 0; at < bytes.length; ) {
      const { bytesWritten } = await writeAside(1, bytes, at, bytes.length - at);
      at += bytesWritten;
    }
  }
}
