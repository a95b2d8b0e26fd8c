/** @file The process's one pool of worker threads: made when first asked for, with limits that can be set before. */

import { EngineError } from "../errors.js";
import { Pool, type PoolOptions } from "./pool.js";

let shared: Pool | undefined;
let sharedOptions: PoolOptions = {};

/** The process's one pool, made when first asked for. */
export function sharedPool(): Pool {
  shared ??= new Pool(sharedOptions);
  return shared;
}

/**
 * Sets the limits of the process's pool; call it before the first use.
 *
 * @throws EngineError when the pool is there already.
 * @example configurePool({ size: 4, maxBytes: 512 * 2 ** 20 });
 */
export function configurePool(options: PoolOptions): void {
  if (shared) throw new EngineError("configurePool", "the pool is running already; call this before any other work");
  sharedOptions = options;
}

/** Ends the process's pool; the next use starts a new one. */
export async function closePool(): Promise<void> {
  const pool = shared;
  shared = undefined;
  await pool?.close();
}
