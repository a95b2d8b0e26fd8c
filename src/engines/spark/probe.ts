/** @file What a server is, found out when a session opens. */

import { EngineError } from "../../errors.js";
import type { Client } from "./client.js";

export interface Server {
  /** As in `4.3.0`. */
  readonly version: string;
  readonly major: number;
  readonly minor: number;
}

/** Settings of our sessions: what both engines' results agree on. */
const settings = {
  "spark.sql.session.timeZone": "UTC",
  // wrong casts and overflows are errors, as on the embedded engine
  "spark.sql.ansi.enabled": "true",
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
  return { version, major, minor };
}
