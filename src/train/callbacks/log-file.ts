/** @file A file that grows with a run: begun anew, or cut to where a resumed run was. */

import { type FileHandle, open } from "node:fs/promises";
import { dirname } from "node:path";
import { DataError, messageOf, type Who } from "../../errors.js";
import { makeFolder } from "../../util/make-folder.js";

export class LogFile {
  /** Bytes written. */
  bytes = 0;
  readonly #path: string;
  readonly #who: Who;
  #file: FileHandle | undefined;

  constructor(path: string, who: Who) {
    this.#path = path;
    this.#who = who;
  }

  /** @param bytes how much of what is there stays; all by default. @throws DataError where it cannot be written */
  async open(bytes = Number.POSITIVE_INFINITY): Promise<void> {
    await this.close();
    const file = await makeFolder(dirname(this.#path))
      .then(() => open(this.#path, "a"))
      .catch((cause) => {
        throw cannotWrite(this.#who, this.#path, cause);
      });
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

export function cannotWrite(who: Who, path: string, cause: unknown): DataError {
  return new DataError(who, `cannot write "${path}": ${messageOf(cause)}; give a path that can be written`, {
    code: "WRITE",
    cause,
  });
}
