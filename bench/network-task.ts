/** @file Runs a network again and again on a tensor in memory, in a thread of the pool. */

import { openSession } from "../src/runtime/session.js";
import { Tensor } from "../src/tensor/tensor.js";
import type { Asset } from "../src/util/asset.js";

/** The pool's task: `runs` runs of the model on random pictures of 224 x 224, after some that are not counted. */
export async function runNetwork({ model, runs }: { model: Asset["bytes"]; runs: number }): Promise<number> {
  const session = await openSession(model);
  const pixels = Float32Array.from({ length: 3 * 224 * 224 }, (_, i) => Math.sin(i * i));
  const images = new Tensor("float32", pixels, [1, 3, 224, 224]);
  for (let i = 0; i < 10; i++) await session.run({ images });
  const started = performance.now();
  for (let i = 0; i < runs; i++) await session.run({ images });
  await session.close();
  return (performance.now() - started) / 1000;
}
