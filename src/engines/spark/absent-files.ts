/** @file Files that a session lists and lacks, so that each of its tasks fails: sent again, and the query run again. */

import { EngineError } from "../../errors.js";
import type { Response } from "./execute.js";

/**
 * Runs a query; where it meets such a file before its first rows came, has the file sent and runs the query again. Spark may copy
 * a session while another process adds a file to it, and every task fetches all that its session lists, whatever it computes.
 */
export async function* sendingAbsentFiles(
  run: () => AsyncIterable<Response>,
  send: (name: string) => Promise<void>,
): AsyncGenerator<Response, void, undefined> {
  const sent = new Set<string>();
  for (;;) {
    let hasRows = false;
    try {
      for await (const response of run()) {
        hasRows ||= response.case === "arrowBatch";
        yield response;
      }
      return;
    } catch (error) {
      const name = absentFile(error);
      if (name === undefined || hasRows || sent.has(name)) throw error;
      sent.add(name);
      await send(name);
    }
  }
}

/** The artifact's name, as in `files/b.zip`; only files of ours. */
function absentFile(error: unknown): string | undefined {
  if (!(error instanceof EngineError)) return undefined;
  return /Stream '\/artifacts\/[^/']+\/((?:py)?files\/deepframe_[^/']+)' was not found/.exec(error.message)?.[1];
}
