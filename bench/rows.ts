/** @file OnnxModel over five million rows of a parquet file: rows per second and resident memory, each in a process of its own. */

import { execFile } from "node:child_process";
import { access, mkdir, rename, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { Session, Tensor, trace } from "../src/index.js";
import { inTurn, median, type Suite } from "./measure.js";
import { pythonWith, runPython } from "./python.js";

export const rows = 5_000_000;
const width = 16;

interface Run {
  readonly seconds: number;
  readonly bytes: number;
}

export const suite: Suite = {
  title: `a network ${width}-32-2 over a parquet file of ${rows.toLocaleString("en-US")} rows of ${width} floats`,

  async run() {
    const folder = resolve(".cache", "bench");
    await mkdir(folder, { recursive: true });
    const [data, model] = [join(folder, `rows-${rows}.parquet`), join(folder, "rows.onnx")];
    await writeRows(data);
    await writeFile(model, rowNetwork().toBytes());

    const python = await pythonWith("rows", ["onnxruntime==1.30.0", "pyarrow==21.0.0", "numpy==2.3.5"]);
    const memory: number[] = [];
    const rates = await inTurn(3, {
      ours: async () => {
        const { stdout } = await promisify(execFile)(process.execPath, [
          join(import.meta.dirname, "rows-run.js"),
          data,
          model,
        ]);
        const run: Run = JSON.parse(stdout);
        memory.push(run.bytes);
        return rows / run.seconds;
      },
      python: async () => rows / (await runPython<Run>(python, "rows.py", [data, model])).seconds,
    });
    return [
      {
        name: "speed",
        unit: "rows/s",
        ours: rates.ours,
        peer: { name: "pyarrow + onnxruntime", value: rates.python },
        target: { value: 1_500_000 },
      },
      {
        name: "resident memory",
        unit: "MB",
        ours: median(memory) / 1e6,
        smallerIsBetter: true,
        target: { value: 1000 },
      },
    ];
  },
};

/** 16-32-2, with weights from a formula. */
export function rowNetwork() {
  const weights = (shape: readonly [number, number], seed: number) =>
    new Tensor(
      "float32",
      Float32Array.from({ length: shape[0] * shape[1] }, (_, i) => Math.sin(i * seed) / 4),
      shape,
    );
  return trace(
    ({ x }, g) => ({
      y: x!
        .matmul(g.parameter("w1", weights([width, 32], 1)))
        .relu()
        .matmul(g.parameter("w2", weights([32, 2], 2)))
        .softmax(),
    }),
    { x: ["batch", width] },
  );
}

/** The table, made once. */
export async function writeRows(path: string): Promise<void> {
  if (
    await access(path).then(
      () => true,
      () => false,
    )
  )
    return;
  const session = await Session.open();
  const floats = Array.from({ length: width }, (_, i) => `(hash(id * ${width} + ${i}) % 1000003) / 1000003.0`).join(
    ", ",
  );
  const table = session.sql(`SELECT id, CAST([${floats}] AS FLOAT[${width}]) AS x FROM range(${rows}) AS r(id)`);
  await table.write.parquet(`${path}.tmp.parquet`, { overwrite: true });
  await session.close();
  await rename(`${path}.tmp.parquet`, path);
}
