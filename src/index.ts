/** @file The public surface of deepframe. */

import "./stages/index.js";

export { type CheckOptions, checkDirection, checkGradient, type GradientError } from "./autodiff/check.js";
export { type GradientOptions, gradient } from "./autodiff/gradient.js";
export { DataFrame } from "./data/dataframe.js";
export type { Progress, ProgressListener } from "./data/engine.js";
export { col, type Expr, expr, lit, when } from "./data/expr.js";
export type { GroupedData } from "./data/grouped.js";
export type { DataFrameReader } from "./data/reader.js";
export type { Row } from "./data/rows.js";
export { Schema } from "./data/schema.js";
export type { ColumnType, Field } from "./data/types.js";
export type { MapOptions, UserFunction } from "./data/user-function.js";
export type { DataFrameWriter } from "./data/writer.js";
export {
  DataError,
  DeepframeError,
  EngineError,
  GraphError,
  ParamError,
  SchemaError,
  ShapeError,
  TrainingError,
} from "./errors.js";
export { float } from "./graph/attributes.js";
export { foldConstants } from "./graph/fold.js";
export { Graph } from "./graph/graph.js";
export { GraphBuilder } from "./graph/graph-builder.js";
export type { Dim, Node, ValueInfo } from "./graph/types.js";
export type { Value } from "./graph/value.js";
export * as nn from "./nn/index.js";
export {
  ClassificationReport,
  type ClassRates,
  type ClassReport,
} from "./nn/metrics/classification-report.js";
export { inferShapes } from "./ops/infer.js";
export { estimateMemory, type MemoryEstimate } from "./ops/memory.js";
export { defineOp, floats, int, ints, optionalFloat, text, texts } from "./ops/op.js";
export { extend, type InputSpec, type TraceOptions, trace } from "./ops/trace.js";
export * as optim from "./optim/index.js";
export { load, loadEstimator } from "./pipeline/load.js";
export { Pipeline, PipelineModel } from "./pipeline/pipeline.js";
export { registerStages } from "./pipeline/registry.js";
export { type BatchFunction, Estimator, Model, Stage, type StageContext, Transformer } from "./pipeline/stage.js";
export { run } from "./runtime/run.js";
export { Session, type SessionOptions } from "./session.js";
export { LogisticRegression } from "./stages/classification/logistic-regression.js";
export { LogisticRegressionModel } from "./stages/classification/logistic-regression-model.js";
export { MultilayerPerceptronClassificationModel } from "./stages/classification/multilayer-perceptron-classification-model.js";
export { MultilayerPerceptronClassifier } from "./stages/classification/multilayer-perceptron-classifier.js";
export { NeuralClassificationModel } from "./stages/classification/neural-classification-model.js";
export { NeuralClassifier } from "./stages/classification/neural-classifier.js";
export { MapBatches } from "./stages/code/map-batches.js";
export { MapRows } from "./stages/code/map-rows.js";
export { BinaryClassificationEvaluator } from "./stages/evaluation/binary-classification-evaluator.js";
export { classificationReport, type ReportOptions } from "./stages/evaluation/classification-report.js";
export { MulticlassClassificationEvaluator } from "./stages/evaluation/multiclass-classification-evaluator.js";
export { RegressionEvaluator } from "./stages/evaluation/regression-evaluator.js";
export { Bucketizer } from "./stages/feature/bucketizer.js";
export { Imputer, ImputerModel } from "./stages/feature/imputer.js";
export { IndexToString } from "./stages/feature/index-to-string.js";
export { MinMaxScaler, MinMaxScalerModel } from "./stages/feature/min-max-scaler.js";
export { OneHotEncoder, OneHotEncoderModel } from "./stages/feature/one-hot-encoder.js";
export { SqlTransformer } from "./stages/feature/sql-transformer.js";
export { StandardScaler, StandardScalerModel } from "./stages/feature/standard-scaler.js";
export { StringIndexer, StringIndexerModel } from "./stages/feature/string-indexer.js";
export { VectorAssembler } from "./stages/feature/vector-assembler.js";
export { ImageDecoder } from "./stages/image/image-decoder.js";
export { ImageFeaturizer } from "./stages/image/image-featurizer.js";
export { ImagePredictor } from "./stages/image/image-predictor.js";
export { ImageTransformer } from "./stages/image/image-transformer.js";
export { type ImageModel, modelNames, registerModel } from "./stages/image/models.js";
export { OnnxModel } from "./stages/onnx/onnx-model.js";
export { LinearRegression } from "./stages/regression/linear-regression.js";
export { LinearRegressionModel } from "./stages/regression/linear-regression-model.js";
export { NeuralRegressionModel } from "./stages/regression/neural-regression-model.js";
export { NeuralRegressor } from "./stages/regression/neural-regressor.js";
export { SentenceEmbedder } from "./stages/text/sentence-embedder.js";
export { sentenceGraph } from "./stages/text/sentence-graph.js";
export { TextTokenizer } from "./stages/text/text-tokenizer.js";
export type { DType } from "./tensor/dtype.js";
export { Tensor } from "./tensor/tensor.js";
export type { Callback, Logs, TrainingRun } from "./train/callback.js";
export * as callbacks from "./train/callbacks/index.js";
export { Asset } from "./util/asset.js";
export * as params from "./util/declare.js";
export { version } from "./util/version.js";
export type { FunctionOptions } from "./worker/function-of.js";
