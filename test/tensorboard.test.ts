/** @file Our event files as the real TensorBoard reads them. */

import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { beforeAll, describe, expect, test } from "vitest";
import { pythonWith, whyNoPython } from "../bench/python.js";
import { EventFile } from "../src/train/callbacks/event-file.js";
import { tensorBoard } from "../src/train/callbacks/index.js";
import { crc32c } from "../src/util/tf-record.js";
import { HandMadeRun, losses } from "./training-run.js";

interface Found {
  readonly scalars: Readonly<Record<string, readonly (readonly [step: number, value: number])[]>>;
  readonly histograms: Readonly<Record<string, readonly (readonly (number | readonly number[])[])[]>>;
  readonly time: number;
}

const reason = await whyNoPython();
if (reason !== undefined && process.env.CI) throw new Error(`TensorBoard must be tested in CI: ${reason}`);

test("CRC-32C is that of the standard's example", () => {
  expect(crc32c(new TextEncoder().encode("123456789"))).toBe(0xe3069283);
});

describe.skipIf(reason !== undefined)(`TensorBoard${reason === undefined ? "" : `: ${reason}`}`, () => {
  let python = "";
  beforeAll(async () => {
    // the last setuptools with pkg_resources, which TensorBoard still asks for
    python = await pythonWith("tensorboard", ["tensorboard==2.20.0", "setuptools==80.9.0"]);
  }, 400_000);

  const read = async (...folders: string[]): Promise<Found[]> => {
    const script = resolve("test/reference/read_events.py");
    const { stdout } = await promisify(execFile)(python, [script, ...folders]);
    return JSON.parse(stdout);
  };

  test("reads scalars and histograms of a run", async () => {
    const logDir = await mkdtemp(join(tmpdir(), "deepframe-test-"));
    try {
      const logs = losses(0.5, 0.25).map((epoch) => ({ ...epoch, lr: 0.125 }));
      await new HandMadeRun(logs, [tensorBoard({ logDir, updateFreq: 3, histogramFreq: 2 })]).go();
      const [train, validation] = await read(join(logDir, "train"), join(logDir, "validation"));
      expect(train!.scalars).toEqual({
        epoch_loss: [
          [0, 0.25],
          [1, 0.125],
        ],
        epoch_learning_rate: [
          [0, 0.125],
          [1, 0.125],
        ],
        batch_loss: [
          [0, 0.25],
          [3, 0.25],
          [6, 0.125],
        ],
      });
      expect(validation!.scalars).toEqual({
        epoch_loss: [
          [0, 0.5],
          [1, 0.25],
        ],
        epoch_accuracy: [
          [0, 0.5],
          [1, 0.75],
        ],
      });
      const [step, min, max, count, sum, squares, limits, counts] = train!.histograms["dense/kernel"]![0]!;
      expect([step, min, max, count, sum, squares]).toEqual([1, -1, 8, 2, 7, 65]);
      expect(limits).toHaveLength(30);
      expect((limits as number[]).at(-1)).toBe(8);
      expect((counts as number[]).filter((value) => value > 0)).toEqual([1, 1]);
      expect(Math.abs(train!.time - Date.now() / 1000)).toBeLessThan(300);
    } finally {
      await rm(logDir, { recursive: true });
    }
  });

  test("reads large steps and numbers, names in any letters, and leaves out what is no number", async () => {
    const folder = await mkdtemp(join(tmpdir(), "deepframe-test-"));
    try {
      const file = new EventFile(folder);
      await file.write(5_000_000_000, [{ tag: "größer", value: 1e38 }]);
      await file.write(5_000_000_001, [{ tag: "h", value: Float32Array.of(2, 2, Number.NaN) }]);
      await file.write(5_000_000_002, [{ tag: "größer", value: -0.5 }]);
      await file.close();
      const [found] = await read(folder);
      expect(found!.scalars.größer!.map(([step]) => step)).toEqual([5_000_000_000, 5_000_000_002]);
      expect(found!.scalars.größer![0]![1]).toBeCloseTo(1e38, -32);
      expect(found!.histograms.h).toEqual([[5_000_000_001, 2, 2, 2, 4, 8, [2], [2]]]);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
