/** @file A trained network's file in Python: valid by ONNX's own checker, and the same results from onnxruntime. */

import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { beforeAll, expect, test } from "vitest";
import { pythonWith, whyNoPython } from "../bench/python.js";
import { Session } from "../src/index.js";
import { trainedNetwork } from "./trained-network.js";

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
  const { rows, data, model } = await trainedNetwork(session);
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
