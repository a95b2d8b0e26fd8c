/** @file The blocks that a worker on an executor keeps between the passes of a fit. */

import { bytesOf, type Matrices } from "./block.js";

interface Kept {
  readonly block: Matrices;
  used: number;
}

/** Bytes that one worker keeps at most. */
const budget = 256 * 2 ** 20;
/** Milliseconds after which a block that no pass has used is dropped: its fit has ended. */
const idle = 120_000;

const kept = new Map<string, Kept>();
let bytes = 0;
let sweep: NodeJS.Timeout | undefined;

/** Keeps a block where there is room; what is kept already stays, since every pass asks for all blocks in turn. */
export function keepBlock(id: string, block: Matrices): void {
  if (kept.has(id) || bytes + bytesOf(block) > budget) return;
  kept.set(id, { block, used: Date.now() });
  bytes += bytesOf(block);
  sweep ??= setInterval(dropIdle, idle / 4).unref();
}

export function keptBlock(id: string): Matrices | undefined {
  const found = kept.get(id);
  if (found !== undefined) found.used = Date.now();
  return found?.block;
}

function dropIdle(): void {
  for (const [id, { block, used }] of kept) {
    if (Date.now() - used < idle) continue;
    kept.delete(id);
    bytes -= bytesOf(block);
  }
  if (kept.size > 0) return;
  clearInterval(sweep);
  sweep = undefined;
}
