/** @file Where the shared test data lies (`../shared/data`); tests that need it skip by name where it is absent. */

import { existsSync } from "node:fs";
import { join, resolve } from "node:path";

const folder = resolve(import.meta.dirname, "../../../shared/data");

/** Path of a file or folder of the shared data, or undefined where this machine lacks it. */
export function sharedData(name: string): string | undefined {
  const path = join(folder, name);
  return existsSync(path) ? path : undefined;
}
