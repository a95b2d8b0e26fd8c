/** @file What a pooled session has its threads do. */

import type { ThreadContext } from "./context.js";
import { openDirect } from "./direct.js";
import type { WireModel } from "./model-source.js";
import type { Session, SessionOptions } from "./session.js";
import { packTensors, unpackTensors, type WireTensors } from "./values.js";

interface Model {
  /** Of the pooled session's model and options. */
  readonly key: string;
  readonly model: WireModel;
  readonly options: SessionOptions;
}

/** Open in this thread on behalf of pooled sessions; a key stays until `release`. */
const held = new Map<string, Promise<Session>>();

export type Description = Pick<Session, "inputs" | "outputs" | "device">;

export async function open(message: Model): Promise<Description> {
  const { inputs, outputs, device } = await hold(message);
  return { inputs, outputs, device };
}

export interface RunMessage extends Model {
  readonly feeds: WireTensors;
  readonly fetches: readonly string[] | undefined;
}

export async function run(message: RunMessage, { signal, transfer }: ThreadContext): Promise<WireTensors> {
  const session = await hold(message);
  const results = await session.run(unpackTensors(message.feeds), { fetches: message.fetches, signal });
  const packed = packTensors(results, true);
  transfer(...packed.transfer);
  return packed.wire;
}

export async function release(key: string): Promise<void> {
  const session = held.get(key);
  held.delete(key);
  await (await session)?.close();
}

function hold({ key, model, options }: Model): Promise<Session> {
  let session = held.get(key);
  if (!session) {
    session = openDirect(model, options);
    held.set(key, session);
    session.catch(() => held.delete(key));
  }
  return session;
}
