/** @file The pool's side of profiling: ONNX Runtime writes a profile file, which is read and summed up here. */

import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import type { ThreadContext } from "./context.js";
import { type LoadOptions, loadModel, runModel } from "./loaded.js";
import type { WireModel } from "./model-source.js";
import type { OperatorTime } from "./profile.js";
import { uninterruptedAsync } from "./uninterrupted.js";
import { packTensors, unpackTensors, type WireTensors } from "./values.js";

export interface ProfileMessage {
  readonly model: WireModel;
  readonly options: LoadOptions;
  readonly feeds: WireTensors;
  readonly fetches: readonly string[] | undefined;
}

export interface Profile {
  readonly operators: OperatorTime[];
  readonly results: WireTensors;
}

/** The parts of an event that are read here; times are in microseconds. */
interface ProfileEvent {
  readonly cat: string;
  readonly name: string;
  readonly ts: number;
  readonly dur: number;
  readonly args?: { readonly op_name?: string };
}

export async function profile(message: ProfileMessage, { transfer }: ThreadContext): Promise<Profile> {
  const { model, options, fetches } = message;
  const feeds = unpackTensors(message.feeds);
  const folder = await mkdtemp(join(tmpdir(), "deepframe-profile-"));
  try {
    const loaded = await loadModel(model, { ...options, profile: join(folder, "run") });
    try {
      // The first run allocates and prepares; it would hide what later runs cost
      await runModel(options.name, loaded, feeds, fetches);
      const packed = packTensors(await runModel(options.name, loaded, feeds, fetches), true);
      await uninterruptedAsync(async () => loaded.session.endProfiling());
      const [file = ""] = await readdir(folder);
      const events = JSON.parse(await readFile(join(folder, file), "utf8")) as ProfileEvent[];
      transfer(...packed.transfer);
      return { operators: sumUp(events), results: packed.wire };
    } finally {
      await loaded.session.release();
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function sumUp(events: readonly ProfileEvent[]): OperatorTime[] {
  const start = Math.max(...events.filter(({ name }) => name === "model_run").map(({ ts }) => ts));
  const operators = new Map<string, OperatorTime>();
  for (const { cat, name, ts, dur, args } of events) {
    if (cat !== "Node" || ts < start || !name.endsWith("_kernel_time")) continue;
    const node = name.slice(0, -"_kernel_time".length);
    const { microseconds, calls } = operators.get(node) ?? { microseconds: 0, calls: 0 };
    operators.set(node, { op: args?.op_name ?? "", node, microseconds: microseconds + dur, calls: calls + 1 });
  }
  return [...operators.values()].sort((a, b) => b.microseconds - a.microseconds);
}
