/** @file A multilayer perceptron by L-BFGS over the whole data, against Spark MLlib's, with the same start and the same rows. */

import { cpus } from "node:os";
import { MultilayerPerceptronClassifier, Session } from "../src/index.js";
import { inTurn, type Measurement, seconds } from "./measure.js";
import { pythonWith, runPython } from "./python.js";

const layers = [784, 256, 128, 10];
export const perceptronName = `MLP ${layers.join("-")} by L-BFGS`;
const rows = 10_000;
/** Steps of a short and of a long fit: what the one takes longer than the other is passes alone. */
const steps = { short: 2, long: 12 };

/** Rows times steps per second; a step is one pass (loss and gradient over all rows), seldom two, for both alike. */
export async function perceptronByLbfgs(): Promise<Measurement[]> {
  const python = await pythonWith("mllib", ["pyspark==4.3.0", "numpy==2.4.6"]);
  await using session = await Session.open();
  const df = session
    .sql(
      `SELECT CAST(id % ${layers.at(-1)} AS INT) AS label,
        list_transform(range(1, ${layers[0]! + 1}), i -> CAST(abs(sin(i * id)) AS FLOAT))::FLOAT[${layers[0]}] AS features
      FROM range(${rows}) AS t(id)`,
    )
    .cache();
  await df.count();
  const timeOf = (maxIter: number) =>
    seconds(() => new MultilayerPerceptronClassifier({ layers, maxIter, tol: 0, seed: 1 }).fit(df));
  await timeOf(1);
  const { ours, mllib } = await inTurn(3, {
    ours: async () => perSecond(await timeOf(steps.short), await timeOf(steps.long)),
    mllib: async () => {
      const sizes = JSON.stringify({ layers, rows, steps: [steps.short, steps.long], cores: cpus().length });
      const [short, long] = await runPython<[number, number]>(python, "training_mlp.py", [sizes]);
      return perSecond(short, long);
    },
  });
  return [
    {
      name: perceptronName,
      unit: "rows x steps/s",
      ours,
      peer: { name: "Spark MLlib", value: mllib },
      target: { ratio: 4 },
    },
  ];
}

function perSecond(short: number, long: number): number {
  return (rows * (steps.long - steps.short)) / (long - short);
}
