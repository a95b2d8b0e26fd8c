/** @file run: a graph evaluated once, in the pool; its session is kept for the next time. */

import type { Tensor } from "../tensor/tensor.js";
import { unlessAborted } from "../util/unless-aborted.js";
import { type ModelSource, resolveModel, type WireModel } from "./model-source.js";
import { type OperatorTime, profileModel } from "./profile.js";
import { openModel, type Session, type SessionOptions, type SessionRunOptions } from "./session.js";
import type { Tensors } from "./values.js";

export interface RunOptions extends SessionOptions, SessionRunOptions {
  /** Called with the time spent per operator; the graph is then run twice, and the second run is measured. */
  readonly profile?: ((operators: readonly OperatorTime[]) => void) | undefined;
}

/** Sessions kept, the one used longest ago is closed first. */
const kept = 16;

/** In the order of use. */
const sessions = new Map<string, Promise<Session>>();

/**
 * Evaluates a graph in a worker thread, so the main thread is never blocked. The session is cached by content.
 *
 * @param graph a graph, the bytes of a model (not to be changed afterwards), or the path of one
 * @param feeds one tensor per input
 * @returns the outputs, or those named in `fetches`
 * @throws GraphError for names that are not the graph's, with its real inputs; ShapeError for a dtype or shape that does
 * not fit; EngineError for a device that is not there; the signal's reason when it aborts. ONNX Runtime cannot stop a
 * run that has begun: the caller is freed at once, the thread goes on, and is replaced when that takes over 5 s.
 * @example
 * const { y } = await run(graph, { x: new Tensor("float32", new Float32Array([1, 2]), [1, 2]) });
 */
export async function run(
  graph: ModelSource,
  feeds: Tensors,
  { profile, ...options }: RunOptions = {},
): Promise<Record<string, Tensor>> {
  options.signal?.throwIfAborted();
  if (profile) {
    const { operators, results } = await profileModel(await resolveModel(graph), feeds, options);
    profile(operators);
    return results;
  }
  // a model goes on loading when its caller gives up: the next one may want it
  const session = await unlessAborted(
    resolveModel(graph).then((model) => cached(model, options)),
    options.signal,
  );
  return session.run(feeds, options);
}

function cached(model: WireModel, { name, device, threads, fixedShapes }: SessionOptions): Promise<Session> {
  const key = JSON.stringify([model.key, name, device, threads, fixedShapes]);
  let session = sessions.get(key);
  sessions.delete(key);
  if (!session) {
    session = openModel(model, {
      ...(name !== undefined && { name }),
      ...(device !== undefined && { device }),
      ...(threads !== undefined && { threads }),
      ...(fixedShapes !== undefined && { fixedShapes }),
    });
    session.catch(() => sessions.delete(key));
  }
  sessions.set(key, session);
  const oldest = sessions.size > kept ? sessions.entries().next().value : undefined;
  if (oldest) {
    sessions.delete(oldest[0]);
    oldest[1].then((unused) => unused.close()).catch(() => {});
  }
  return session;
}
