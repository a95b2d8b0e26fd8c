/** @file Sessions inside a pool thread: they run here, and equal ones share one loaded model. */

import { GraphError } from "../errors.js";
import { currentPoolThread } from "./context.js";
import { type Loaded, loadModel, runModel } from "./loaded.js";
import type { WireModel } from "./model-source.js";
import type { Session, SessionOptions } from "./session.js";

interface Slot {
  readonly loaded: Promise<Loaded>;
  users: number;
}

/** Loaded models nobody uses any more that a thread keeps, because the next task may want them again. */
const keptUnused = 4;

/** In the order of use. */
const slots = new Map<string, Slot>();

/** Opens a session that runs in this thread. */
export async function openDirect(model: WireModel, options: SessionOptions = {}): Promise<Session> {
  const { name = model.name, device = "cpu", threads = currentPoolThread()?.intraOpThreads ?? 1 } = options;
  const { fixedShapes = false } = options;
  const key = `${model.key} ${device} ${threads} ${fixedShapes}`;
  const slot = slots.get(key) ?? { loaded: loadModel(model, { name, device, threads, fixedShapes }), users: 0 };
  slots.delete(key);
  slots.set(key, slot);
  slot.users++;
  let loaded: Loaded;
  try {
    loaded = await slot.loaded;
  } catch (error) {
    if (slots.get(key) === slot) slots.delete(key);
    throw error;
  }
  let closed = false;
  return {
    name,
    inputs: loaded.inputs,
    outputs: loaded.outputs,
    device: loaded.device,

    async run(feeds, { fetches, signal } = {}) {
      signal?.throwIfAborted();
      if (closed) throw new GraphError(name, "the session is closed");
      slot.users++;
      try {
        return await runModel(name, loaded, feeds, fetches);
      } finally {
        await leave(slot);
      }
    },

    async close() {
      if (closed) return;
      closed = true;
      await leave(slot);
    },
  };
}

async function leave(slot: Slot): Promise<void> {
  if (--slot.users > 0) return;
  const unused = [...slots].filter(([, { users }]) => users === 0);
  for (const [key, { loaded }] of unused.slice(0, Math.max(0, unused.length - keptUnused))) {
    slots.delete(key);
    await (await loaded).session.release();
  }
}
