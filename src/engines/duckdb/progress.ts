/** @file Progress of rows through a chain, told several times a second at most. */

import type { ProgressListener } from "../../data/engine.js";

const interval = 100;

export class RowProgress {
  readonly #task: string;
  readonly #total: number | undefined;
  readonly #report: ProgressListener;
  #done = 0;
  #lastTime = 0;

  constructor(task: string, total: number | undefined, report: ProgressListener) {
    this.#task = task;
    this.#total = total;
    this.#report = report;
    this.#tell({});
  }

  add(rows: number): void {
    this.#done += rows;
    const now = performance.now();
    if (now - this.#lastTime < interval) return;
    this.#lastTime = now;
    this.#tell({});
  }

  finish(): void {
    this.#tell({ finished: true });
  }

  #tell(more: { readonly finished?: boolean }): void {
    this.#report({ task: this.#task, done: this.#done, total: this.#total, unit: "rows", ...more });
  }
}
