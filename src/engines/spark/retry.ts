/** @file Repeating calls that failed for a while only: backoff with jitter, as Spark's own clients do. */

import { setTimeout as sleep } from "node:timers/promises";
import { CallError, status } from "./channel.js";
import { detailsOf } from "./status.js";

/** How long to go on. */
export interface RetryPolicy {
  /** Milliseconds of the first wait; each is four times the one before. */
  readonly firstWait: number;
  readonly longestWait: number;
  /** Milliseconds after which the last error is given out. */
  readonly window: number;
}

/** Ten minutes, as in Spark's clients. */
export const defaultPolicy: RetryPolicy = { firstWait: 50, longestWait: 30_000, window: 600_000 };

/** Counts the waits of one operation; progress sets it back. */
export class Retries {
  readonly #policy: RetryPolicy;
  #attempts = 0;
  #since: number | undefined;

  constructor(policy: RetryPolicy) {
    this.#policy = policy;
  }

  /**
   * Waits before the next attempt.
   *
   * @param delay milliseconds to wait at least; by default what the error says
   * @throws the error itself, where it is for good or the window is over.
   */
  async wait(error: unknown, signal?: AbortSignal, delay?: number): Promise<void> {
    const asked = delay ?? retryDelay(error);
    if (asked === undefined) throw error;
    const now = performance.now();
    this.#since ??= now;
    const { firstWait, longestWait, window } = this.#policy;
    if (now - this.#since >= window) throw error;
    const backoff = Math.min(longestWait, firstWait * 4 ** this.#attempts++);
    await sleep(Math.max(asked, backoff * (0.75 + Math.random() / 2)), undefined, signal && { signal });
  }

  succeeded(): void {
    this.#attempts = 0;
    this.#since = undefined;
  }
}

/** Runs an operation that may be repeated, until it succeeds or fails for good. */
export async function retrying<T>(policy: RetryPolicy, operation: () => Promise<T>, signal?: AbortSignal): Promise<T> {
  const retries = new Retries(policy);
  for (;;) {
    try {
      return await operation();
    } catch (error) {
      await retries.wait(error, signal);
    }
  }
}

/** Milliseconds to wait at least before trying again; undefined where that would not help. */
function retryDelay(error: unknown): number | undefined {
  if (!(error instanceof CallError)) return undefined;
  const delay = detailsOf(error).retryDelay;
  if (delay !== undefined) return delay;
  if (error.status === status.UNAVAILABLE) return isTlsFailure(error) ? undefined : 0;
  // another stream of the same query took over
  const isPreempted = error.status === status.INTERNAL && error.message.includes("INVALID_CURSOR.DISCONNECTED");
  return isPreempted ? 0 : undefined;
}

/** A handshake that fails fails again: a certificate that is not trusted, a server without TLS. */
export function isTlsFailure({ message }: CallError): boolean {
  return /certificate|altnames|SSL routines|unable to (get|verify)/.test(message);
}
