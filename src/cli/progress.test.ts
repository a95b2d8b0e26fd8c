/** @file Tests of the progress bar, on a terminal and off it. */

import { expect, test } from "vitest";
import { ProgressBar } from "./progress.js";

function barOn(isTTY: boolean): { bar: ProgressBar; written: () => string } {
  let text = "";
  const write = (chunk: string | Uint8Array) => {
    text += String(chunk);
    return true;
  };
  return {
    bar: new ProgressBar({ isTTY, columns: 100, write } as ConstructorParameters<typeof ProgressBar>[0] & object),
    written: () => text,
  };
}

test("on a terminal a bar is redrawn in place and its line ended", () => {
  const { bar, written } = barOn(true);
  bar.update({ task: "read", done: 0, total: 4, unit: "rows" });
  bar.update({ task: "read", done: 1, total: 4, unit: "rows" });
  bar.update({ task: "read", done: 4, total: 4, unit: "rows", finished: true });
  expect(written()).toMatch(/^\rread {21}█{5}░{15} 1\/4 rows .*\rread {21}█{20} 4\/4 rows .*\n$/);
});

test("elsewhere a task is one plain line when it has ended", () => {
  const { bar, written } = barOn(false);
  bar.update({ task: "read", done: 1, total: undefined, unit: "rows" });
  bar.update({ task: "read", done: 1234, total: undefined, unit: "rows" });
  bar.update({ task: "fit", done: 0, total: 10, unit: "iterations" });
  bar.update({ task: "fit", done: 10, total: 10, unit: "iterations", finished: true });
  bar.end();
  const [read, fit, end] = written().split("\n");
  expect(read).toContain("1,234 rows");
  expect(fit).toContain("████████████████████ 10/10 iterations");
  expect(end).toBe("");
});

test("queries of a fit are not drawn beside its iterations", () => {
  const { bar, written } = barOn(true);
  bar.update({ task: "Spark", done: 6, total: 6, unit: "tasks", finished: true });
  for (let done = 1; done <= 3; done++) {
    bar.update({ task: "Spark", done: 1, total: 6, unit: "tasks" });
    bar.update({ task: "Spark", done: 6, total: 6, unit: "tasks", finished: true });
    bar.update({ task: "fit", done, total: 3, unit: "iterations", finished: done === 3 });
  }
  bar.update({ task: "Spark", done: 2, total: 2, unit: "tasks", finished: true });
  const lines = written().split("\n");
  expect(lines.map((line) => /(\w+) .*?█ ([\d/]+ \w+)[^\r]*$/.exec(line)?.slice(1).join(" "))).toEqual([
    "Spark 6/6 tasks",
    "Spark 6/6 tasks",
    "fit 3/3 iterations",
    "Spark 2/2 tasks",
    undefined,
  ]);
});

test("a fit that ends early shows a full bar and how far it went", () => {
  const { bar, written } = barOn(false);
  bar.update({ task: "fit", done: 1, total: 100, unit: "iterations" });
  bar.update({ task: "fit", done: 27, total: 100, unit: "iterations", finished: true });
  expect(written()).toMatch(/^fit {22}█{20} 27 iterations {2}[^l]*\n$/);
});
