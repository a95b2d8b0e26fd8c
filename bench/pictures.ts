/** @file Featurizing pictures with EfficientNet-Lite0, against the network alone and a Python script. */

import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { Graph } from "../src/graph/graph.js";
import { sharedPool } from "../src/runtime/shared-pool.js";
import { Session } from "../src/session.js";
import { ImageFeaturizer } from "../src/stages/image/image-featurizer.js";
import { networkGraph } from "../src/stages/image/image-network.js";
import { type ImageModel, loadModel } from "../src/stages/image/models.js";
import { sharedData } from "../test/shared-data.js";
import { inTurn, type Measurement, type Suite, seconds } from "./measure.js";
import type { LoopTask, NetworkTask } from "./network-task.js";
import { pythonWith, runPython } from "./python.js";

const count = 2000;
const modelFile = resolve("assets/models/efficientnet-lite0.onnx");

export const suite: Suite = {
  title: `${count} JPEGs of about 320 x 240 to features, pictures per second`,

  async run(): Promise<Measurement[]> {
    const flowers = sharedData("flowers");
    if (flowers === undefined) {
      console.log("skipped: ../shared/data/flowers is not here");
      return [];
    }
    const folder = await mkdtemp(join(tmpdir(), "deepframe-bench-"));
    const session = await Session.open();
    try {
      const names = (await readdir(flowers, { recursive: true })).filter((name) => name.endsWith(".jpg")).sort();
      const files = Array.from({ length: count }, (_, i) => join(flowers, names[i % names.length]!));
      const listing = join(folder, "files.json");
      await writeFile(listing, JSON.stringify(files));
      const python = await pythonWith("pictures", ["onnxruntime==1.30.0", "pillow==13.0.0", "numpy==2.3.5"]);

      const once = session.read.images(flowers);
      const all = Array.from({ length: Math.ceil(count / names.length) - 1 }).reduce<typeof once>(
        (frame) => frame.union(once),
        once,
      );
      const featurizer = new ImageFeaturizer({ inputCol: "image", outputCol: "features" });
      const features = featurizer.transform(all.limit(count)).select("features");
      const featurize = async () => {
        let rows = 0;
        for await (const batch of features.batches()) rows += batch.numRows;
        if (rows !== count) throw new Error(`${rows} rows came of ${count}`);
      };
      await featurizer.transform(once.limit(64)).count();
      for await (const _ of featurizer.transform(once.limit(64)).batches()) {
        // networks are loaded in every thread before anything is timed
      }

      const model = (await Graph.load(modelFile)).cutAt(["features"]).toBytes();
      const pool = sharedPool();
      const module = new URL("./network-task.js", import.meta.url);
      /** Pictures per second of all threads, each on its own message. */
      const onAll = async (task: string, messageOf: (thread: number) => NetworkTask | LoopTask) => {
        const jobs = Array.from({ length: pool.size }, (_, i) =>
          pool.run<number>({ module, export: task, message: messageOf(i) }),
        );
        return pool.size * Math.min(...(await Promise.all(jobs)));
      };
      const network = (batch: number, pictures: number) =>
        onAll("runNetwork", () => ({ model, batch, pictures: Math.ceil(pictures / pool.size) }));
      const description = featurizer.params.model as ImageModel;
      const { bytes } = await loadModel(description);
      const whole = networkGraph(description, bytes, description.features!.tensor, true).toBytes();
      const each = Math.ceil(count / pool.size);
      const loop = () => onAll("runLoop", (i) => ({ model: whole, files: files.slice(i * each, (i + 1) * each) }));
      // the network alone as it is fastest here
      const tried = await inTurn(
        3,
        Object.fromEntries([1, 2, 4, 8].map((batch) => [batch, () => network(batch, count / 10)])),
      );
      const [best] = Object.entries(tried).sort(([, a], [, b]) => b - a)[0]!;
      const perSecond = await inTurn(3, {
        ours: async () => count / (await seconds(featurize)),
        network: () => network(Number(best), count),
        loop,
        python: async () => {
          const args = [modelFile, listing, String(pool.size)];
          return (await runPython<{ perSecond: number }>(python, "pictures.py", args)).perSecond;
        },
      });
      const name = "ImageFeaturizer";
      const unit = "pictures/s";
      const { ours } = perSecond;
      return [
        {
          name,
          unit,
          ours,
          peer: { name: `network alone, ${best} at a time`, value: perSecond.network },
          target: { ratio: 0.85 },
        },
        { name, unit, ours, peer: { name: "its steps in a bare loop", value: perSecond.loop } },
        { name, unit, ours, peer: { name: "Pillow + onnxruntime", value: perSecond.python }, target: { ratio: 1.05 } },
      ];
    } finally {
      await session.close();
      await rm(folder, { recursive: true, force: true });
    }
  },
};
