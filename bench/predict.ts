/** @file predictOne on a saved tabular pipeline, as in a web request: milliseconds per row. */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  LogisticRegression,
  load,
  OneHotEncoder,
  Pipeline,
  Session,
  StandardScaler,
  StringIndexer,
  VectorAssembler,
} from "../src/index.js";
import { median, type Suite, seconds } from "./measure.js";

const jobs = ["clerk", "driver", "farmer", "nurse", "teacher"];
const person = (i: number) => ({ age: 20 + ((i * 7) % 50), hours: 10 + ((i * 13) % 50), job: jobs[i % jobs.length]! });

export const suite: Suite = {
  title:
    "one row through StringIndexer, OneHotEncoder, VectorAssembler, StandardScaler, LogisticRegression, loaded from disk",

  async run() {
    const folder = await mkdtemp(join(tmpdir(), "deepframe-bench-"));
    try {
      const session = await Session.open();
      const people = Array.from({ length: 1000 }, (_, i) => ({
        ...person(i),
        rich: Number(person(i).hours + (i % 17) > 40),
      }));
      const fitted = await new Pipeline([
        new StringIndexer({ inputCol: "job", outputCol: "jobIndex" }),
        new OneHotEncoder({ inputCol: "jobIndex", outputCol: "jobVector" }),
        new VectorAssembler({ inputCols: ["age", "hours", "jobVector"], outputCol: "raw" }),
        new StandardScaler({ inputCol: "raw", outputCol: "features", withMean: true }),
        new LogisticRegression({ featuresCol: "features", labelCol: "rich" }),
      ]).fit(session.createDataFrame(people));
      await fitted.save(join(folder, "model"));
      await session.close();

      const model = await load(join(folder, "model"));
      for (let i = 0; i < 200; i++) await model.predictOne(person(i));
      const times: number[] = [];
      for (let i = 0; i < 2000; i++) times.push(1000 * (await seconds(() => model.predictOne(person(i)))));
      times.sort((a, b) => a - b);
      return [
        { name: "median", unit: "ms", ours: median(times), smallerIsBetter: true, target: { value: 1 } },
        { name: "99th percentile", unit: "ms", ours: times[Math.floor(times.length * 0.99)]!, smallerIsBetter: true },
      ];
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  },
};
