/** @file Every stage class that saved models and workers can name: one line each. */

import { Pipeline, PipelineModel } from "../pipeline/pipeline.js";
import { registerStages } from "../pipeline/registry.js";
import { LogisticRegression } from "./classification/logistic-regression.js";
import { LogisticRegressionModel } from "./classification/logistic-regression-model.js";
import { BinaryClassificationEvaluator } from "./evaluation/binary-classification-evaluator.js";
import { MulticlassClassificationEvaluator } from "./evaluation/multiclass-classification-evaluator.js";
import { RegressionEvaluator } from "./evaluation/regression-evaluator.js";
import { Bucketizer } from "./feature/bucketizer.js";
import { IndexToString } from "./feature/index-to-string.js";
import { VectorAssembler } from "./feature/vector-assembler.js";
import { ImageDecoder } from "./image/image-decoder.js";
import { ImageFeaturizer } from "./image/image-featurizer.js";
import { ImagePredictor } from "./image/image-predictor.js";
import { ImageTransformer } from "./image/image-transformer.js";

registerStages(Pipeline);
registerStages(PipelineModel);
registerStages(VectorAssembler);
registerStages(IndexToString);
registerStages(Bucketizer);
registerStages(ImageDecoder);
registerStages(ImageFeaturizer);
registerStages(ImagePredictor);
registerStages(ImageTransformer);
registerStages(LogisticRegression);
registerStages(LogisticRegressionModel);
registerStages(BinaryClassificationEvaluator);
registerStages(MulticlassClassificationEvaluator);
registerStages(RegressionEvaluator);
