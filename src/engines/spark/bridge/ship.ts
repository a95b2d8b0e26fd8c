/** @file What executors need of us, sent once per session: the shim, the worker, node where they have none, models. */

import { createHash } from "node:crypto";
import { readFile, stat } from "node:fs/promises";
import { EngineError } from "../../../errors.js";
import type { Asset } from "../../../util/asset.js";
import { type Artifact, upload } from "../artifacts.js";
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

  constructor(client: Client, depot: Depot) {
    this.#client = client;
    this.#depot = depot;
  }

  /** Sends the shim; gives the name of its Python module. */
  async shim(): Promise<string> {
    const bytes = await readFile(new URL("./deepframe_shim.py", import.meta.url));
    const module = `deepframe_shim_${hashOf(bytes)}`;
    await this.#send({ name: `pyfiles/${module}.py`, bytes, isCached: false });
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
    const file = `deepframe_${sha256}.bin`;
    await this.#send({ name: `files/${file}`, bytes, isCached: false });
    return file;
  }

  async #archive(name: string, make: () => Promise<Uint8Array>): Promise<string> {
    // as a plain file: Spark would unpack an archive for every session anew, on every machine
    const full = `files/${name}.zip`;
    if (!this.#depot.has({ name: full })) {
      const bytes = await once(archives, name, () => keptArchive(name, make));
      await this.#send({ name: full, bytes, isCached: false });
    }
    return name;
  }

  #send(artifact: Artifact): Promise<void> {
    if (this.#depot.has(artifact)) return Promise.resolve();
    return once(this.#sent, artifact.name, async () => {
      await upload(this.#client, [artifact]);
      this.#depot.keep(artifact);
    });
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
