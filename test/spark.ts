/** @file The Spark server that tests share; see test/spark-setup.js. */

import { inject } from "vitest";

declare module "vitest" {
  interface ProvidedContext {
    spark: { readonly door: string; readonly whyNot?: string };
  }
}

// Spark may copy a session while another process adds a file to it, and the copy lacks the file: of the two processes that run
// tests at a time, each has sessions of its own to copy
process.env.SPARK_USER ??= `tests-${process.env.VITEST_POOL_ID}`;

const { door, whyNot } = inject("spark");

/** Why the tests on Spark are skipped here; undefined where they run. */
export const noSpark: string | undefined = whyNot;

/** The server's URL; the first call of a run starts it, which takes half a minute, and installs it where it must. */
export async function sparkUrl(): Promise<string> {
  const response = await fetch(door);
  const text = await response.text();
  if (!response.ok) throw new Error(text);
  return text;
}
