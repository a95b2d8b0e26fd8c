/** @file Sessions outside the pool's threads: each run is a task of the pool, on a thread that has the model loaded. */

import { availableParallelism } from "node:os";

import { GraphError } from "../errors.js";
import type { WireModel } from "./model-source.js";
import type { Session, SessionOptions } from "./session.js";
import type { Description, RunMessage } from "./session-tasks.js";
import { sharedPool } from "./shared-pool.js";
import type { Task } from "./task.js";
import { bytesOf, checkFeeds, checkFetches, packTensors, unpackTensors, type WireTensors } from "./values.js";

const module = new URL("./session-tasks.js", import.meta.url);

/** A larger model is loaded into one thread only; a smaller one into others too when the first is busy. */
const smallEnough = 64 * 2 ** 20;

/** Open sessions per key: the last one closed has the threads let go of the model. */
const users = new Map<string, number>();

export async function openPooled(model: WireModel, given: SessionOptions): Promise<Session> {
  const { name = model.name, device = "cpu", threads = availableParallelism(), fixedShapes = false } = given;
  const options = { name, device, threads, fixedShapes };
  const key = `session ${model.key} ${device} ${threads} ${fixedShapes}`;
  const loaded = { key, model, options };
  // More would fight for cores: two sessions of two threads on two cores take turns at half the speed
  const replicas = model.size <= smallEnough ? Math.max(1, Math.floor(availableParallelism() / threads)) : 1;
  const where: Pick<Task, "key" | "replicas"> = { key, replicas };

  const description = await sharedPool().run<Description>({ module, export: "open", message: loaded, ...where });
  const { inputs, outputs } = description;
  users.set(key, (users.get(key) ?? 0) + 1);
  const active = new Set<Promise<unknown>>();
  let closed = false;

  return {
    name,
    ...description,

    async run(feeds, { fetches, signal, transfer: give = false } = {}) {
      if (closed) throw new GraphError(name, "the session is closed");
      checkFeeds(name, inputs, feeds);
      if (fetches) checkFetches(name, outputs, fetches);
      const { wire, transfer } = packTensors(feeds, give);
      const message: RunMessage = { ...loaded, feeds: wire, fetches };
      const task = { module, export: "run", message, transfer, bytes: bytesOf(feeds), ...where };
      const answer = sharedPool().run<WireTensors>(task, { signal });
      active.add(answer);
      try {
        return unpackTensors(await answer);
      } finally {
        active.delete(answer);
      }
    },

    async close() {
      if (closed) return;
      closed = true;
      await Promise.allSettled(active);
      const left = (users.get(key) ?? 1) - 1;
      if (left > 0) users.set(key, left);
      else {
        users.delete(key);
        sharedPool().forget(key, { module, export: "release", message: key });
      }
    },
  };
}
