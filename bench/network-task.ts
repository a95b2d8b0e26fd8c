/** @file Runs a network again and again on a tensor in memory, in a thread of the pool. */

import { openSession } from "../src/runtime/session.js";
import { Tensor } from "../src/tensor/tensor.js";
import type { Asset } from "../src/util/asset.js";

/** A model and how it is run: on `batch` pictures of 224 x 224 at a time, at least `pictures` of them. */
export interface NetworkTask {
  readonly model: Asset["bytes"];
  readonly batch: number;
  readonly pictures: number;
}

/** The pool's task: pictures per second, after some runs that are not counted. */
export async function runNetwork({ model, batch, pictures }: NetworkTask): Promise<number> {
  const session = await openSession(model);
  const pixels = Float32Array.from({ length: batch * 3 * 224 * 224 }, (_, i) => Math.sin(i * i));
  const images = new Tensor("float32", pixels, [batch, 3, 224, 224]);
  const runs = Math.ceil(pictures / batch);
  for (let i = 0; i < 5; i++) await session.run({ images });
  const started = performance.now();
  for (let i = 0; i < runs; i++) await session.run({ images });
  await session.close();
  return (runs * batch * 1000) / (performance.now() - started);
}
