/** @file Ctrl-C while queries run: their sessions are released first, so that the cluster does not work on for nobody. */

import { setTimeout as sleep } from "node:timers/promises";

/** Whatever ends the work on the cluster. */
interface Closable {
  close(): Promise<void>;
}

const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** Milliseconds that the process lives on at most. */
const grace = 5000;

/** Whether a signal has come that ends the process once the sessions are released. */
let isLeaving = false;

/** Where the process is about to end, never: a query that ended with its session is no failure to tell of. */
export async function unlessLeaving(): Promise<void> {
  if (isLeaving) await new Promise<never>(() => {});
}

/** Sessions with queries under way, and how many. */
const running = new Map<Closable, number>();

/**
 * Says that a query of the session runs, until the function it gives is called. A program that listens to these signals
 * itself is left alone: it closes its sessions as it sees fit.
 */
export function startedQuery(session: Closable): () => void {
  if (running.size === 0) for (const signal of signals) process.on(signal, leave);
  running.set(session, (running.get(session) ?? 0) + 1);
  return () => {
    const left = (running.get(session) ?? 1) - 1;
    if (left > 0) running.set(session, left);
    else running.delete(session);
    if (running.size === 0) stopListening();
  };
}

function stopListening(): void {
  for (const signal of signals) process.off(signal, leave);
}

function leave(signal: NodeJS.Signals): void {
  if (process.listenerCount(signal) > 1) return;
  isLeaving = true;
  // a second signal ends the process at once
  stopListening();
  const closed = Promise.allSettled([...running.keys()].map((session) => session.close()));
  void Promise.race([closed, sleep(grace)]).then(() => process.kill(process.pid, signal));
}
