/** @file Loads a saved model and asks it for one picture, as a web server would: without an engine. */

import { readFile } from "node:fs/promises";
import { load } from "../index.js";
import { formatPercent } from "../util/format.js";

export interface Sample {
  readonly path: string;
  readonly label: string;
}

export async function tryModel(modelPath: string, { path, label }: Sample): Promise<void> {
  const model = await load(modelPath);
  const image = new Uint8Array(await readFile(path));
  await model.predictOne({ image });
  const started = performance.now();
  const { predictedLabel, probability } = await model.predictOne({ image });
  const milliseconds = performance.now() - started;
  const sure = formatPercent(Math.max(...(probability as ArrayLike<number> & Iterable<number>)));
  console.log(
    `\nLoaded again, for one picture: ${path} is "${label}", predicted "${predictedLabel}" (${sure}) in ${milliseconds.toFixed(0)} ms`,
  );
}
