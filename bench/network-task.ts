/** @file What the featurizer is measured against, in a thread of the pool: the network alone, and its steps in a bare loop. */

import { readFileSync } from "node:fs";
import { openSession } from "../src/runtime/session.js";
import { decodeImage, defaultMaxPixels } from "../src/stages/image/decode.js";
import { resizeToPlanes } from "../src/stages/image/resize.js";
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

/** A model of uint8 pictures, channel by channel, and the files to run it on. */
export interface LoopTask {
  readonly model: Asset["bytes"];
  readonly files: readonly string[];
}

/** Reads, decodes, resizes and runs one file after the other: no DataFrame, no batches, the same room each time. */
export async function runLoop({ model, files }: LoopTask): Promise<number> {
  const session = await openSession(model);
  const room = new Uint8Array(2 ** 22);
  const planes = new Uint8Array(3 * 224 * 224);
  const image = new Tensor("uint8", planes, [1, 3, 224, 224]);
  const one = async (file: string) => {
    const picture = await decodeImage(readFileSync(file), defaultMaxPixels, (length) => room.subarray(0, length));
    resizeToPlanes(picture, [224, 224], planes);
    await session.run({ image });
  };
  for (const file of files.slice(0, 5)) await one(file);
  const started = performance.now();
  for (const file of files) await one(file);
  const perSecond = (files.length * 1000) / (performance.now() - started);
  await session.close();
  return perSecond;
}
