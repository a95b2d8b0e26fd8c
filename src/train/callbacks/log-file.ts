/** @file A file that grows with a run: begun anew, or cut to where a resumed run was. */

import { type FileHandle, mkdir, open } from "node:fs/promises";
import { dirname } from "node:path";

export class LogFile {
  /** Bytes written. */
  bytes = 0;
  readonly #path: string;
  #file: FileHandle | undefined;

  constructor(path: string) {
    this.#path = path;
  }

  /** @param bytes how much of what is there stays; all by default */
  async open(bytes = Number.POSITIVE_INFINITY): Promise<void> {
    await this.close();
    await mkdir(dirname(this.#path), { recursive: true });
    const file = await open(this.#path, "a");
    this.#file = file;
    const { size } = await file.stat();
    this.bytes = Math.min(bytes, size);
    if (this.bytes < size) await file.truncate(this.bytes);
  }

  async write(data: string | Uint8Array): Promise<void> {
    await this.#file?.appendFile(data);
    this.bytes += typeof data === "string" ? Buffer.byteLength(data) : data.length;
  }

  async close(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    await file?.close();
  }
}
