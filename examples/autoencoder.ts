/** @file An autoencoder of scanned digits: 64 pixels through 8 numbers and back. node autoencoder.js digits.csv.gz. */

import { NeuralRegressor, nn, optim, Pipeline, Session, VectorAssembler } from "deepframe";

const pixels = Array.from({ length: 64 }, (_, i) => `p${i}`);
const session = await Session.open();
const digits = session.read.csv(process.argv[2] ?? "digits.csv.gz", { header: false, names: [...pixels, "label"] });
const [train, test] = digits.randomSplit([0.8, 0.2], { seed: 7 });

const model = await new Pipeline([
  new VectorAssembler({ inputCols: pixels, outputCol: "pixels" }),
  new NeuralRegressor({
    network: nn.sequential([
      nn.dense(48, { activation: "relu" }),
      nn.dense(8, { name: "code" }),
      nn.dense(48, { activation: "relu" }),
      nn.dense(64),
    ]),
    featuresCol: "pixels",
    labelCol: "pixels",
    predictionCol: "again",
    optimizer: optim.adam({ lr: 3e-3 }),
    epochs: 40,
    seed: 1,
  }),
]).fit(train);

const rows = await model.transform(test).select("pixels", "again").collect();
const seen = rows.map(({ pixels }) => Array.from(pixels as Float32Array));
const again = rows.map(({ again }) => Array.from(again as Float32Array));
const mean = seen[0]!.map((_, i) => seen.reduce((sum, row) => sum + row[i]!, 0) / seen.length);
const spread = seen.flatMap((row) => row.map((x, i) => (x - mean[i]!) ** 2)).reduce((a, b) => a + b);
const error = seen.flatMap((row, n) => row.map((x, i) => (x - again[n]![i]!) ** 2)).reduce((a, b) => a + b);
for (let y = 0; y < 8; y++) console.log(picture(seen[0]!, y), "  ", picture(again[0]!, y));
console.log("variance explained", (1 - error / spread).toFixed(4));
await session.close();

/** A line of a picture as text. */
function picture(row: readonly number[], y: number): string {
  return row
    .slice(8 * y, 8 * y + 8)
    .map((grey) => " .:-=+*#@"[Math.max(0, Math.min(8, Math.round(grey / 2)))]!.repeat(2))
    .join("");
}
