/** @file SpillFile: rows of training data that do not fit the memory, in a file that has no name: gone when closed, even by a crash. */

import { randomUUID } from "node:crypto";
import { read } from "node:fs";
import { type FileHandle, open, unlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { EngineError, messageOf, type Who } from "../errors.js";

/** Where arrays lie. */
export interface Spilled {
  /** The file's number, which all threads of the process can read. */
  readonly file: number;
  readonly offset: number;
}

/** Takes arrays in at its end. The file is made when the first of them comes. */
export class SpillFile {
  readonly #who: Who;
  #file: FileHandle | undefined;
  #end = 0;

  constructor(who: Who) {
    this.#who = who;
  }

  /** Whether nothing was put in yet. */
  get isEmpty(): boolean {
    return this.#file === undefined;
  }

  /**
   * Puts arrays in, one after the other, and tells where they begin.
   *
   * @throws EngineError where the disk does not take them.
   */
  async append(arrays: readonly ArrayBufferView[]): Promise<Spilled> {
    const offset = this.#end;
    try {
      this.#file ??= await unnamedFile();
      for (const { buffer, byteOffset, byteLength } of arrays) {
        const bytes = new Uint8Array(buffer, byteOffset, byteLength);
        for (let from = 0; from < bytes.length; ) {
          from += (await this.#file.write(bytes, from, bytes.length - from, this.#end + from)).bytesWritten;
        }
        this.#end += bytes.length;
      }
      return { file: this.#file.fd, offset };
    } catch (cause) {
      const size = `${Math.ceil(this.#end / 2 ** 20)} MiB of training data are in files in "${tmpdir()}"`;
      const message = `${size}, and no more could be written: ${messageOf(cause)}; make room or set TMPDIR`;
      throw new EngineError(this.#who, message, { code: "DISK", cause });
    }
  }

  /** Lets go of the file and what is in it. */
  async close(): Promise<void> {
    await this.#file?.close();
    this.#file = undefined;
  }
}

const readFile = promisify(read);

/** Bytes of a spill file, in any thread. @throws EngineError where the file is shorter */
export async function readSpilled({ file, offset }: Spilled, length: number, who: Who): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  for (let from = 0; from < length; ) {
    const { bytesRead } = await readFile(file, bytes, from, length - from, offset + from);
    if (bytesRead === 0) throw new EngineError(who, "the file of training data is cut off; fit again");
    from += bytesRead;
  }
  return bytes;
}

async function unnamedFile(): Promise<FileHandle> {
  const path = join(tmpdir(), `deepframe-${randomUUID()}`);
  const file = await open(path, "wx+", 0o600);
  await unlink(path);
  return file;
}
