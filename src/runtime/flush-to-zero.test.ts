import { expect, test } from "vitest";
import { flushedToZero } from "./flush-to-zero.js";

const canFlush = process.platform === "linux" && process.arch === "x64";

/** A subnormal number, computed now. */
const subnormal = () => Float64Array.of(2e-308).map((x) => x * (0.25 + Math.random() / 4))[0]!;

test.runIf(canFlush)("what underflows is 0 while anything is under way, and as ever afterwards", async () => {
  expect(subnormal()).toBeGreaterThan(0);
  let end = () => {};
  const waits = flushedToZero(() => {
    return new Promise<void>((resolve) => {
      end = resolve;
    });
  });
  expect(await flushedToZero(async () => subnormal())).toBe(0);
  expect(subnormal()).toBe(0);
  end();
  await waits;
  expect(subnormal()).toBeGreaterThan(0);
});

test("errors come through, and leave the thread as it was", async () => {
  await expect(flushedToZero(() => Promise.reject(new Error("no")))).rejects.toThrow("no");
  expect(subnormal()).toBeGreaterThan(0);
});
