/** @file What programs without types may hand to a DataFrame's methods by mistake, told at once and by name. */

import { didYouMean, listNames, ParamError, type Who } from "../errors.js";

/** What a value is, for messages. */
export function describe(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (typeof value === "function") return "a function";
  if (typeof value === "bigint" || typeof value === "number") return `${typeof value} ${value}`;
  if (typeof value !== "object") return `${typeof value} ${JSON.stringify(value) ?? String(value)}`;
  if (value instanceof Date && Number.isNaN(value.getTime())) return "an invalid Date";
  return value.constructor?.name ?? "object";
}

/** @throws ParamError unless the value is a text with something in it. */
export function expectText(value: unknown, who: Who, what: string): asserts value is string {
  if (typeof value === "string" && value.trim() !== "") return;
  throw new ParamError(who, `${what} must be a text that is not empty, got ${describe(value)}`);
}

/** @throws ParamError unless the value is a whole number from `least`. */
export function expectCount(value: unknown, who: Who, what: string, least = 0): asserts value is number {
  if (Number.isInteger(value) && (value as number) >= least) return;
  const got = typeof value === "number" ? value : describe(value);
  throw new ParamError(who, `${what} must be a whole number of at least ${least}, got ${got}`);
}

/** @throws ParamError unless the value is an object of these options: `{ seed: 7 }`, where Spark takes a bare `7`. */
export function expectOptions(value: unknown, who: Who, names: readonly string[]): void {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new ParamError(who, `options must be an object, as in { ${names[0]}: … }, got ${describe(value)}`);
  }
  const unknown = Object.keys(value).find((name) => !names.includes(name));
  if (unknown === undefined) return;
  const hint = didYouMean(unknown, names);
  throw new ParamError(who, `unknown option "${unknown}"; there are ${listNames(names)}${hint}`);
}

/** @throws ParamError for anything that is no AbortSignal; undefined is none. */
export function expectSignal(value: unknown, who: Who): asserts value is AbortSignal | undefined {
  if (value === undefined || value instanceof AbortSignal) return;
  const mend = value instanceof AbortController ? "; give its .signal" : "";
  throw new ParamError(who, `signal must be an AbortSignal, got ${describe(value)}${mend}`, { param: "signal" });
}
