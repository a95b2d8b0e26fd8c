/** @file Messages between a pool and its threads. */

import type { WireError } from "./wire-error.js";

/** A thread's workerData. */
export interface ThreadData {
  readonly index: number;
  readonly poolSize: number;
  readonly intraOpThreads: number;
  readonly gate: SharedArrayBuffer;
}

export type ToThread =
  | {
      readonly kind: "task";
      readonly id: number;
      readonly module: string;
      readonly exported: string;
      readonly message: unknown;
    }
  | { readonly kind: "abort"; readonly id: number }
  | { readonly kind: "exit" };

export type ToMain =
  | { readonly kind: "result"; readonly id: number; readonly value: unknown }
  | { readonly kind: "error"; readonly id: number; readonly error: WireError }
  | { readonly kind: "log"; readonly text: string }
  | { readonly kind: "warning"; readonly message: string };
