/** @file A trained network's file in Python: valid by ONNX's own checker, and the same results from onnxruntime. */

import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { beforeAll, expect, test } from "vitest";
import { pythonWith, whyNoPython } from "../bench/python.js";
import { NeuralClassifier, nn, Session } from "../src/index.js";

const reason = await whyNoPython();
if (reason !== undefined && process.env.CI) throw new Error(`trained networks must be run by Python in CI: ${reason}`);
const title = "a trained network gives Python the same probabilities";
let python = "";
beforeAll(async () => {
  if (reason === undefined) {
    python = await pythonWith("onnxruntime", ["onnxruntime==1.30.0", "onnx==1.22.0", "numpy==2.4.6"]);
  }
}, 400_000);

const script = `
import json, sys
import numpy, onnx, onnxruntime
onnx.checker.check_model(sys.argv[1], full_check=True)
session = onnxruntime.InferenceSession(sys.argv[1])
rows = numpy.array(json.loads(sys.argv[2]), dtype=numpy.float32)
print(json.dumps(session.run(["probability"], {session.get_inputs()[0].name: rows})[0].tolist()))
`;

test.skipIf(reason !== undefined)(reason === undefined ? title : `${title} (${reason})`, async () => {
  await using session = await Session.open();
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
  const model = await new NeuralClassifier({ network, epochs: 2, seed: 1 }).fit(data);
  const ours = (await model.transform(data).values("probability")) as Iterable<number>[];
  const folder = await mkdtemp(join(tmpdir(), "deepframe-python-"));
  try {
    const file = join(folder, "network.onnx");
    await writeFile(file, model.params.model.bytes);
    // the model's input has the network's own shape
    const fed = JSON.stringify(rows.map(({ features }) => [[0, 4, 8, 12].map((at) => features.slice(at, at + 4))]));
    const { stdout } = await promisify(execFile)(python, ["-c", script, file, fed]);
    const theirs = JSON.parse(stdout) as number[][];
    // the two runtimes may be of different versions, whose kernels round differently
    for (const [i, row] of theirs.entries()) {
      for (const [j, value] of [...ours[i]!].entries()) expect(value).toBeCloseTo(row[j]!, 5);
    }
  } finally {
    await rm(folder, { recursive: true });
  }
});
