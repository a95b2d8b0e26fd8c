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
import { train } from "./trainer.js";

const x = { name: "features", dtype: "float32" as const, shape: [160] };
const y = { name: "label", dtype: "int32" as const, shape: [] };

/** With kernels of more than 16,384 numbers. A penalty on them, even of 0, keeps them from being turned. */
function problem(mayTurn: boolean, between: () => nn.Layer[] = () => []): Problem {
  const kernelRegularizer = mayTurn ? undefined : nn.regularizers.l2(0);
  const layers = [
    nn.dense(128, { activation: "relu", kernelRegularizer }),
    ...between(),
    nn.dense(130, { activation: "softmax", kernelRegularizer }),
    nn.dense(128, { activation: "gelu", kernelRegularizer, useBias: false }),
    nn.activation("tanh"),
    nn.dense(3),
  ];
  const head = { output: "output", target: y, loss: crossEntropy(), lossWeight: 1, metrics: [] };
  return { network: nn.sequential(layers), inputs: [x], heads: [head], weight: undefined };
}

async function rows(count: number): Promise<RowStore> {
  const store = new RowStore([x, y], { budget: 2 ** 24, who: "test" });
  onTestFinished(() => store.close());
  const random = new Random(1);
  const features = Float32Array.from({ length: 160 * count }, () => random.uniform());
  const label = Int32Array.from({ length: count }, () => random.below(3));
  await store.add({ count, columns: { features, label } });
  return store;
}

const layoutOf = (given: Problem) => {
  const { weights, states } = manifestOf(given);
  return new Layout(weights, states, adam());
};

describe("kernels that are carried turned", () => {
  test.each([
    ["fewer rows than units", 16],
    ["more rows than units", 192],
  ])("train as others do: %s", async (_, batchSize) => {
    const run = async (mayTurn: boolean) =>
      train({
        ...{ who: "test", problem: problem(mayTurn), optimizer: adam({ lr: 0.003 }) },
        ...{ train: await rows(384), validation: await rows(50), epochs: 3, batchSize, seed: 2 },
      });
    expect(layoutOf(problem(true)).groups.filter(({ isTurned }) => isTurned)).toHaveLength(3);
    expect(layoutOf(problem(false)).groups.filter(({ isTurned }) => isTurned)).toHaveLength(0);
    const [turned, plain] = [await run(true), await run(false)];
    expect(turned.history.at(-1)!.val_loss).toBeCloseTo(plain.history.at(-1)!.val_loss!, 4);
    for (const [name, { data, shape }] of turned.weights) {
      const other = plain.weights.get(name)!;
      expect(shape).toEqual(other.shape);
      for (const [i, value] of (data as Float32Array).entries()) {
        expect(value).toBeCloseTo((other.data as Float32Array)[i]!, 4);
      }
    }
  });

  test("read what a layer leaves in its order, though by a Transpose", async () => {
    const network = nn.sequential([nn.permute([1]), nn.dense(3)]);
    const given = { ...problem(true), network };
    const { weights } = await train({
      ...{ who: "test", problem: given, optimizer: adam({ lr: 0 }), train: await rows(32) },
      ...{ epochs: 1, batchSize: 16, seed: 2 },
    });
    expect(weights.get("dense/kernel")!.shape).toEqual([160, 3]);
  });

  test("need no transposing where layers go element by element", () => {
    const given = problem(true, () => [nn.dropout(0.1), nn.gaussianNoise(0.1), nn.leakyRelu(0.1)]);
    const { graph } = trainingGraph(given, layoutOf(given), () => undefined!, 16);
    const [loop] = graph.nodes.filter(({ opType }) => opType === "Loop");
    const [body] = bodiesOf(loop!);
    const transposed = body!.nodes.filter(({ opType }) => opType === "Transpose");
    // only for the one softmax, there and back
    expect(transposed.map(({ outputs }) => outputs[0])).toHaveLength(2);
  });
});
