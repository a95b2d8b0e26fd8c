/** @file Reads the model that a command names: here, or through the engine where it was saved so. */

import { existsSync } from "node:fs";
import { join } from "node:path";
import { load, Session, type Transformer } from "../index.js";
import { isElsewhere, jsonName } from "../pipeline/save.js";

/**
 * Whether a model's path is one for the engine: in another file system, unknown to this process but perhaps not to a
 * cluster's, or written by `save(path, { session })`.
 */
export function isForEngine(path: string, engine: string): boolean {
  if (isElsewhere(path)) return true;
  return existsSync(path) ? !existsSync(join(path, jsonName)) : !/^duckdb:/i.test(engine);
}

export async function readModel(path: string, engine: string): Promise<Transformer> {
  if (!isForEngine(path, engine)) return await load(path);
  await using session = await Session.open(engine);
  return await load(path, { session });
}
