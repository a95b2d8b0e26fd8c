/** @file The library's version. */

import { readFileSync } from "node:fs";

/** As in package.json, which lies two folders above this file in the package and three in a test build. */
export const version: string = readVersion();

function readVersion(): string {
  for (const up of ["../../package.json", "../../../package.json"]) {
    try {
      const { name, version } = JSON.parse(readFileSync(new URL(up, import.meta.url), "utf8"));
      if (name === "deepframe") return version;
    } catch {
      // not there: one more folder up
    }
  }
  return "unknown";
}
