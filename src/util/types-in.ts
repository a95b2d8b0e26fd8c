/** @file The types that stored values name. */

/** The text of every `type` within plain data, once each; bytes are not looked into. */
export function typesIn(json: unknown, found = new Set<string>()): Set<string> {
  if (typeof json !== "object" || json === null || ArrayBuffer.isView(json)) return found;
  if ("type" in json && typeof json.type === "string") found.add(json.type);
  for (const value of Object.values(json)) typesIn(value, found);
  return found;
}
