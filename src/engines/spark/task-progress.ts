/** @file Progress of a query's tasks, told several times a second at most. */

import type { ProgressListener } from "../../data/engine.js";
import type { Response } from "./execute.js";

const interval = 100;

export class TaskProgress {
  readonly #report: ProgressListener;
  #lastTime = 0;
  #done = 0;
  #total = 0;

  constructor(report: ProgressListener) {
    this.#report = report;
  }

  hear(response: Response): void {
    if (response.case !== "executionProgress") return;
    const { stages } = response.value;
    this.#done = stages.reduce((sum, { numCompletedTasks }) => sum + Number(numCompletedTasks), 0);
    this.#total = stages.reduce((sum, { numTasks }) => sum + Number(numTasks), 0);
    const now = performance.now();
    if (now - this.#lastTime < interval) return;
    this.#lastTime = now;
    this.#report({ task: "Spark", done: this.#done, total: this.#total, unit: "tasks" });
  }

  finish(): void {
    if (this.#total === 0) return;
    this.#report({ task: "Spark", done: this.#total, total: this.#total, unit: "tasks", finished: true });
  }
}
