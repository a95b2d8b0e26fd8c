/** @file What a server is, found out when a session opens. */

import { EngineError } from "../../errors.js";
import type { Client } from "./client.js";

export interface Server {
  /** As in `4.3.0`. */
  readonly version: string;
  readonly major: number;
  readonly minor: number;
  /** How often a task is tried before its job fails. */
  readonly attempts: number;
}

export function isAtLeast(server: Server, major: number, minor: number): boolean {
  return server.major > major || (server.major === major && server.minor >= minor);
}

/** Settings of our sessions: what both engines' results agree on. */
const settings = {
  "spark.sql.session.timeZone": "UTC",
  // wrong casts and overflows are errors, as on the embedded engine
  "spark.sql.ansi.enabled": "true",
  // rows go to executors' workers in batches; ten thousand pictures would be one otherwise (Spark 4.1 and later)
  "spark.sql.execution.arrow.maxBytesPerBatch": String(8 << 20),
};

/** @throws EngineError where the server cannot be reached within `window` milliseconds, or is too old. */
export async function probe(client: Client, window: number, signal?: AbortSignal): Promise<Server> {
  const version = await client.version(window, signal);
  const [major = 0, minor = 0] = version.split(".").map(Number);
  if (major < 4) {
    const message = `the server at ${client.connection.address} runs Spark ${version}; deepframe needs 4.0 or later`;
    throw new EngineError("Session.open", message, { code: "TOO_OLD", version });
  }
  await client.setConfig(settings);
  const [master = "", failures = "4"] = await client.config("spark.master", "spark.task.maxFailures");
  // within one process Spark tries a task once, unless the master says otherwise: local[cores,tries]
  const tries = /^local(\[[^,]*,\s*(\d+)\])?/.exec(master.startsWith("local-cluster") ? "" : master);
  return { version, major, minor, attempts: tries === null ? Number(failures) : Number(tries[2] ?? 1) };
}
