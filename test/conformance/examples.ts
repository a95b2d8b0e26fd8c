/** @file An example of every stage, for the conformance tests: one entry per class. */

import type { Row } from "../../src/data/rows.js";
import * as nn from "../../src/nn/index.js";
import { Pipeline, PipelineModel } from "../../src/pipeline/pipeline.js";
import type { Stage } from "../../src/pipeline/stage.js";
import { LogisticRegression } from "../../src/stages/classification/logistic-regression.js";
import { MultilayerPerceptronClassificationModel } from "../../src/stages/classification/multilayer-perceptron-classification-model.js";
import { MultilayerPerceptronClassifier } from "../../src/stages/classification/multilayer-perceptron-classifier.js";
import { NeuralClassifier } from "../../src/stages/classification/neural-classifier.js";
import { MapBatches } from "../../src/stages/code/map-batches.js";
import { MapRows } from "../../src/stages/code/map-rows.js";
import { BinaryClassificationEvaluator } from "../../src/stages/evaluation/binary-classification-evaluator.js";
import { MulticlassClassificationEvaluator } from "../../src/stages/evaluation/multiclass-classification-evaluator.js";
import { RegressionEvaluator } from "../../src/stages/evaluation/regression-evaluator.js";
import { Bucketizer } from "../../src/stages/feature/bucketizer.js";
import { Imputer, ImputerModel } from "../../src/stages/feature/imputer.js";
import { IndexToString } from "../../src/stages/feature/index-to-string.js";
import { MinMaxScaler, MinMaxScalerModel } from "../../src/stages/feature/min-max-scaler.js";
import { OneHotEncoder, OneHotEncoderModel } from "../../src/stages/feature/one-hot-encoder.js";
import { SqlTransformer } from "../../src/stages/feature/sql-transformer.js";
import { StandardScaler, StandardScalerModel } from "../../src/stages/feature/standard-scaler.js";
import { StringIndexer, StringIndexerModel } from "../../src/stages/feature/string-indexer.js";
import { VectorAssembler } from "../../src/stages/feature/vector-assembler.js";
import { ImageDecoder } from "../../src/stages/image/image-decoder.js";
import { ImageFeaturizer } from "../../src/stages/image/image-featurizer.js";
import { ImagePredictor } from "../../src/stages/image/image-predictor.js";
import { ImageTransformer } from "../../src/stages/image/image-transformer.js";
import { OnnxModel } from "../../src/stages/onnx/onnx-model.js";
import { LinearRegression } from "../../src/stages/regression/linear-regression.js";
import { NeuralRegressor } from "../../src/stages/regression/neural-regressor.js";
import { SentenceEmbedder } from "../../src/stages/text/sentence-embedder.js";
import { TextTokenizer } from "../../src/stages/text/text-tokenizer.js";
import type { TestEngine } from "../engines.js";
import { smallTokenizer, tinyTransformer } from "../fixtures/text.js";
import { identity } from "../fixtures/tiny-onnx.js";

export interface StageExample {
  /** A stage with its required parameters, others as defaults. */
  readonly make: (engine: TestEngine) => Stage | Promise<Stage>;
  /** Columns it reads: name to type. */
  readonly types: Readonly<Record<string, string>>;
  /** Row i of as many as a test asks for. */
  readonly row: (i: number) => Row;
  /** Rows that are more than one task takes; 20,000 by default, fewer where a row is much work. */
  readonly many?: number;
}

const userModule = new URL("../../../test/fixtures/user/clean.ts", import.meta.url).href;
const number = { types: { x: "double" }, row: (i: number) => ({ x: (i % 7) - 2.5 }) };
const index = { types: { i: "double" }, row: (i: number) => ({ i: i % 3 }) };
const word = { types: { s: "string" }, row: (i: number) => ({ s: ["b", "a", "é", ""][i % 4] }) };
const vector = { types: { v: "float[3]" }, row: (i: number) => ({ v: [i % 11, (i % 5) / 4, -i % 3] }) };
const sentences = {
  types: { s: "string" },
  row: (i: number) => ({ s: ["The rain is not sunny.", "", "Café, rain!", "雨 xyzzy"][i % 4] }),
};
const labelled = {
  types: { features: "double[2]", label: "double" },
  row: (i: number) => ({ features: [i % 7, (i * 5) % 3], label: (i % 7) + ((i * 5) % 3) > 3 ? 1 : 0 }),
};
const predicted = {
  types: { label: "double", prediction: "double", probability: "double[2]", rawPrediction: "double[2]" },
  row: (i: number) => {
    const p = ((i * 7) % 10) / 10;
    return { label: i % 2, prediction: p > 0.5 ? 1 : 0, probability: [1 - p, p], rawPrediction: [-p, p] };
  },
};
const smallNetwork = (outputs: number) => nn.sequential([nn.dense(3, { activation: "relu" }), nn.dense(outputs)]);
const pictures = { types: { image: "binary" }, row: (i: number) => ({ image: picture(i) }), many: 40 };
const picture1 = { inputCol: "image", outputCol: "out" };

export const examples: Readonly<Record<string, StageExample>> = {
  Pipeline: { ...word, make: () => new Pipeline([new StringIndexer({ inputCol: "s", outputCol: "i" })]) },
  PipelineModel: {
    ...number,
    make: () =>
      new PipelineModel([
        new Bucketizer({ inputCol: "x", outputCol: "b", splits: [-Infinity, 0, Infinity] }),
        new VectorAssembler({ inputCols: ["x", "b"], outputCol: "v" }),
      ]),
  },
  VectorAssembler: {
    types: { x: "double", n: "int", v: "float[2]" },
    row: (i) => ({ x: i / 4, n: i, v: [1, -i] }),
    make: () => new VectorAssembler({ inputCols: ["x", "v", "n"], outputCol: "out" }),
  },
  IndexToString: {
    ...index,
    make: () => new IndexToString({ inputCol: "i", outputCol: "s", labels: ["a", "b", "c"] }),
  },
  Bucketizer: {
    ...number,
    make: () => new Bucketizer({ inputCol: "x", outputCol: "b", splits: [-Infinity, 0, 1, Infinity] }),
  },
  StringIndexer: { ...word, make: () => new StringIndexer({ inputCol: "s", outputCol: "i" }) },
  StringIndexerModel: {
    ...word,
    make: () => new StringIndexerModel({ inputCol: "s", outputCol: "i", labelsArray: [["a", "b", "", "é"]] }),
  },
  OneHotEncoder: { ...index, make: () => new OneHotEncoder({ inputCol: "i", outputCol: "v" }) },
  OneHotEncoderModel: {
    ...index,
    make: () => new OneHotEncoderModel({ inputCol: "i", outputCol: "v", categorySizes: [3] }),
  },
  StandardScaler: { ...vector, make: () => new StandardScaler({ inputCol: "v", outputCol: "out" }) },
  StandardScalerModel: {
    ...vector,
    make: () => new StandardScalerModel({ inputCol: "v", outputCol: "out", mean: [1, 2, 3], std: [2, 0, 1] }),
  },
  MinMaxScaler: { ...vector, make: () => new MinMaxScaler({ inputCol: "v", outputCol: "out" }) },
  MinMaxScalerModel: {
    ...vector,
    make: () =>
      new MinMaxScalerModel({ inputCol: "v", outputCol: "out", originalMin: [0, 0, 0], originalMax: [1, 2, 0] }),
  },
  Imputer: { ...number, make: () => new Imputer({ inputCol: "x", outputCol: "full" }) },
  ImputerModel: { ...number, make: () => new ImputerModel({ inputCol: "x", outputCol: "full", surrogates: [0.5] }) },
  SqlTransformer: {
    ...number,
    make: () => new SqlTransformer({ statement: "SELECT *, x * 2 AS twice FROM __THIS__" }),
  },
  MapRows: {
    types: { text: "string" },
    row: (i) => ({ text: ["a b", "", "c"][i % 3] }),
    make: () => new MapRows({ module: userModule, export: "words", adds: { words: "int" }, columns: ["text"] }),
  },
  MapBatches: {
    ...number,
    make: () =>
      new MapBatches({
        module: userModule,
        export: "scale",
        adds: { y: "double" },
        columns: ["x"],
        options: { by: 2 },
      }),
  },
  OnnxModel: {
    ...vector,
    make: () => OnnxModel.load(identity("float32"), { feeds: { x: "v" }, fetches: { y: "y" } }),
  },
  ImageDecoder: { ...pictures, make: () => new ImageDecoder(picture1) },
  ImageTransformer: { ...pictures, make: () => new ImageTransformer({ ...picture1, resize: [4, 6] }) },
  ImageFeaturizer: { ...pictures, make: () => new ImageFeaturizer(picture1) },
  ImagePredictor: { ...pictures, make: () => new ImagePredictor(picture1) },
  TextTokenizer: {
    ...sentences,
    make: () => new TextTokenizer({ inputCol: "s", tokenizer: smallTokenizer, maxLength: 6 }),
  },
  SentenceEmbedder: {
    ...{ ...sentences, many: 400 },
    make: () =>
      new SentenceEmbedder({ inputCol: "s", outputCol: "out", tokenizer: smallTokenizer, model: tinyTransformer() }),
  },
  LogisticRegression: { ...labelled, make: () => new LogisticRegression({}) },
  LogisticRegressionModel: {
    ...labelled,
    make: async ({ frame }) => {
      const rows = Array.from({ length: 50 }, (_, i) => labelled.row(i));
      return new LogisticRegression({ regParam: 0.1 }).fit(await frame(rows, labelled.types));
    },
  },
  MultilayerPerceptronClassifier: {
    ...labelled,
    make: () => new MultilayerPerceptronClassifier({ layers: [2, 3, 2], maxIter: 5 }),
  },
  MultilayerPerceptronClassificationModel: {
    ...labelled,
    make: () => MultilayerPerceptronClassificationModel.of({ layers: [2, 2] }, [1, -1, 0.5, 2, 0, 1]),
  },
  NeuralClassifier: {
    ...labelled,
    make: () => new NeuralClassifier({ network: smallNetwork(2), epochs: 1 }),
  },
  NeuralClassificationModel: {
    ...labelled,
    make: async ({ frame }) => {
      const rows = Array.from({ length: 50 }, (_, i) => labelled.row(i));
      return new NeuralClassifier({ network: smallNetwork(2), epochs: 1 }).fit(await frame(rows, labelled.types));
    },
  },
  NeuralRegressor: {
    ...labelled,
    make: () => new NeuralRegressor({ network: smallNetwork(1), epochs: 1 }),
  },
  NeuralRegressionModel: {
    ...labelled,
    make: async ({ frame }) => {
      const rows = Array.from({ length: 50 }, (_, i) => labelled.row(i));
      return new NeuralRegressor({ network: smallNetwork(1), epochs: 1 }).fit(await frame(rows, labelled.types));
    },
  },
  LinearRegression: { ...labelled, make: () => new LinearRegression({}) },
  LinearRegressionModel: {
    ...labelled,
    make: async ({ frame }) => {
      const rows = Array.from({ length: 50 }, (_, i) => labelled.row(i));
      return new LinearRegression({ regParam: 0.1 }).fit(await frame(rows, labelled.types));
    },
  },
  BinaryClassificationEvaluator: { ...predicted, make: () => new BinaryClassificationEvaluator({}) },
  MulticlassClassificationEvaluator: { ...predicted, make: () => new MulticlassClassificationEvaluator({}) },
  RegressionEvaluator: { ...predicted, make: () => new RegressionEvaluator({}) },
};

/** A BMP file of 5 by 4 pixels, whose colours follow from `i`. */
function picture(i: number): Uint8Array {
  const [width, height, stride, header] = [5, 4, 16, 54];
  const file = Buffer.alloc(header + stride * height);
  file.write("BM");
  file.writeUInt32LE(file.length, 2);
  file.writeUInt32LE(header, 10);
  file.writeUInt32LE(40, 14);
  file.writeInt32LE(width, 18);
  file.writeInt32LE(height, 22);
  file.writeUInt16LE(1, 26);
  file.writeUInt16LE(24, 28);
  for (let at = header; at < file.length; at++) file[at] = (at * 37 + i * 101) % 256;
  return new Uint8Array(file);
}
