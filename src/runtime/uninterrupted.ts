/** @file Native calls in pool threads, guarded against the thread being ended meanwhile. */

import { EngineError } from "../errors.js";
import { currentPoolThread } from "./context.js";

/**
 * Runs a synchronous native call. Ending a thread, or the process, inside one aborts the whole process with some
 * libraries (ONNX Runtime, libjpeg-turbo); the pool waits for calls made through here. Costs nothing elsewhere.
 *
 * @throws EngineError when the thread is being ended.
 * @example const { data } = uninterrupted(() => decoder.decodeSync(bytes));
 */
export function uninterrupted<T>(call: () => T): T {
  const leave = enter();
  try {
    return call();
  } finally {
    leave();
  }
}

/** The same for a native call that begins at once or a little later, and for which a promise stands. */
export async function uninterruptedAsync<T>(call: () => Promise<T>): Promise<T> {
  const leave = enter();
  try {
    return await call();
  } finally {
    leave();
  }
}

function enter(): () => void {
  const gate = currentPoolThread()?.gate;
  if (!gate) return () => {};
  if (!gate.enter()) throw new EngineError("Pool", "closed; its tasks were not finished", { code: "POOL_CLOSED" });
  return () => gate.leave();
}
