/** @file Metrics of training, as `nn.metrics`. */

export { accuracy, topKCategoricalAccuracy } from "./accuracy.js";
export { auc } from "./auc.js";
export type { BatchMetric, MetricInputs } from "./batch-metric.js";
export { defineMetric } from "./batch-metric.js";
export {
  cosineSimilarity,
  logLoss,
  meanAbsoluteError,
  meanAbsolutePercentageError,
  meanSquaredError,
  r2,
  rootMeanSquaredError,
} from "./errors.js";
export { f1, precision, recall } from "./hits.js";
