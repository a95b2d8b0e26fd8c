/** @file The transformers that workers may be asked to run, each loaded when a chain first names it: most chains need one. */

import type { StageSpec } from "../data/batch-stage.js";
import { registerStages, type StageClass } from "../pipeline/registry.js";
import { typesIn } from "../util/types-in.js";

/** Importing a module by a literal lets the bundle for executors hold it. */
const modules: Readonly<Record<string, () => Promise<object>>> = {
  Bucketizer: () => import("./feature/bucketizer.js"),
  ImageDecoder: () => import("./image/image-decoder.js"),
  ImageFeaturizer: () => import("./image/image-featurizer.js"),
  ImagePredictor: () => import("./image/image-predictor.js"),
  ImageTransformer: () => import("./image/image-transformer.js"),
  ImputerModel: () => import("./feature/imputer.js"),
  IndexToString: () => import("./feature/index-to-string.js"),
  LinearRegressionModel: () => import("./regression/linear-regression-model.js"),
  LogisticRegressionModel: () => import("./classification/logistic-regression-model.js"),
  MapBatches: () => import("./code/map-batches.js"),
  MapRows: () => import("./code/map-rows.js"),
  MinMaxScalerModel: () => import("./feature/min-max-scaler.js"),
  MultilayerPerceptronClassificationModel: () =>
    import("./classification/multilayer-perceptron-classification-model.js"),
  NeuralClassificationModel: () => import("./classification/neural-classification-model.js"),
  NeuralRegressionModel: () => import("./regression/neural-regression-model.js"),
  OneHotEncoderModel: () => import("./feature/one-hot-encoder.js"),
  OnnxModel: () => import("./onnx/onnx-model.js"),
  PipelineModel: () => import("../pipeline/pipeline.js"),
  SentenceEmbedder: () => import("./text/sentence-embedder.js"),
  SqlTransformer: () => import("./feature/sql-transformer.js"),
  StandardScalerModel: () => import("./feature/standard-scaler.js"),
  StringIndexerModel: () => import("./feature/string-indexer.js"),
  TextTokenizer: () => import("./text/text-tokenizer.js"),
  VectorAssembler: () => import("./feature/vector-assembler.js"),
};

/** Names of the transformers that {@link loadTransformers} finds. */
export const transformerNames: readonly string[] = Object.keys(modules);

/** Registers the classes of a stage and of the stages among its parameters, where they are ours. */
export async function loadTransformers(spec: StageSpec): Promise<void> {
  await Promise.all(
    [...typesIn({ type: spec.type, params: spec.params })].map(async (type) => {
      if (!Object.hasOwn(modules, type)) return;
      const loaded = (await modules[type]!()) as Readonly<Record<string, StageClass>>;
      registerStages(loaded[type]!);
    }),
  );
}
