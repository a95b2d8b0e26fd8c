/** @file isAbort: whether something was thrown because a signal was aborted. */

export function isAbort(error: unknown, signal: AbortSignal | undefined): boolean {
  return signal?.aborted === true && error === signal.reason;
}
