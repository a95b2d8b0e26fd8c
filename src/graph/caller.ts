/** @file The line of the user's code that led here. */

import { fileURLToPath } from "node:url";

/** The library's own source folder; with source maps, frames lie in the one it was compiled from. */
const folder = fileURLToPath(new URL("..", import.meta.url));
const folders = [folder, folder.replace(/[\\/]\.build(?=[\\/])/, "")];

/** Frames here are skipped: what builds graphs, not what asks for them. */
const inside = /^(graph|ops|autodiff|tensor)[\\/]/;

/** `file:line` of the first frame outside graph building, or undefined. */
export function callerPosition(): string | undefined {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 40;
  const stack = new Error().stack ?? "";
  Error.stackTraceLimit = limit;
  for (const line of stack.split("\n").slice(2)) {
    const [, place = "", number] = /\(?((?:file:|\/|[A-Za-z]:\\)[^()]*?):(\d+):\d+\)?$/.exec(line) ?? [];
    if (number === undefined) continue;
    const file = place.startsWith("file:") ? fileURLToPath(place) : place;
    const base = folders.find((own) => file.startsWith(own));
    if (base !== undefined && inside.test(file.slice(base.length)) && !file.includes(".test.")) continue;
    return `${file.split(/[\\/]/).at(-1)}:${number}`;
  }
  return undefined;
}
