/** @file `deepframe train images`: a classifier from a folder per class. */

import { basename, resolve } from "node:path";
import { Command } from "commander";
import { Session } from "../index.js";
import { engineOption, fraction, overwriteOption, requireFree, seedOption } from "./options.js";
import { ProgressBar } from "./progress.js";
import { trainImages } from "./train-images.js";

interface Options {
  readonly out: string;
  readonly report?: string;
  readonly model: string;
  readonly test: number;
  readonly seed: number;
  readonly engine: string;
  readonly overwrite: boolean;
}

export function trainCommand(): Command {
  const images = new Command("images")
    .description("Train an image classifier on pictures in one folder per class, by transfer learning.")
    .argument("<folder>", "folder with one folder of pictures per class")
    .requiredOption("--out <folder>", "where the model is saved")
    .option("--report <file>", "write an HTML report on the test pictures")
    .option("--model <name>", "pretrained network that featurizes the pictures", "efficientnet-lite0")
    .option("--test <fraction>", "share of the pictures kept for the test", fraction, 0.2)
    .addOption(seedOption())
    .addOption(overwriteOption())
    .addOption(engineOption())
    .action(async (folder: string, options: Options) => {
      requireFree(options.out, options.overwrite);
      if (options.report !== undefined) requireFree(options.report, options.overwrite);
      const bar = new ProgressBar();
      const session = await Session.open(options.engine, { onProgress: bar.update });
      try {
        const photos = session.read.images(folder, { labelFromFolder: "label" });
        const title = `Pictures of ${basename(resolve(folder))}`;
        await trainImages({ ...options, photos, title, endProgress: () => bar.end() });
      } finally {
        bar.end();
        await session.close();
      }
    });
  return new Command("train").description("Train a model.").addCommand(images);
}
