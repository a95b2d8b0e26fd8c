/** @file Models on a Spark cluster of this machine: against PySpark's predict_batch_udf, and against the embedded engine. */

import { mkdir, readdir, readFile, rename, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import type { DataFrame } from "../src/data/dataframe.js";
import type { Transformer } from "../src/index.js";
import { Session } from "../src/session.js";
import { ImageFeaturizer } from "../src/stages/image/image-featurizer.js";
import { OnnxModel } from "../src/stages/onnx/onnx-model.js";
import { sharedData } from "../test/shared-data.js";
import { inTurn, type Measurement, type Suite, seconds } from "./measure.js";
import { pythonWith, runPython } from "./python.js";
import { rowNetwork, rows, writeRows } from "./rows.js";

const pictures = 2000;
const rounds = 3;
const network = resolve("assets/models/efficientnet-lite0.onnx");

/** scripts/spark-server.js, which is no part of the build. */
interface SparkScript {
  whyNot(): Promise<string | undefined>;
  installSpark(log: (message: string) => void): Promise<void>;
  startSpark(options: { readonly env: Readonly<Record<string, string>> }): Promise<SparkServer>;
}

interface SparkServer {
  readonly url: string;
  stop(): Promise<void>;
}

interface Run {
  readonly seconds: number;
  readonly total: number;
}

export const suite: Suite = {
  title: `${pictures} pictures and ${rows.toLocaleString("en-US")} rows on Spark, two executors of one core each`,

  async run(only = "") {
    const script = pathToFileURL(resolve("scripts/spark-server.js")).href;
    const { whyNot, installSpark, startSpark } = (await import(script)) as SparkScript;
    const reason = await whyNot();
    if (reason !== undefined) {
      console.log(`skipped: ${reason}`);
      return [];
    }
    const folder = resolve(".cache", "bench");
    await mkdir(folder, { recursive: true });
    const [table, model] = [join(folder, `rows-${rows}.parquet`), join(folder, "rows.onnx")];
    await writeRows(table);
    await writeFile(model, rowNetwork().toBytes());
    const photos = await writePictures(join(folder, `pictures-${pictures}.parquet`));

    const packages = [
      "pyspark[connect]==4.3.0",
      "onnxruntime==1.30.0",
      "pillow==13.0.0",
      "numpy==2.3.5",
      "pandas==2.3.3",
    ];
    const python = await pythonWith("spark", packages);
    await installSpark(console.log);
    const start = () => startSpark({ env: { PYSPARK_PYTHON: python, PYSPARK_DRIVER_PYTHON: python } });
    const isWanted = (part: string) => part.includes(only);
    const results = isWanted("start") ? await startUps(start) : [];
    const server = await start();
    try {
      const peer = (what: string, data: string, onnx: string) =>
        runPython<Run>(python, "spark.py", [what, server.url, data, onnx]);
      const scorer = await OnnxModel.load(model, {
        feeds: { x: { column: "x", shape: [16] } },
        fetches: { y: "y" },
        batchSize: 4096,
      });
      const featurizer = new ImageFeaturizer({ inputCol: "image", outputCol: "y" });
      if (photos !== undefined && isWanted("pictures")) {
        const found = await compare(server.url, featurizer, photos, pictures, () => peer("pictures", photos, network));
        results.push(...measurements("pictures", found, 1.2));
      }
      if (!isWanted("rows")) return results;
      const found = await compare(server.url, scorer, table, rows, () => peer("rows", table, model));
      results.push(...measurements("rows", found, 1.5));
      const alone = await peer("nothing", table, model);
      results.push({ name: "Spark alone: rows to Python and back", unit: "rows/s", ours: rows / alone.seconds });
      return results;
    } finally {
      await server.stop();
    }
  },
};

interface Rates {
  readonly spark: number;
  readonly embedded: number;
  readonly python: number;
}

/** Rows per second on both engines and of the peer, which must agree on the numbers. */
async function compare(
  url: string,
  stage: Transformer,
  data: string,
  count: number,
  peer: () => Promise<Run>,
): Promise<Rates> {
  const totals: Record<string, number> = {};
  const on = (name: string, address: string, first: string) => async () => {
    const session = await Session.open(address);
    try {
      const frame = session.read.parquet(data);
      const sum = async (df: DataFrame) => {
        const [total] = await stage
          .transform(df)
          .agg({ total: `sum(${first})` })
          .values("total");
        totals[name] = Number(total);
      };
      // in two partitions, so that both executors have started what they need
      await sum(frame.limit(128).repartition(2));
      return count / (await seconds(() => sum(frame)));
    } finally {
      await session.close();
    }
  };
  const python = async () => {
    const run = await peer();
    totals.python = run.total;
    return count / run.seconds;
  };
  const rates = await inTurn(rounds, {
    spark: on("spark", url, "y[0]"),
    embedded: on("embedded", "duckdb:", "y[1]"),
    python,
  });
  const [first = 0, ...others] = Object.values(totals);
  // pictures differ in the last digits of decoding and resizing
  if (others.some((other) => Math.abs(other - first) > 0.01 * Math.abs(first))) {
    throw new Error(`the results differ: ${JSON.stringify(totals)}`);
  }
  return rates;
}

function measurements(unit: string, { spark, embedded, python }: Rates, ratio: number): Measurement[] {
  const rate = `${unit}/s`;
  return [
    { name: unit, unit: rate, ours: spark, peer: { name: "predict_batch_udf", value: python }, target: { ratio } },
    { name: unit, unit: rate, ours: spark, peer: { name: "deepframe embedded", value: embedded } },
  ];
}

/** From no session to the first row of a stage on a server that was just started, with everything to send, and once more. */
async function startUps(start: () => Promise<SparkServer>): Promise<Measurement[]> {
  const results: Measurement[] = [];
  for (const worker of ["auto", "ship"] as const) {
    const server = await start();
    const once = async () => {
      const started = performance.now();
      const session = await Session.open(server.url, { worker });
      const images = session.createDataFrame([{ image: await anyPicture() }]);
      await new ImageFeaturizer({ inputCol: "image", outputCol: "y" }).transform(images).collect();
      const took = (performance.now() - started) / 1000;
      await session.close();
      return took;
    };
    try {
      const which = worker === "auto" ? "their node" : "our node";
      const measured = { unit: "s", smallerIsBetter: true } as const;
      results.push(
        { ...measured, name: `open to first row, ${which}`, ours: await once(), target: { value: 12 } },
        { ...measured, name: "the same in a second session", ours: await once(), target: { value: 4 } },
      );
    } finally {
      await server.stop();
    }
  }
  return results;
}

async function anyPicture(): Promise<Uint8Array> {
  return new Uint8Array(await readFile(resolve("node_modules/@lobehub/fluent-emoji-3d/assets/1f400.webp")));
}

/** A parquet file of the flowers' bytes, over and over; undefined where they are not here. */
async function writePictures(path: string): Promise<string | undefined> {
  const flowers = sharedData("flowers");
  if (flowers === undefined) {
    console.log("pictures skipped: ../shared/data/flowers is not here");
    return undefined;
  }
  const session = await Session.open();
  const once = session.read.images(flowers).select("image");
  const files = (await readdir(flowers, { recursive: true })).filter((name) => /\.jpe?g$/.test(name)).length;
  let all = once;
  for (let have = files; have < pictures; have += files) all = all.union(once);
  await all.limit(pictures).write.parquet(`${path}.tmp.parquet`, { overwrite: true, rowGroupSize: 100 });
  await session.close();
  await rename(`${path}.tmp.parquet`, path);
  return path;
}
