import { spawnSync } from "node:child_process";
import { describe, expect, test } from "vitest";
import { deepRun, type Kind } from "../../test/deep-training.js";
import type { Tensor } from "../tensor/tensor.js";

const kinds: readonly Kind[] = ["dense", "convolutions", "recurrent"];

function expectSame(a: ReadonlyMap<string, Tensor>, b: ReadonlyMap<string, Tensor>): void {
  expect([...b.keys()]).toEqual([...a.keys()]);
  for (const [name, { data }] of a) {
    const other = b.get(name)!.data as Float32Array;
    for (const [i, value] of (data as Float32Array).entries()) expect(value).toBeCloseTo(other[i]!, 5);
  }
}

describe("results of layers that are computed again", () => {
  test.each(kinds)("give the same weights: %s", async (kind) => {
    const small = { rows: 24, batchSize: 12, layers: 5 };
    const kept = await deepRun(kind, { ...small });
    expectSame(kept.weights, (await deepRun(kind, { ...small, recompute: true })).weights);
  });

  test("give the same weights where gradients are accumulated", async () => {
    const small = { rows: 24, batchSize: 6, layers: 5, accumulated: 2 };
    const kept = await deepRun("dense", small);
    expectSame(kept.weights, (await deepRun("dense", { ...small, recompute: true })).weights);
  });

  test("take less memory", { timeout: 120_000 }, () => {
    const program = new URL("../../test/deep-training.js", import.meta.url).pathname;
    const peak = (recompute: boolean) => Number(spawnSync(process.execPath, [program, String(recompute)]).stdout);
    // by the estimate 130 and 45 MiB of tensors
    expect(peak(true)).toBeLessThan(peak(false) - 40);
  });

  test("a step for which there is too little memory is refused, with its largest tensor", async () => {
    const large = { rows: 8192, batchSize: 8192, layers: 4, memoryLimit: 10 * 2 ** 20 };
    await expect(deepRun("dense", large)).rejects.toThrow(
      /^test: a step on 8192 rows takes about [\d.]+ MB, and 10.5 MB are free; its largest tensor is "[^"]+" with [\d.]+ MB; set recompute: true or a smaller batchSize$/,
    );
  });
});
