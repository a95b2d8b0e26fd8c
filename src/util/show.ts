/** @file Values as messages tell them. */

/** Whether a value is an object such as `{ lr: 0.1 }`. */
export function isPlain(value: unknown): value is object {
  return typeof value === "object" && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}

/** A value as messages tell it: functions by their names, long ones cut. */
export function show(value: unknown): string {
  if (typeof value === "number" || typeof value === "bigint") return String(value);
  if (typeof value === "function") return value.name === "" ? "a function" : `the function ${value.name}`;
  if (Array.isArray(value) && value.some((each) => typeof each === "function")) {
    return `[${value.map(show).join(", ")}]`;
  }
  if (typeof value === "object" && value !== null && !Array.isArray(value) && value.constructor !== Object) {
    return `a ${value.constructor?.name ?? "object"}`;
  }
  const json = JSON.stringify(value) ?? String(value);
  return json.length > 80 ? `${json.slice(0, 77)}...` : json;
}
