import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import * as nn from "../../nn/index.js";
import * as optim from "../../optim/index.js";
import { load } from "../../pipeline/load.js";
import { Session } from "../../session.js";
import type { Callback } from "../../train/callback.js";
import { lambdaCallback, progressBar } from "../../train/callbacks/index.js";
import "../index.js";
import { LogisticRegression } from "../classification/logistic-regression.js";
import type { NeuralClassificationModel } from "../classification/neural-classification-model.js";
import { NeuralClassifier } from "../classification/neural-classifier.js";

const session = await Session.open();
afterAll(() => session.close());

const rows = Array.from({ length: 20 }, (_, i) => ({ features: [i, 20 - i], word: i, label: i % 2 }));
const data = session.createDataFrame(rows, { features: "float[2]", word: "int", label: "int" });
const network = () => nn.sequential([nn.dense(4), nn.dense(2)]);
const settings = { epochs: 1, seed: 1 } as const;

describe("what people get wrong at first", () => {
  test.each([
    ["an activation", () => nn.dense(4, { activation: "rellu" }), /got "rellu"; did you mean "Relu"\?$/],
    [
      "a loss",
      () => new NeuralClassifier({ network: network(), loss: "crossEntrpy" }),
      /did you mean "CrossEntropy"\?$/,
    ],
    ["an optimizer", () => new NeuralClassifier({ network: network(), optimizer: "adamm" }), /did you mean "Adam"\?$/],
    [
      "an optimizer that is a parameter of another",
      () => new NeuralClassifier({ network: network(), optimizer: "AMSGrad" }),
      /, got "AMSGrad"; write optim.adam\(\{ amsgrad: true \}\)$/,
    ],
    [
      "a metric",
      () => new NeuralClassifier({ network: network(), metrics: ["acuracy"] }),
      /did you mean "Accuracy"\?$/,
    ],
    [
      "no options at all",
      () => new (NeuralClassifier as unknown as new () => object)(),
      /^NeuralClassifier: network is missing;/,
    ],
    [
      "a hook of a callback",
      () =>
        new NeuralClassifier({ network: network(), callbacks: [{ name: "log", onEpochend() {} } as { name: string }] }),
      /; there is no hook "onEpochend"; did you mean "onEpochEnd"\?$/,
    ],
    [
      "positions where there are names",
      () => (optim.cosineDecay as unknown as (...args: number[]) => unknown)(1e-3, 100),
      /^CosineDecay: takes its parameters by name, as { lr, decaySteps }, got 2 arguments$/,
    ],
    [
      "a number for options",
      () => (optim.adam as unknown as (lr: number) => unknown)(0.001),
      /^Adam: options must be an object, as { lr: ... }, got 0.001$/,
    ],
    [
      "a layer that is not called",
      () => nn.sequential([nn.dense(4), nn.flatten as unknown as nn.Layer]),
      /^sequential: layer 2 must be a layer such as nn.dense\(10\), got the function Flatten; call it with its parameters$/,
    ],
    [
      "an activation that is not called",
      () => nn.dense(4, { activation: nn.activations.relu as unknown as string }),
      /, got the function Relu; call it with its parameters$/,
    ],
    [
      "a callback that is not called",
      () => new NeuralClassifier({ network: network(), callbacks: [progressBar as never] }),
      /, got \[the function progressBar\]; call what makes one, as in callbacks.progressBar\(\), or give functions to callbacks.lambdaCallback$/,
    ],
    [
      "a list of layers for a network",
      () => new NeuralClassifier({ network: [nn.dense(4)] as unknown as nn.Layer }),
      /; write nn.sequential\(\[...\]\) around the layers$/,
    ],
    [
      "columns for a column",
      () => new NeuralClassifier({ network: network(), featuresCol: ["a", "b"] as unknown as string }),
      'NeuralClassifier: featuresCol must be a column name, got ["a","b"]; join columns with VectorAssembler',
    ],
    [
      "an option of the progress bar that there is not",
      () => progressBar({ strem: process.stdout } as object),
      'ProgressBar: unknown option "strem"; there are "stream", "plainMs"; did you mean "stream"?',
    ],
    [
      "a learning rate by its long name",
      () => optim.adam({ learningRate: 0.1 } as object),
      /^Adam: no parameter "learningRate" \(.*\); did you mean "lr"\?$/,
    ],
    [
      "a part of a name",
      () => new NeuralClassifier({ network: network(), loss: "triplet" }),
      /got "triplet"; did you mean "TripletSemiHard"\?$/,
    ],
    [
      "layers in an object",
      () => nn.sequential({ layers: [nn.dense(4)] } as unknown as nn.Layer[]),
      /^sequential: the layers must be a list, as in nn.sequential\(\[nn.dense\(10\)\]\)/,
    ],
    [
      "what a layer is applied to",
      () => nn.dense(2).apply("x" as unknown as nn.Connection),
      /^Dense\(2\): it cannot be applied to x; apply it to nn.input/,
    ],
  ])("%s", (_, make, message) => {
    expect(make).toThrow(message);
  });

  test.each([
    [
      "labels of one class alone",
      () => new NeuralClassifier({ network: network(), ...settings }).fit(data.filter("label = 0")),
      'NeuralClassifier: column "label" holds class 0 in every row, so there is nothing to tell apart; check the filter before it, or the labels',
    ],
    [
      "rows that are no DataFrame, for stages that know no networks too",
      () => new LogisticRegression().fit(rows as unknown as typeof data),
      "LogisticRegression: fit takes a DataFrame, got a list; make one with session.createDataFrame(rows)",
    ],
    [
      "weights of classes there are not",
      () => new NeuralClassifier({ network: network(), ...settings, classWeight: { 0: 1, 2: 5 } }).fit(data),
      'NeuralClassifier: classWeight has "2", but the network\'s classes are 0 to 1',
    ],
    [
      "rows that all weigh nothing",
      () =>
        new NeuralClassifier({ network: network(), ...settings, weightCol: "w" }).fit(data.selectExpr("*", "0 AS w")),
      "NeuralClassifier: the weights of all 20 rows are 0; there is nothing to learn from",
    ],
    [
      "weights of classes where labels are several",
      () => {
        const places = session.sql("SELECT CAST([0, 1] AS INT[2]) AS label, CAST([1, 2] AS FLOAT[2]) AS features");
        const pairs = nn.sequential([nn.input({ shape: [2, 1] }), nn.dense(2)]);
        return new NeuralClassifier({ network: pairs, ...settings, classWeight: { 0: 1 } }).fit(places);
      },
      "NeuralClassifier: classWeight needs a network with one output, and one class in each row; weigh rows with weightCol",
    ],
    [
      "layers that leave several places in each row",
      () => {
        const flat = nn.sequential([nn.input({ shape: [2, 1] }), nn.dense(2)]);
        return new NeuralClassifier({ network: flat, ...settings }).fit(data);
      },
      "CrossEntropy: the network gives [20, 2, 2], which has 2 places in each row, but labels have 1; put flatten() or pooling before its last layer, or give a label for each place",
    ],
    [
      "one-hot labels for a loss of class numbers",
      () => {
        const oneHot = session.sql("SELECT CAST([0, 1] AS FLOAT[2]) AS label, CAST([1, 2] AS FLOAT[2]) AS features");
        return new NeuralClassifier({ network: network(), ...settings }).fit(oneHot);
      },
      'CrossEntropy: the network gives [1, 2], which has 1 place in each row, but labels have 2; for one-hot labels take loss "categoricalCrossentropy"',
    ],
    [
      "labels between class numbers",
      () => new NeuralClassifier({ network: network(), ...settings }).fit(data.withColumn("label", "label / 2.0")),
      'NeuralClassifier: row 1 of column "label" holds 0.5, which int32 cannot hold; number the classes from 0, as StringIndexer does',
    ],
    [
      "numbers as labels of one of several outputs",
      () => {
        const [x, h] = [nn.input({ name: "x", shape: [2] }), nn.dense(4)];
        const outputs = { kind: nn.dense(2).apply(h.apply(x)), size: nn.dense(1).apply(h.apply(x)) };
        return new NeuralClassifier({
          network: nn.model({ inputs: [x], outputs }),
          labelCols: { kind: "label", size: "size" },
          ...settings,
        }).fit(data.withColumn("size", "word / 2.0"));
      },
      'NeuralClassifier: row 1 of column "size" holds 0.5, which int32 cannot hold; number the classes from 0, as StringIndexer does, or give numbers a loss of theirs: loss: { size: "mse" }',
    ],
    [
      "a column that is there already",
      () => new NeuralClassifier({ network: network(), ...settings }).fit(data.withColumn("probability", "0.5")),
      'NeuralClassifier: column "probability" is already in the data; choose another probabilityCol',
    ],
    [
      "doubles beyond float32",
      () => new NeuralClassifier({ network: network(), ...settings }).fit(data.withColumn("features", "[1e300, word]")),
      'NeuralClassifier: row 0 of column "features" holds Infinity, or more than float32\'s 3.4e38; numbers must be finite: fill or drop the row first',
    ],
    [
      "validation of all rows",
      () => new NeuralClassifier({ network: network(), ...settings, validation: 0.9999 }).fit(data),
      "NeuralClassifier: there are no rows to train on; validation takes all 20 of them; change validation",
    ],
    [
      "an option of fit that there is not",
      () => new NeuralClassifier({ network: network(), ...settings }).fit(data, { sginal: undefined } as object),
      'NeuralClassifier: unknown option "sginal"; there are "signal"; did you mean "signal"?',
    ],
    [
      "validation by steps without rows for it",
      () => new NeuralClassifier({ network: network(), ...settings, validateEverySteps: 5 }).fit(data),
      "NeuralClassifier: validateEverySteps needs rows to validate on; set validation, to 0.1 for a tenth of the rows",
    ],
    [
      "labels beyond 1 for one output",
      () => {
        const one = nn.sequential([nn.dense(1)]);
        return new NeuralClassifier({ network: one, loss: "binaryCrossentropy", labelCol: "word", ...settings }).fit(
          data,
        );
      },
      'NeuralClassifier: row 2 of column "word" holds label 2, but this loss takes 0, 1 and what lies between; for several classes end the network in one output each, with loss "crossEntropy"',
    ],
    [
      "one output for class numbers",
      () => new NeuralClassifier({ network: nn.sequential([nn.dense(1)]), ...settings }).fit(data),
      'NeuralClassifier: row 1 of column "label" holds label 1, but the network has one output; set loss: "binaryCrossentropy" for two classes, or give it an output for each',
    ],
    [
      "layers that do not fit",
      () => {
        const flat = nn.sequential([nn.conv2d(4, 3), nn.dense(2)]);
        return new NeuralClassifier({ network: flat, ...settings }).fit(data);
      },
      "Conv2D(4, 3): expected [batch, channels, height, width], got [batch, 2]; put reshape([channels, height, width]) between them",
    ],
    [
      "a list for a DataFrame",
      () => new NeuralClassifier({ network: network(), ...settings }).fit(rows as never),
      "NeuralClassifier: fit takes a DataFrame, got a list; make one with session.createDataFrame(rows)",
    ],
    [
      "a file that is not there",
      () => nn.fromOnnx("nothing.onnx"),
      'fromOnnx: there is no file "nothing.onnx", and no registered model of that name; give the path of an .onnx file, its bytes, or the name of a registered model',
    ],
  ])("%s", async (_, work, message) => {
    await expect(work()).rejects.toThrow(message);
  });

  test("rows to validate on that are no good", async () => {
    const validated = (validation: typeof data) =>
      new NeuralClassifier({ network: network(), validation, ...settings }).fit(data);
    await expect(validated(data.withColumn("label", "word"))).rejects.toThrow(
      'NeuralClassifier: validation: row 2 of column "label" holds label 2, but the network tells 2 classes apart, numbered from 0; give its last layer as many outputs as there are classes',
    );
    const broken = rows.map((row, i) => (i === 7 ? { ...row, features: [Number.NaN, 1] } : row));
    await expect(validated(session.createDataFrame(broken, { features: "float[2]", label: "int" }))).rejects.toThrow(
      'NeuralClassifier: validation: row 7 of column "features" holds NaN; numbers must be finite: fill or drop the row first',
    );
    await expect(validated(data.withColumn("label", "NULL::INT"))).rejects.toThrow(
      'NeuralClassifier: validation: row 0 of column "label" is null; fill or drop it first',
    );
    await expect(validated(data.withColumn("label", "'ant'"))).rejects.toThrow(
      'NeuralClassifier: validation: row 0 of column "label" holds ant, which int32 cannot hold; number the classes from 0, as StringIndexer does',
    );
    await expect(validated(data.withColumn("features", "[1, 2, 3]::FLOAT[3]"))).rejects.toThrow(
      'NeuralClassifier: validation: row 0 of column "features" has 3 values, expected 2; fill or drop it first',
    );
  });

  test("rows of which it is not told whether they validate", async () => {
    const held = data.withColumn("held", "CASE WHEN word = 3 THEN NULL ELSE word = 5 END");
    const classifier = new NeuralClassifier({ network: network(), validation: "held", ...settings });
    await expect(classifier.fit(held)).rejects.toThrow(
      'NeuralClassifier: row 3 of column "held" is null, so it neither trains nor validates; fill or drop it first',
    );
    await expect(classifier.fit(data.withColumn("held", "NULL::BOOLEAN"))).rejects.toThrow(
      'NeuralClassifier: row 0 of column "held" is null, so it neither trains nor validates; fill or drop it first',
    );
  });

  test("a callback that throws nothing", async () => {
    const told = (callback: Callback) =>
      new NeuralClassifier({ network: network(), callbacks: [callback], ...settings }).fit(data);
    const said = (found: string) =>
      `NeuralClassifier: the callback LambdaCallback ${found}; throw an Error that says why`;
    const nothing = undefined as unknown as Error;
    const throws = lambdaCallback({
      onEpochEnd() {
        throw nothing;
      },
    });
    await expect(told(throws)).rejects.toThrow(said("threw undefined in onEpochEnd"));
    await expect(told(lambdaCallback({ onTrainBegin: () => Promise.reject() }))).rejects.toThrow(
      said("threw undefined in onTrainBegin"),
    );
    await expect(told(lambdaCallback({ onTrainEnd: () => Promise.reject(null) }))).rejects.toThrow(
      said("threw null in onTrainEnd"),
    );
    const checkpointDir = await mkdtemp(join(tmpdir(), "deepframe-test-"));
    const keeping = (callback: Callback, epochs: number) =>
      new NeuralClassifier({ network: network(), callbacks: [callback], ...settings, epochs, checkpointDir }).fit(data);
    const named = { name: "LambdaCallback" };
    const noState = () => {
      throw nothing;
    };
    await expect(keeping({ ...named, state: noState }, 1)).rejects.toThrow(said("threw undefined in state"));
    await keeping({ ...named, state: () => 1 }, 1);
    await expect(keeping({ ...named, state: () => 1, restore: noState }, 2)).rejects.toThrow(
      said("threw undefined in restore"),
    );
    await rm(checkpointDir, { recursive: true });
  });

  test("numbers that an embedding has no vector for", async () => {
    const words = nn.sequential([nn.embedding(10, 4), nn.flatten(), nn.dense(2)]);
    const classifier = new NeuralClassifier({ network: words, featuresCol: "word", ...settings });
    const takes = (found: string) =>
      `${found}, but Embedding(10, 4) takes whole numbers from 0 to 9; make its inputDim larger, or number what there is from 0, as StringIndexer does`;
    await expect(classifier.fit(data)).rejects.toThrow(takes('NeuralClassifier: row 10 of column "word" holds 10'));
    // a table is read from its end with numbers below 0
    await expect(classifier.fit(data.withColumn("word", "-word"))).rejects.toThrow(
      takes('NeuralClassifier: row 1 of column "word" holds -1'),
    );
    await expect(classifier.fit(data.withColumn("word", "word / 4.0"))).rejects.toThrow(
      takes('NeuralClassifier: row 1 of column "word" holds 0.25'),
    );
  });

  test("numbers that no layer before an embedding keeps within its table", async () => {
    const trained = (factor: number) => {
      const words = nn.sequential([nn.lambda((x) => x.mul(factor)), nn.embedding(10, 4), nn.flatten(), nn.dense(2)]);
      return new NeuralClassifier({ network: words, featuresCol: "word", ...settings }).fit(data);
    };
    const rest = "but its numbers go from 0 to 9; make its inputDim larger, or check the column";
    await expect(trained(2)).rejects.toThrow(new RegExp(`^NeuralClassifier: an Embedding was fed \\d\\d, ${rest}$`));
    await expect(trained(-0.25)).rejects.toThrow(`NeuralClassifier: an Embedding was fed a number below 0, ${rest}`);
  });

  test("numbers that a model's embedding has no vector for", async () => {
    const words = nn.sequential([nn.embedding(20, 4), nn.flatten(), nn.dense(2)]);
    const classifier = new NeuralClassifier({ network: words, featuresCol: "word", ...settings });
    const model = await classifier.fit(data);
    const ofDoubles = await classifier.fit(data.withColumn("word", "CAST(word AS DOUBLE)"));
    const predict = (word: string, by = model) => by.transform(data.withColumn("word", word)).collect();
    const refused = (row: number, found: string) =>
      `NeuralClassificationModel: row ${row} of column "word" holds ${found}, but the network knows whole numbers from 0 to 19; fill or drop it, or set onError: "null"`;
    await expect(predict("word + 9")).rejects.toThrow(refused(11, "20"));
    for (const word of ["9 - word", "CAST(9 - word AS INT)", "9.0 - word"]) {
      await expect(predict(word), word).rejects.toThrow(refused(10, "-1"));
    }
    await expect(predict("9 - word", ofDoubles)).rejects.toThrow(refused(10, "-1"));
    await expect(predict("word / 4", ofDoubles)).rejects.toThrow(refused(1, "0.25"));
    await expect(predict("CAST('NaN' AS DOUBLE)", ofDoubles)).rejects.toThrow(refused(0, "NaN"));
    await expect(model.predictOne({ word: -1 })).rejects.toThrow(refused(0, "-1"));
    // the other rows are predicted all the same, by a model that was stored too
    const folder = await mkdtemp(join(tmpdir(), "deepframe-test-"));
    await model.with({ onError: "null" }).save(join(folder, "model"));
    const lenient = (await load(join(folder, "model"))) as NeuralClassificationModel;
    await rm(folder, { recursive: true });
    const rows = await lenient.transform(data.withColumn("word", "CASE WHEN word = 3 THEN -1 ELSE word END")).collect();
    const [good] = await model.transform(data).collect();
    expect(rows[0]!.probability).toEqual(good!.probability);
    expect(rows[3]).toMatchObject({ prediction: null, rawPrediction: null });
    expect(rows[3]!.rawPrediction_error).toBe(
      'column "word" holds -1, but the network knows whole numbers from 0 to 19',
    );
  });

  test("numbers beyond a model's table that a layer before it makes", async () => {
    const words = nn.sequential([nn.lambda((x) => x.add(0)), nn.embedding(20, 4), nn.flatten(), nn.dense(2)]);
    const model = await new NeuralClassifier({ network: words, featuresCol: "word", ...settings }).fit(data);
    const predict = (word: string) => model.transform(data.withColumn("word", word)).collect();
    const rest = "the numbers that look up a row, as those of an Embedding, go from 0 to 19";
    await expect(predict("word + 9")).rejects.toThrow(
      new RegExp(`^NeuralClassificationModel: failed to run: a table of 20 rows was asked for row 2\\d; ${rest}$`),
    );
    await expect(predict("word - 12")).rejects.toThrow(
      `NeuralClassificationModel: failed to run: a table of 20 rows was asked for a row below 0; ${rest}`,
    );
  });

  test("a network that no memory holds, before it is drawn", async () => {
    const wide = (units: number) => nn.sequential([nn.dense(units), nn.dense(units), nn.dense(2)]);
    await expect(new NeuralClassifier({ network: wide(100_000), ...settings }).fit(data)).rejects.toThrow(
      'NeuralClassifier: weight "dense_1/kernel" [100000, 100000] would take 40.0 GB, but one weight takes 2 GiB at most; make its layer smaller',
    );
    const many = nn.sequential([...Array.from({ length: 2000 }, () => nn.dense(20_000)), nn.dense(2)]);
    await expect(new NeuralClassifier({ network: many, ...settings }).fit(data)).rejects.toThrow(
      /^NeuralClassifier: the weights, their gradients and what the optimizer keeps take about [\d.]+ TB, and [\d.]+ [GT]B are free; the largest is "dense_1\/kernel" \[20000, 20000\] with 1.6 GB; make its layer smaller$/,
    );
  });

  test("inputs called as the engine's own are trained all the same", async () => {
    const inputs = ["numbers", "weight"].map((name) => nn.input({ name }));
    const joined = nn.concatenate().apply(inputs);
    const model = await new NeuralClassifier({
      network: nn.model({ inputs, outputs: nn.dense(2).apply(joined) }),
      ...{ featuresCols: { numbers: "features", weight: "word" }, weightCol: "word", ...settings },
    }).fit(data);
    expect(model.history).toHaveLength(1);
  });
});

describe("what is given for a signal, for rows to validate on, and to a model", () => {
  const classifier = new NeuralClassifier({ network: network(), ...settings });

  test("a signal that is none is an error", async () => {
    const fitted = (signal: unknown) => classifier.fit(data, { signal: signal as AbortSignal });
    await expect(fitted(7)).rejects.toThrow("NeuralClassifier: signal must be an AbortSignal, got number 7");
    await expect(fitted(new AbortController())).rejects.toThrow(
      "NeuralClassifier: signal must be an AbortSignal, got AbortController; give its .signal",
    );
    await expect(new LogisticRegression().fit(data, { signal: {} as AbortSignal })).rejects.toThrow(
      "LogisticRegression: signal must be an AbortSignal, got Object",
    );
    await expect(data.collect({ signal: "stop" as unknown as AbortSignal })).rejects.toThrow(
      'DataFrame: signal must be an AbortSignal, got string "stop"',
    );
  });

  test("rows to validate on that lack a column are an error that names it", async () => {
    const fitted = (...columns: string[]) => classifier.with({ validation: data.select(...columns) }).fit(data);
    await expect(fitted("features", "word")).rejects.toThrow(
      'NeuralClassifier: the DataFrame of validation has no column "label" (it has "features", "word"), which is trained on',
    );
    await expect(fitted("label")).rejects.toThrow(
      'NeuralClassifier: the DataFrame of validation has no column "features" (it has "label"), which is trained on',
    );
  });

  test("a model refuses numbers that are not finite, with the row, as fit does, or gives nulls", async () => {
    const model = await classifier.fit(data);
    for (const bad of [Number.NaN, Number.POSITIVE_INFINITY]) {
      await expect(model.predictMany([{ features: [1, 2] }, { features: [1, bad] }])).rejects.toThrow(
        `NeuralClassificationModel: row 1 of column "features" holds ${bad}, which no network was trained on; fill or drop it, or set onError: "null"`,
      );
    }
    const lenient = model.with({ onError: "null" });
    const [good, none] = await lenient.predictMany([{ features: [1, 2] }, { features: [Number.NaN, 2] }]);
    expect(good!.prediction).toBe((await model.predictOne({ features: [1, 2] })).prediction);
    expect(none!.prediction).toBeNull();
    expect(none!.rawPrediction_error).toBe('column "features" holds NaN, which no network was trained on');
  });

  test("a model takes rows that are objects", async () => {
    const model = await classifier.fit(data);
    const says = (found: string) =>
      `NeuralClassificationModel: row 0 must be an object of column names and values, got ${found}`;
    await expect(model.predictOne(null as never)).rejects.toThrow(says("null"));
    await expect(model.predictOne(7 as never)).rejects.toThrow(says("number 7"));
  });
});
