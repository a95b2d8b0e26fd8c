/** @file Losses, as `nn.losses`. */

export { binaryCrossentropy } from "./binary-cross-entropy.js";
export { categoricalCrossentropy, crossEntropy, sparseCategoricalCrossentropy } from "./cross-entropy.js";
export { ctc } from "./ctc.js";
export { binaryFocalCrossentropy, categoricalFocalCrossentropy } from "./focal.js";
export { categoricalHinge, hinge, squaredHinge } from "./hinge.js";
export type { Loss, LossInputs } from "./loss.js";
export { defineLoss } from "./loss.js";
export {
  huber,
  logCosh,
  meanAbsoluteError,
  meanAbsolutePercentageError,
  meanSquaredError,
  meanSquaredLogarithmicError,
  poisson,
} from "./regression.js";
export { cosineSimilarity, klDivergence } from "./similarity.js";
export { tripletSemiHard } from "./triplet.js";
