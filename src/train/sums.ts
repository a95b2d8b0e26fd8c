/** @file Sums of what batches report, and the logs they give. */

import type { Logs } from "./callback.js";
import type { Problem } from "./problem.js";

/** Adds up the numbers of batches: losses weighted by their batches, metrics as their own sums. */
export class Sums {
  readonly #problem: Problem;
  readonly #sums: Float64Array;

  /** @param start sums of a run that goes on */
  constructor(problem: Problem, width: number, start: readonly number[] = []) {
    this.#problem = problem;
    this.#sums = new Float64Array(width);
    this.#sums.set(start);
  }

  add(stats: Float32Array): void {
    const weight = stats[1]!;
    const losses = this.#lossCount;
    this.#sums[0]! += stats[0]! * weight;
    this.#sums[1]! += weight;
    for (let i = 2; i < stats.length; i++) this.#sums[i]! += i < 2 + losses ? stats[i]! * weight : stats[i]!;
  }

  toJSON(): number[] {
    return [...this.#sums];
  }

  /** `loss`, and the metrics by their names; after the output's name where there are several. */
  logs(prefix = ""): Logs {
    const { heads } = this.#problem;
    const weight = this.#sums[1]!;
    const found: Record<string, number> = { [`${prefix}loss`]: this.#sums[0]! / weight };
    heads.slice(0, this.#lossCount).forEach(({ output }, i) => {
      found[`${prefix}${output}_loss`] = this.#sums[2 + i]! / weight;
    });
    let at = 2 + this.#lossCount;
    for (const { output, metrics } of heads) {
      for (const metric of metrics) {
        const name = heads.length > 1 ? `${output}_${metric.name}` : metric.name;
        found[`${prefix}${name}`] = metric.result(this.#sums.slice(at, at + metric.size));
        at += metric.size;
      }
    }
    return found;
  }

  get #lossCount(): number {
    return this.#problem.heads.length > 1 ? this.#problem.heads.length : 0;
  }
}
