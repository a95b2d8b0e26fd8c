/** @file BlockStore: blocks kept for many passes, in shared memory up to a budget and in an unnamed file beyond it. */

import { randomUUID } from "node:crypto";
import { read } from "node:fs";
import { type FileHandle, open, unlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { EngineError, messageOf, type Who } from "../../errors.js";
import { type Block, bytesOf, type FeatureType, featureTypeOf, type Matrices } from "./block.js";

/** A block in the file: features, labels and weights one after the other. */
export interface FiledBlock {
  /** The open file; threads of a process share it by this number. */
  readonly file: number;
  readonly offset: number;
  readonly rows: number;
  readonly width: number;
  readonly type: FeatureType;
}

export type StoredBlock = Block | FiledBlock;

/** Takes blocks in, gives them to any number of readers. Close it when done: what is in the file is gone then. */
export class BlockStore {
  readonly blocks: StoredBlock[] = [];
  readonly #budget: number;
  readonly #who: Who;
  #bytes = 0;
  #file: FileHandle | undefined;
  #end = 0;

  /** @param budget bytes kept in memory at most */
  constructor(budget: number, who: Who) {
    this.#budget = budget;
    this.#who = who;
  }

  /** Whether all blocks are in memory. */
  get resident(): boolean {
    return this.#file === undefined;
  }

  /** @throws EngineError where the disk does not take it. */
  async add(block: Block): Promise<void> {
    this.#bytes += bytesOf(block);
    if (this.#bytes <= this.#budget) {
      this.blocks.push(block);
      return;
    }
    const { rows, width, features, labels, weights } = block;
    const offset = this.#end;
    try {
      this.#file ??= await unnamedFile();
      for (const values of [features, labels, weights]) {
        const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
        for (let from = 0; from < bytes.length; ) {
          from += (await this.#file.write(bytes, from, bytes.length - from, this.#end + from)).bytesWritten;
        }
        this.#end += bytes.length;
      }
    } catch (cause) {
      const size = `${Math.ceil(this.#end / 2 ** 20)} MiB of training data are in files in "${tmpdir()}"`;
      const message = `${size}, and no more could be written: ${messageOf(cause)}; make room or set TMPDIR`;
      throw new EngineError(this.#who, message, { code: "DISK", cause });
    }
    this.blocks.push({ file: this.#file.fd, offset, rows, width, type: featureTypeOf(block) });
  }

  async close(): Promise<void> {
    this.blocks.length = 0;
    await this.#file?.close();
    this.#file = undefined;
  }
}

const readFile = promisify(read);

/** The block's matrices; from the file in any thread of the process. */
export async function readBlock(stored: StoredBlock): Promise<Matrices> {
  if (!("file" in stored)) return stored;
  const { file, offset, rows, width, type } = stored;
  const size = rows * width * (type === "float32" ? 4 : 8);
  const bytes = new Uint8Array(size + 16 * rows);
  for (let from = 0; from < bytes.length; ) {
    const { bytesRead } = await readFile(file, bytes, from, bytes.length - from, offset + from);
    if (bytesRead === 0) throw new EngineError("BlockStore", "the file of training data is cut off; fit again");
    from += bytesRead;
  }
  // doubles begin at multiples of 8 bytes
  const labels = new Float64Array(bytes.slice(size).buffer);
  return {
    features:
      type === "float32"
        ? new Float32Array(bytes.buffer, 0, rows * width)
        : new Float64Array(bytes.buffer, 0, rows * width),
    labels: labels.subarray(0, rows),
    weights: labels.subarray(rows),
  };
}

/** A file that nobody can find and that goes when it is closed, even by a crash. */
async function unnamedFile(): Promise<FileHandle> {
  const path = join(tmpdir(), `deepframe-${randomUUID()}`);
  const file = await open(path, "wx+", 0o600);
  await unlink(path);
  return file;
}
