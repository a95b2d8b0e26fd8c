/** @file What executors need of us, sent once per session: the shim, the worker, node where they have none, models. */

import { createHash } from "node:crypto";
import { readFile, stat } from "node:fs/promises";
import { EngineError } from "../../../errors.js";
import type { Asset } from "../../../util/asset.js";
import { upload } from "../artifacts.js";
import type { Client } from "../client.js";
import type { Depot } from "../depot.js";
import { bundleWorker } from "./bundle.js";
import { keptArchive } from "./kept-archive.js";
import { nativePackages, type Platform } from "./packages.js";
import { type ZipEntry, zip } from "./zip.js";

/** Archives that this process has made, by what is in them. */
const archives = new Map<string, Promise<Uint8Array>>();

/** Workers that this process has put together: which archive, by the users' modules and the platform. */
const workers = new Map<string, Promise<WorkerFiles>>();

interface WorkerFiles {
  readonly name: string;
  readonly files: readonly ZipEntry[];
}

export class Shipper {
  readonly #client: Client;
  readonly #depot: Depot;
  readonly #sent = new Map<string, Promise<void>>();
  /** What the session had from its beginning, by how it can be sent again. */
  readonly #copied = new Map<string, () => Promise<Uint8Array>>();
  /** Files that are empty here: nothing can be put in their place. */
  readonly #empty = new Set<string>();

  constructor(client: Client, depot: Depot) {
    this.#client = client;
    this.#depot = depot;
  }

  /** Sends the shim; gives the name of its Python module. */
  async shim(): Promise<string> {
    const bytes = await readFile(new URL("./deepframe_shim.py", import.meta.url));
    const module = this.#free(`deepframe_shim_${hashOf(bytes)}`, (name) => `pyfiles/${name}.py`);
    await this.#send(`pyfiles/${module}.py`, async () => bytes);
    return module;
  }

  /** Sends the worker with the users' modules in it; gives the name of its archive. */
  async worker(modules: readonly string[], platform: Platform): Promise<string> {
    const { name, files } = await workerFiles(modules, platform);
    return await this.#archive(name, () => zip(files));
  }

  /** Sends this process's node; gives the name of its archive. @throws EngineError where executors run on something else. */
  async node({ os, cpu }: Platform): Promise<string> {
    if (os !== process.platform || cpu !== process.arch) {
      const message = `the executors run on ${os} ${cpu} and have no node 20.20 or later; install it there, or pass { worker: { node: "/path/on/executors/node" } }`;
      throw new EngineError("Spark", message, { code: "NO_NODE" });
    }
    const { size } = await stat(process.execPath);
    const name = `deepframe_node_${process.versions.node.replaceAll(".", "_")}_${os}_${cpu}_${size}`;
    return await this.#archive(name, async () => zip([{ name: "node", bytes: await readFile(process.execPath) }]));
  }

  /** Sends an asset; gives the name of its file. */
  async asset({ bytes, sha256 }: Asset): Promise<string> {
    const file = this.#free(`deepframe_${sha256}.bin`, (name) => `files/${name}`);
    await this.#send(`files/${file}`, async () => bytes);
    return file;
  }

  /**
   * Sends a file again that the session lists and lacks. One that this process does not know, such as a model of another, goes as
   * an empty file: tasks only fetch it.
   */
  async replace(name: string): Promise<void> {
    const sent = this.#sent.get(name);
    if (sent !== undefined) return await sent;
    const make = this.#copied.get(name);
    if (make !== undefined) return await once(this.#sent, name, () => this.#upload(name, make));
    this.#empty.add(name);
    await once(this.#sent, name, () => upload(this.#client, [{ name, bytes: new Uint8Array(0), isCached: false }]));
  }

  async #archive(base: string, make: () => Promise<Uint8Array>): Promise<string> {
    // as a plain file: Spark would unpack an archive for every session anew, on every machine
    const name = this.#free(base, (free) => `files/${free}.zip`);
    await this.#send(`files/${name}.zip`, () => once(archives, base, () => keptArchive(base, make)));
    return name;
  }

  /** The name, or another one where an empty file has it. */
  #free(name: string, path: (name: string) => string): string {
    return this.#empty.has(path(name)) ? name.replace("deepframe_", "deepframe_again_") : name;
  }

  async #send(name: string, make: () => Promise<Uint8Array>): Promise<void> {
    if (this.#depot.has(name)) this.#copied.set(name, make);
    else await once(this.#sent, name, () => this.#upload(name, make));
  }

  async #upload(name: string, make: () => Promise<Uint8Array>): Promise<void> {
    const artifact = { name, bytes: await make(), isCached: false };
    await upload(this.#client, [artifact]);
    this.#depot.keep(artifact);
  }
}

/** The worker's files. */
function workerFiles(modules: readonly string[], platform: Platform): Promise<WorkerFiles> {
  return once(workers, JSON.stringify([modules, platform]), async () => {
    const files = [...(await bundleWorker(modules)), ...(await nativePackages(platform))];
    const hash = createHash("sha256");
    for (const { name, bytes } of files) hash.update(name).update("\0").update(bytes);
    return { name: `deepframe_worker_${hash.digest("hex").slice(0, 16)}`, files };
  });
}

/** What was made under the key, or is made now; a failure is forgotten. */
function once<T>(made: Map<string, Promise<T>>, key: string, make: () => Promise<T>): Promise<T> {
  let value = made.get(key);
  if (value === undefined) {
    value = make();
    made.set(key, value);
    value.catch(() => made.delete(key));
  }
  return value;
}

function hashOf(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex").slice(0, 16);
}
