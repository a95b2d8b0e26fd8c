/** @file `deepframe quickstart`: the whole way from a folder of pictures to a trained, saved and used classifier. */

import { basename, join, relative, resolve } from "node:path";
import { Command } from "commander";
import { Session } from "../index.js";
import { formatTime } from "../util/format.js";
import { emojiPictures } from "./emoji.js";
import { engineOption, seedOption } from "./options.js";
import { ProgressBar } from "./progress.js";
import { trainImages } from "./train-images.js";
import { tryModel } from "./try-model.js";

interface Options {
  readonly images?: string;
  readonly out: string;
  readonly seed: number;
  readonly engine: string;
}

export function quickstartCommand(): Command {
  return new Command("quickstart")
    .description("Train an image classifier in a minute: on 3D emoji, or on your own pictures in one folder per class.")
    .option("--images <folder>", "your own pictures, one folder per class (default: emoji in five groups)")
    .option("--out <folder>", "where the model and the report go", "quickstart")
    .addOption(seedOption())
    .addOption(engineOption())
    .action(quickstart);
}

async function quickstart({ images, out, seed, engine }: Options): Promise<void> {
  const started = performance.now();
  const folder = images ?? (await emojiPictures(join(out, "pictures")));
  const title = images === undefined ? "Emoji in five groups" : `Pictures of ${basename(resolve(images))}`;
  const modelPath = join(out, "pictures.model");
  const bar = new ProgressBar();
  const session = await Session.open(engine, { onProgress: bar.update });
  try {
    const photos = session.read.images(folder, { labelFromFolder: "label" });
    const report = join(out, "report.html");
    const model = "efficientnet-lite0";
    const endProgress = () => bar.end();
    const sample = await trainImages({
      photos,
      title,
      model,
      test: 0.2,
      seed,
      out: modelPath,
      report,
      overwrite: true,
      endProgress,
    });
    await tryModel(modelPath, sample);
  } finally {
    bar.end();
    await session.close();
  }
  const command = `npx deepframe predict ${relative(".", modelPath)} ${relative(".", folder)}`;
  console.log(
    `\nDone in ${formatTime((performance.now() - started) / 1000)}. Next: ${command} --out predictions.parquet`,
  );
}
