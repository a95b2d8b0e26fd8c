import { describe, expect, onTestFinished, test } from "vitest";
import { bodiesOf } from "../graph/scope.js";
import * as nn from "../nn/index.js";
import { crossEntropy } from "../nn/losses/cross-entropy.js";
import { adam } from "../optim/adam.js";
import { Random } from "../util/random.js";
import { trainingGraph } from "./graphs.js";
import { Layout } from "./layout.js";
import { manifestOf, type Problem } from "./problem.js";
import { RowStore } from "./row-store.js";
import { type TrainOptions, train } from "./trainer.js";

const batchSize = 8;
const x = { name: "features", dtype: "float32" as const, shape: [256] };
const y = { name: "label", dtype: "int32" as const, shape: [] };

/** With one kernel of 65,536 numbers. */
function problem(units = 256): Problem {
  const network = nn.sequential([nn.dense(units, { activation: "relu" }), nn.dropout(0.2), nn.dense(3)]);
  const head = { output: "output", target: y, loss: crossEntropy(), lossWeight: 1, metrics: [] };
  return { network, inputs: [x], heads: [head], weight: undefined };
}

/** @param broken a row with a feature that is no number */
async function run(steps: number, more: Partial<TrainOptions> = {}, broken?: number) {
  const count = steps * batchSize;
  const store = new RowStore([x, y], { budget: 2 ** 24, who: "test" });
  onTestFinished(() => store.close());
  const random = new Random(1);
  const features = Float32Array.from({ length: 256 * count }, () => random.uniform());
  const label = Int32Array.from({ length: count }, (_, i) => i % 3);
  if (broken !== undefined) features[256 * broken] = Number.NaN;
  await store.add({ count, columns: { features, label } });
  const given = { who: "test", problem: problem(), optimizer: adam({ lr: 0.003 }), train: store };
  return train({ ...given, epochs: 1, batchSize, seed: 2, shuffle: false, ...more });
}

const numbersOf = (weights: Awaited<ReturnType<typeof run>>["weights"]) =>
  [...weights].map(([name, { data }]) => [name, data]);

describe("steps in rounds", () => {
  const loopsOf = (given: Problem) => {
    const { weights, states } = manifestOf(given);
    const layout = new Layout(weights, states, adam());
    const loops = trainingGraph(given, layout, () => undefined!, batchSize).graph.nodes;
    return loops.filter(({ opType }) => opType === "Loop").map((loop) => bodiesOf(loop)[0]!.nodes.length);
  };

  test("are taken where a weight is large", () => {
    const [round, step, ...others] = loopsOf(problem());
    expect(others).toEqual([]);
    expect(round).toBeGreaterThan(3 * step!);
    expect(loopsOf(problem(255))).toHaveLength(1);
  });

  test.each([1, 2, 5, 11])("train as one step after the other does, to the bit: %i steps", async (steps) => {
    const rounds = await run(steps);
    // a callback that hears of each batch has each step called alone
    const single = await run(steps, { callbacks: [{ name: "each", onBatchBegin: () => undefined }] });
    expect(numbersOf(rounds.weights)).toEqual(numbersOf(single.weights));
    expect(rounds.history).toEqual(single.history);
  });

  test.each([2, 4, 7, 8, 11])("tell which step had a loss that is not finite: %i", async (step) => {
    const failed = await run(12, {}, step * batchSize - 1).catch((error) => error);
    expect(failed).toMatchObject({ code: "NOT_FINITE", fields: { step } });
    for (const { data } of failed.model.weights.values())
      expect((data as Float32Array).every(Number.isFinite)).toBe(true);
  });
});
