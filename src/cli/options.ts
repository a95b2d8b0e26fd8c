/** @file Options that several commands have, and how their values are read. */

import { existsSync } from "node:fs";
import { InvalidArgumentError, Option } from "commander";
import { DataError } from "../errors.js";

export const engineOption = (): Option =>
  new Option(
    "--engine <url>",
    "where to compute: duckdb: (this process), duckdb:/path/file.db, sc://host:15002",
  ).default("duckdb:");

export const seedOption = (): Option =>
  new Option("--seed <number>", "seed of the random split").default(7).argParser(wholeNumber);

export const overwriteOption = (): Option =>
  new Option("--overwrite", "replace what is at the output path").default(false);

export function wholeNumber(text: string): number {
  if (!/^\d+$/.test(text)) throw new InvalidArgumentError("Expected a whole number.");
  return Number(text);
}

export function fraction(text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !(value > 0 && value < 1)) {
    throw new InvalidArgumentError("Expected a fraction between 0 and 1, as in 0.2.");
  }
  return value;
}

/** @throws DataError where an output path is taken: better before an hour of work than after. */
export function requireFree(path: string, overwrite: boolean): void {
  if (overwrite || !existsSync(path)) return;
  throw new DataError("deepframe", `"${path}" is there already; choose another path or add --overwrite`, {
    code: "EXISTS",
    path,
  });
}
