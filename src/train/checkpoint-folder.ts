/** @file CheckpointFolder: the last checkpoints of a run in a folder, each whole or not there at all. */

import { readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { DataError, messageOf, type Who } from "../errors.js";
import { makeFolder } from "../util/make-folder.js";
import { writeWhole } from "../util/write-whole.js";
import { type Checkpoint, decodeCheckpoint } from "./checkpoint.js";

/** Files that are kept: the one before the newest is there for the case that a disk loses what it said was written. */
const kept = 2;

const pattern = /^checkpoint-(\d+)\.safetensors$/;

export class CheckpointFolder {
  readonly #path: string;
  readonly #who: Who;

  constructor(path: string, who: Who) {
    this.#path = path;
    this.#who = who;
  }

  /** Writes a checkpoint of the run after `step` steps, and deletes old ones. @throws DataError where it cannot. */
  async save(step: number, bytes: Uint8Array): Promise<void> {
    try {
      await writeWhole(join(this.#path, `checkpoint-${String(step).padStart(10, "0")}.safetensors`), bytes);
      for (const name of (await this.#names()).slice(kept)) await rm(join(this.#path, name), { force: true });
    } catch (cause) {
      throw this.#failed("save a checkpoint in", cause);
    }
  }

  /**
   * The newest checkpoint that is whole; undefined for a folder without any.
   *
   * @throws DataError for a folder that cannot be read, and where every checkpoint in it is damaged
   */
  async newest(): Promise<Checkpoint | undefined> {
    let damaged: unknown;
    for (const name of await this.#names()) {
      const path = join(this.#path, name);
      const bytes = await readFile(path).catch((cause) => {
        throw this.#failed("read", cause);
      });
      try {
        return decodeCheckpoint(bytes, path);
      } catch (error) {
        // cut off by the disk: the one before it will do
        damaged ??= error;
      }
    }
    if (damaged !== undefined) throw damaged;
    return undefined;
  }

  /** Takes away what an earlier run left, so that it is not mistaken for this one's. */
  async clear(): Promise<void> {
    for (const name of await this.#names()) await rm(join(this.#path, name), { force: true });
  }

  /** Newest first. Files that a killed process was writing go. */
  async #names(): Promise<string[]> {
    try {
      await makeFolder(this.#path);
      const names = await readdir(this.#path);
      for (const name of names) {
        if (name.startsWith("checkpoint-") && name.includes(".part-"))
          await rm(join(this.#path, name), { force: true });
      }
      return names
        .filter((name) => pattern.test(name))
        .sort()
        .reverse();
    } catch (cause) {
      throw this.#failed("use", cause);
    }
  }

  #failed(what: string, cause: unknown): DataError {
    const message = `cannot ${what} checkpointDir "${this.#path}": ${messageOf(cause)}; give a folder that can be written`;
    return new DataError(this.#who, message, { code: "CHECKPOINT", cause });
  }
}
