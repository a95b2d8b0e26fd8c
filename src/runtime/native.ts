/** @file The one importer of onnxruntime-node, for code in pool threads. */

import { EngineError, internal } from "../errors.js";
import { currentPoolThread } from "./context.js";

type Ort = typeof import("onnxruntime-node");

let loaded: Promise<Ort> | undefined;

/** ONNX Runtime. Loaded late: threads that only decode pictures do not need its 45 MB. */
export function native(): Promise<Ort> {
  loaded ??= load();
  return loaded;
}

/** Runs native work behind the thread's gate, so that nobody ends the thread meanwhile (see gate.ts). */
export async function guarded<T>(work: () => Promise<T>): Promise<T> {
  const gate = currentPoolThread()?.gate;
  if (!gate) throw internal("ONNX Runtime called outside a pool thread");
  if (!gate.enter()) throw new EngineError("Pool", "closed; its tasks were not finished", { code: "POOL_CLOSED" });
  try {
    return await work();
  } finally {
    gate.leave();
  }
}

async function load(): Promise<Ort> {
  const ort = await import("onnxruntime-node");
  // What is worth knowing comes as an error; the runtime's own log would go to stderr as well
  ort.env.logLevel = "fatal";
  return ort;
}
