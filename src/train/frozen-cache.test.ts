import { describe, expect, onTestFinished, test } from "vitest";
import * as nn from "../nn/index.js";
import { crossEntropy } from "../nn/losses/cross-entropy.js";
import { adam } from "../optim/adam.js";
import type { Tensor } from "../tensor/tensor.js";
import { Random } from "../util/random.js";
import type { Field, Problem } from "./problem.js";
import { RowStore } from "./row-store.js";
import { type TrainOptions, train } from "./trainer.js";

const x: Field = { name: "features", dtype: "float32", shape: [1, 6, 6] };
const y: Field = { name: "label", dtype: "int32", shape: [] };

async function pictures(count: number, budget = 2 ** 20): Promise<RowStore> {
  const store = new RowStore([x, y], { budget, who: "test" });
  onTestFinished(() => store.close());
  const random = new Random(5);
  const features = Float32Array.from({ length: 36 * count }, () => random.uniform());
  const label = Int32Array.from({ length: count }, (_, i) => Number(features[36 * i]! > 0.5));
  await store.add({ count, columns: { features, label } });
  return store;
}

const frozen = { trainable: false };

function problemOf(layers: Parameters<typeof nn.sequential>[0]): Problem {
  const head = { output: "output", target: y, loss: crossEntropy(), lossWeight: 1, metrics: [] };
  return { network: nn.sequential(layers), inputs: [x], heads: [head], weight: undefined };
}

async function options(problem: Problem, more: Partial<TrainOptions> = {}): Promise<TrainOptions> {
  const optimizer = adam({ lr: 0.01 });
  const data = { train: await pictures(300), validation: await pictures(70) };
  return { who: "test", problem, optimizer, ...data, epochs: 4, batchSize: 32, seed: 3, ...more };
}

/** A run with what was kept ends as one without. */
async function expectSame(given: () => Promise<TrainOptions>, rows: number): Promise<void> {
  const [kept, each] = [await train(await given()), await train({ ...(await given()), cacheFrozen: false })];
  expect([kept.cachedRows, each.cachedRows]).toEqual([rows, 0]);
  expect([...kept.weights.keys()]).toEqual([...each.weights.keys()]);
  for (const [name, { data }] of kept.weights) {
    const other = (each.weights.get(name) as Tensor).data as Float32Array;
    for (const [i, value] of (data as Float32Array).entries()) expect(value).toBeCloseTo(other[i]!, 4);
  }
  for (const [name, value] of Object.entries(kept.history.at(-1)!)) {
    expect(value, name).toBeCloseTo(each.history.at(-1)![name]!, 4);
  }
}

const body = () => [nn.conv2d(4, 3, { activation: "relu", ...frozen }), nn.flatten()];

describe("the frozen part's results", () => {
  test("are computed once per row, and the run ends with the same weights", async () => {
    const problem = problemOf([...body(), nn.dense(8, { activation: "relu" }), nn.dropout(0.2), nn.dense(2)]);
    await expectSame(() => options(problem), 370);
  });

  test("are computed once per row in networks of branches, with masks and with inputs that are read again", async () => {
    const words: Field = { name: "words", dtype: "uint8", shape: [5] };
    const more: Field = { name: "more", dtype: "float32", shape: [3] };
    const [a, b] = [nn.input({ name: "words" }), nn.input({ name: "more" })];
    const read = nn
      .lstm(4, { returnSequences: true, ...frozen })
      .apply(nn.embedding(7, 4, { maskZero: true, ...frozen }).apply(a));
    const joined = nn.concatenate().apply([nn.lstm(3).apply(read), nn.dense(3, frozen).apply(b), nn.dense(2).apply(b)]);
    const network = nn.model({ inputs: [a, b], outputs: { output: nn.dense(2).apply(nn.dropout(0.1).apply(joined)) } });
    const problem: Problem = { ...problemOf(body()), network, inputs: [words, more] };
    const random = new Random(6);
    // words and then padding
    const columns = {
      words: Uint8Array.from({ length: 5 * 200 }, (_, i) => (i % 5 < 2 + (i % 3) ? 1 + random.below(6) : 0)),
      more: Float32Array.from({ length: 3 * 200 }, () => random.uniform()),
      label: Int32Array.from({ length: 200 }, (_, i) => i % 2),
    };
    const given = async () => {
      const store = new RowStore([words, more, y], { budget: 2 ** 20, who: "test" });
      await store.add({ count: 200, columns });
      return options(problem, { train: store, validation: undefined });
    };
    await expectSame(given, 200);
  });

  test("go to a file where the rows do", async () => {
    const [data, held] = [await pictures(2000, 10_000), await pictures(500, 1000)];
    const { cachedRows, history } = await train(
      await options(problemOf([...body(), nn.dense(2)]), { train: data, validation: held }),
    );
    expect(cachedRows).toBe(2500);
    expect(history.at(-1)!.val_loss).toBeLessThan(history[0]!.val_loss!);
    await data.close();
    await held.close();
  });

  test("are not kept where nothing is frozen, something before is random, or little work is saved", async () => {
    const cachedRows = async (layers: Parameters<typeof nn.sequential>[0]) =>
      (await train(await options(problemOf(layers), { epochs: 1 }))).cachedRows;
    expect(await cachedRows([nn.flatten(), nn.dense(2)])).toBe(0);
    expect(await cachedRows([nn.dropout(0.1), ...body(), nn.dense(2)])).toBe(0);
    expect(await cachedRows([nn.flatten(), nn.batchNormalization(frozen), nn.dense(2)])).toBe(0);
  });
});
