/** @file What executors have: Python, pyarrow, node. Asked of the first that runs a task. */

import { Schema } from "../../../data/schema.js";
import { EngineError, messageOf } from "../../../errors.js";
import { type Relation, sqlOver } from "../compile.js";
import { schemaToJson, schemaToProto } from "../types.js";
import { mapRelation } from "./map-relation.js";
import type { Platform } from "./packages.js";

export interface Executors {
  /** As in `3.11`. */
  readonly python: string;
  readonly platform: Platform;
  /** Path of a node that is new enough, where there is one. */
  readonly node: string | undefined;
}

/** Runs a relation and gives the first value of its first row. */
export type ExecutorsProbe = (relation: Relation, signal: AbortSignal) => Promise<unknown>;

const schema = Schema.of({ info: "string" });
const cpus: Readonly<Record<string, string>> = { x86_64: "x64", amd64: "x64", aarch64: "arm64", arm64: "arm64" };

/** @throws EngineError where something that we need is missing on the executors; the signal's reason when it aborts. */
export async function probeExecutors(shim: string, run: ExecutorsProbe, signal: AbortSignal): Promise<Executors> {
  const ask = (python: string) => {
    const map = {
      shim,
      python,
      columns: ["one"],
      config: '{"probe":true}',
      schemaJson: schemaToJson(schema),
      schema: schemaToProto(schema),
    };
    return run(
      mapRelation(
        sqlOver([], () => "SELECT 1 AS one"),
        { ...map, name: "deepframe probe" },
      ),
      signal,
    );
  };
  let answer: unknown;
  try {
    // Python workers refuse functions of another version, and say which is theirs
    answer = await ask("3.11").catch((error) => {
      const theirs = /in worker has different version: (\d+\.\d+)/.exec(messageOf(error))?.[1];
      if (theirs === undefined || theirs === "3.11") throw error;
      return ask(theirs);
    });
  } catch (cause) {
    signal.throwIfAborted();
    const reason = messageOf(cause);
    const old = /PyArrow >= (\S+) must be installed; however, your version is (\S+?)\.?(?:\s|$)/.exec(reason);
    if (old !== null) {
      const message = `Python on the executors has pyarrow ${old[2]}, but Spark needs ${old[1]} or later; update it on every node`;
      throw new EngineError("Spark", message, { code: "TOO_OLD", cause });
    }
    const missing = /No module named '(\w+)'|PACKAGE_NOT_INSTALLED\] (\w+)/.exec(reason);
    if (missing === null) throw cause;
    const message = `Python on the executors lacks ${missing[1] ?? missing[2]}, which stages need there; install it on every node`;
    throw new EngineError("Spark", message, { code: "NO_PYTHON_PACKAGE", cause });
  }
  const info = JSON.parse(String(answer)) as Record<"python" | "platform" | "machine", string> & {
    readonly node: string | null;
    readonly nodeVersion: string | null;
  };
  const [major = 0, minor = 0] = (info.nodeVersion ?? "").split(".").map(Number);
  const isNew = major > 20 || (major === 20 && minor >= 20);
  return {
    python: info.python,
    platform: { os: info.platform, cpu: cpus[info.machine.toLowerCase()] ?? info.machine },
    node: isNew && info.node !== null ? info.node : undefined,
  };
}
