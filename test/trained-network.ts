/** @file A network of several kinds of layers, trained on a few rows: what other programs that read its file are tested with. */

import { NeuralClassifier, nn, type Session } from "../src/index.js";

/** Columns `features`, 16 numbers, and `label`, 0 to 2; the network reads the numbers as a picture of 4 x 4. */
export async function trainedNetwork(session: Session) {
  const rows = Array.from({ length: 60 }, (_, i) => {
    return { features: Array.from({ length: 16 }, (_, j) => Math.fround(Math.sin(i * (j + 1)))), label: i % 3 };
  });
  const data = session.createDataFrame(rows, { features: "float[16]", label: "int" });
  const network = nn.sequential([
    nn.input({ shape: [1, 4, 4] }),
    nn.conv2d(4, 3, { padding: "same", activation: "relu" }),
    nn.batchNormalization(),
    nn.maxPooling2d(2),
    nn.reshape([4, 4]),
    nn.lstm(8),
    nn.dropout(0.2),
    nn.dense(3),
  ]);
  return { rows, data, model: await new NeuralClassifier({ network, epochs: 2, seed: 1 }).fit(data) };
}
