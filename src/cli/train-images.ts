/** @file Trains, judges and saves an image classifier; what `train images` and `quickstart` share. */

import { rename, writeFile } from "node:fs/promises";
import { batchToRows } from "../data/rows.js";
import { DataError } from "../errors.js";
import {
  type ClassificationReport,
  classificationReport,
  type DataFrame,
  ImageFeaturizer,
  IndexToString,
  LogisticRegression,
  Pipeline,
  PipelineModel,
  StringIndexer,
  type StringIndexerModel,
} from "../index.js";
import { thumbnail } from "../stages/image/thumbnail.js";
import { formatCount, formatPercent, formatTable } from "../util/format.js";
import { type ReportPicture, renderReport } from "./report.js";
import type { Sample } from "./try-model.js";

export interface ImageTraining {
  /** Columns path, image, label. */
  readonly photos: DataFrame;
  readonly title: string;
  /** Name of the pretrained network. */
  readonly model: string;
  /** Share of the pictures kept for the test. */
  readonly test: number;
  readonly seed: number;
  readonly out: string;
  readonly report?: string;
  readonly overwrite: boolean;
  /** Ends the progress bar, so that text can follow. */
  readonly endProgress: () => void;
}

/** Does all of it, prints what came out, and gives a test picture, one labelled right if there is any, for trying the model. */
export async function trainImages({ photos, endProgress, ...training }: ImageTraining): Promise<Sample> {
  const classes = await photos.groupBy("label").agg({ pictures: "count(*)" }).orderBy("label").collect();
  if (classes.length < 2) {
    const found = classes.map(({ label }) => label).join(", ") || "none";
    throw new DataError("train", `a classifier needs at least two folders of pictures, found one class (${found})`);
  }
  console.log(
    `${training.title}\n\n${formatTable(
      ["class", "pictures"],
      classes.map(({ label, pictures }) => [String(label), Number(pictures)]),
    )}\n`,
  );

  const [train, test] = photos.randomSplit([1 - training.test, training.test], { seed: training.seed });
  const fitted = await new Pipeline([
    new StringIndexer({ inputCol: "label", outputCol: "labelIndex", stringOrderType: "alphabetAsc" }),
    new ImageFeaturizer({ inputCol: "image", outputCol: "features", model: training.model }),
    // hundreds of pictures can be told apart by 1,280 features in many ways: without a penalty every answer is certain
    new LogisticRegression({ featuresCol: "features", labelCol: "labelIndex", regParam: 0.0001 }),
  ]).fit(train);
  const names = (fitted.stages[0] as StringIndexerModel).labels;
  const naming = new IndexToString({ inputCol: "prediction", outputCol: "predictedLabel", labels: names });
  const model = new PipelineModel([...fitted.stages, naming]);

  const answers = model.transform(test).drop("features", "rawPrediction").cache();
  const judged = await classificationReport(answers, { labelCol: "labelIndex", labels: names });
  endProgress();
  console.log(`\n${judged}\n`);
  await model.save(training.out, { overwrite: training.overwrite });
  console.log(
    `accuracy  ${formatPercent(judged.accuracy)} of ${formatCount(judged.total)} test pictures\nmodel     ${training.out}`,
  );
  const pictures = await picturesOf(answers);
  if (training.report !== undefined) {
    await writeReport(training.report, training, judged, pictures);
    console.log(`report    ${training.report}`);
  }
  await answers.unpersist();
  return pictures.find(({ label, predicted }) => label === predicted) ?? pictures[0]!;
}

async function picturesOf(answers: DataFrame): Promise<ReportPicture[]> {
  const pictures: ReportPicture[] = [];
  for await (const batch of answers.batches({ rows: 64 })) {
    for (const row of batchToRows(batch)) {
      pictures.push({
        path: String(row.path),
        label: String(row.label),
        predicted: String(row.predictedLabel),
        probability: Math.max(...(row.probability as Float64Array)),
        thumbnail: await thumbnail(row.image as Uint8Array),
      });
    }
  }
  return pictures;
}

async function writeReport(
  path: string,
  { title, model, seed }: Pick<ImageTraining, "title" | "model" | "seed">,
  judged: ClassificationReport,
  pictures: readonly ReportPicture[],
): Promise<void> {
  const page = renderReport({
    title,
    facts: [
      ["network", model],
      ["classifier", "logistic regression on its features"],
      ["test pictures", formatCount(pictures.length)],
      ["seed of the split", String(seed)],
    ],
    labels: judged.classes.map(({ name }) => name),
    confusion: judged.confusion,
    perClass: judged.classes,
    accuracy: judged.accuracy,
    pictures,
  });
  await writeFile(`${path}.tmp`, page);
  await rename(`${path}.tmp`, path);
}
