/** @file How long the main thread kept its event loop waiting, beside a thread that does nothing else. */

import { availableParallelism, loadavg } from "node:os";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { Worker } from "node:worker_threads";

export interface LoopDelay {
  /** Longest delay of the main thread's event loop, in milliseconds. */
  readonly main: number;
  /** The same of an idle thread: what the machine took for others. */
  readonly idle: number;
}

const idleThread = `
  const { monitorEventLoopDelay } = require("node:perf_hooks");
  const { parentPort } = require("node:worker_threads");
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  parentPort.once("message", () => parentPort.postMessage(delay.max / 1e6));
  parentPort.postMessage(0);`;

/** Measures while `work` goes on. */
export async function loopDelay(work: () => Promise<void>): Promise<LoopDelay> {
  const worker = new Worker(idleThread, { eval: true });
  await new Promise((resolve) => worker.once("message", resolve));
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  await work();
  delay.disable();
  const idle = new Promise<number>((resolve) => worker.once("message", resolve));
  worker.postMessage("stop");
  const result = { main: delay.max / 1e6, idle: await idle };
  await worker.terminate();
  return result;
}

/**
 * Runs the work until the main thread's delay stayed below `limit` milliseconds, not counting what an idle thread saw
 * at the same time; at most ten times, since others may share the machine.
 *
 * @returns the delays of the last run; `busy` says why they tell nothing, where too much else was running
 */
export async function quietLoop(
  limit: number,
  work: () => Promise<void>,
): Promise<LoopDelay & { readonly quiet: boolean; readonly busy?: string }> {
  let last: LoopDelay = { main: 0, idle: 0 };
  for (let run = 0; run < 10; run++) {
    last = await loopDelay(work);
    if (last.main < limit + last.idle) return { ...last, quiet: true };
  }
  const load = loadavg()[0] ?? 0;
  if (load <= 3 * availableParallelism()) return { ...last, quiet: false };
  return { ...last, quiet: false, busy: `the machine is too busy to tell: a load of ${load.toFixed(1)}` };
}
