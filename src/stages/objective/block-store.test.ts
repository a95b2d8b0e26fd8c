/** @file Tests of BlockStore. */

import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test, vi } from "vitest";
import { type Block, bytesOf } from "./block.js";
import { BlockStore, readBlock } from "./block-store.js";

function block(firstRow: number, rows: number, Numbers: typeof Float32Array | typeof Float64Array): Block {
  const width = 3;
  const values = (size: number, scale: number) => Float64Array.from({ length: size }, (_, i) => scale * (firstRow + i));
  return {
    ...{ firstRow, rows, width },
    features: Numbers.from(values(rows * width, 0.25)),
    labels: values(rows, 1),
    weights: values(rows, 0.5),
  };
}

test.each([Float32Array, Float64Array])(
  "blocks beyond the budget come back from an unnamed file: %o",
  async (Numbers) => {
    const folder = await mkdtemp(join(tmpdir(), "deepframe-test-"));
    vi.stubEnv("TMPDIR", folder);
    const blocks = [block(0, 5, Numbers), block(5, 7, Numbers), block(12, 1, Numbers)];
    const store = new BlockStore(bytesOf(blocks[0]!) + 1, "test");
    try {
      for (const each of blocks) await store.add(each);
      expect([store.resident, store.blocks[0]]).toEqual([false, blocks[0]]);
      expect(await readdir(folder)).toEqual([]);
      for (const [i, { features, labels, weights }] of blocks.entries()) {
        expect(await readBlock(store.blocks[i]!)).toMatchObject({ features, labels, weights });
      }
    } finally {
      await store.close();
      vi.unstubAllEnvs();
      await rm(folder, { recursive: true });
    }
  },
);

test("a disk that takes no more is told of with the folder", async () => {
  const folder = join(tmpdir(), "deepframe-no-such-folder");
  vi.stubEnv("TMPDIR", folder);
  try {
    await expect(new BlockStore(0, "LogisticRegression").add(block(0, 5, Float32Array))).rejects.toThrow(
      /^LogisticRegression: 0 MiB of training data are in files in ".*deepframe-no-such-folder", and no more could be written: ENOENT: .*; make room or set TMPDIR$/,
    );
  } finally {
    vi.unstubAllEnvs();
  }
});
