/** @file Cross-entropy of classes: targets are class numbers, or one-hot vectors and probabilities. */

import { ShapeError } from "../../errors.js";
import type { Value } from "../../graph/value.js";
import { areNumbers } from "../../ops/dims.js";
import { sizeOf } from "../../tensor/shape.js";
import { choice, number, numbers, optional, type Values } from "../../util/params.js";
import { fromLogits, logitsOf, tiny } from "./logits.js";
import { defineLoss, type LossInputs } from "./loss.js";

const common = {
  fromLogits,
  labelSmoothing: number("part of each target that is spread over all classes", { default: 0, min: 0, max: 1 }),
  weight: optional(numbers("factor of each class's loss, as PyTorch's weight", { min: 0 })),
};

const specs = {
  ...common,
  targets: choice("what the targets are", ["classes", "probabilities"], { default: "classes" }),
};

/**
 * -log of the probability that the prediction gives to the target's class, from predictions [batch, classes] or
 * [batch, ..., classes]. With `weight` each row's loss is multiplied by its class's; the mean is over rows, as with PyTorch's
 * `reduction: "none"`. Label smoothing is PyTorch's too.
 *
 * @example nn.losses.crossEntropy({ labelSmoothing: 0.1 })
 */
export const crossEntropy = defineLoss({
  type: "CrossEntropy",
  specs,
  target: ({ targets }) => (targets === "classes" ? "classes" : "values"),
  activation: (params) => (params.fromLogits ? "softmax" : "none"),
  perPlace: (inputs, params) =>
    params.targets === "classes"
      ? ofClasses("CrossEntropy", inputs, params)
      : ofVectors("CrossEntropy", inputs, params),
});

/** Cross-entropy of class numbers under Keras's name. Unlike in Keras, predictions are logits unless `fromLogits: false`. */
export const sparseCategoricalCrossentropy = defineLoss({
  type: "SparseCategoricalCrossentropy",
  specs: common,
  target: "classes",
  activation: (params) => (params.fromLogits ? "softmax" : "none"),
  perPlace: (inputs, params) => ofClasses("SparseCategoricalCrossentropy", inputs, params),
});

/**
 * Cross-entropy of one-hot vectors or probabilities [batch, ..., classes] under Keras's name. Unlike in Keras, predictions
 * are logits unless `fromLogits: false`.
 */
export const categoricalCrossentropy = defineLoss({
  type: "CategoricalCrossentropy",
  specs: common,
  activation: (params) => (params.fromLogits ? "softmax" : "none"),
  perPlace: (inputs, params) => ofVectors("CategoricalCrossentropy", inputs, params),
});

type Params = Values<typeof common>;

/** @throws ShapeError where there is not one class number for each place of the prediction */
function requirePlaces(who: string, { shape: predicted }: Value, { shape: given }: Value): void {
  if (predicted === undefined || given === undefined) return;
  const [placesShape, numbersShape] = [predicted.slice(1, -1), given.slice(1)];
  if (!areNumbers(placesShape) || !areNumbers(numbersShape)) return;
  const [places, numbers] = [sizeOf(placesShape), sizeOf(numbersShape)];
  if (places === numbers) return;
  const found = `the network gives [${predicted.join(", ")}], which has ${places} place${places === 1 ? "" : "s"} in each row, but labels have ${numbers}`;
  const isOneHot = places === 1 && numbers === predicted.at(-1);
  if (isOneHot) throw new ShapeError(who, `${found}; for one-hot labels take loss "categoricalCrossentropy"`);
  throw new ShapeError(who, `${found}; put flatten() or pooling before its last layer, or give a label for each place`);
}

function ofClasses(who: string, { g, prediction, target }: LossInputs, params: Params): Value {
  const logits = scores(who, { g, prediction }, params.fromLogits);
  const classes = classesOf(who, prediction);
  const weight = weightOf(who, g, params, classes, logits);
  requirePlaces(who, prediction, target);
  const isFlat = (prediction.rank ?? 2) === 2;
  const rows = isFlat ? logits : g.reshape(logits, [-1, classes]);
  // a column of labels may come as [batch, 1]
  const labels = isFlat && target.rank === 1 ? target : g.reshape(target, [-1]);
  const [own, logProbabilities] = g.ops(
    "SoftmaxCrossEntropyLoss",
    [rows, labels, weight],
    { reduction: "none" },
    { outputs: 2 },
  ) as [Value, Value];
  const { labelSmoothing: part } = params;
  const weighted = weight === undefined ? logProbabilities : g.mul(logProbabilities, weight);
  const loss =
    part === 0 ? own : g.sub(g.mul(own, 1 - part), g.mul(g.reduceSum(weighted, { axes: [-1] }), part / classes));
  return isFlat ? loss : g.reshape(loss, g.shapeLike(g.gather(prediction, 0, { axis: (prediction.rank ?? 2) - 1 })));
}

function ofVectors(who: string, { g, prediction, target }: LossInputs, params: Params): Value {
  const logits = scores(who, { g, prediction }, params.fromLogits);
  const classes = classesOf(who, prediction);
  const weight = weightOf(who, g, params, classes, logits);
  const { labelSmoothing: part } = params;
  const smooth = part === 0 ? target : g.add(g.mul(target, 1 - part), part / classes);
  const wanted = weight === undefined ? smooth : g.mul(smooth, weight);
  return g.neg(g.reduceSum(g.mul(wanted, g.logSoftmax(logits)), { axes: [-1] }));
}

/** Logits; of probabilities their logarithms, which softmax turns into the same probabilities. */
function scores(who: string, { g, prediction }: Pick<LossInputs, "g" | "prediction">, fromLogits: boolean): Value {
  const logits = logitsOf(who, g, prediction, { activation: "Softmax", fromLogits });
  return logits ?? g.log(g.max(prediction, tiny));
}

/** Number of classes. @throws ShapeError where the prediction is no list of scores. */
export function classesOf(who: string, prediction: Value): number {
  const classes = prediction.shape?.at(-1);
  if (typeof classes === "number" && (prediction.rank ?? 0) > 1) return classes;
  throw new ShapeError(
    who,
    `predictions [batch, ..., classes] expected, got [${prediction.shape?.join(", ") ?? "?"}]; end the network in one output per class`,
  );
}

function weightOf(
  who: string,
  g: LossInputs["g"],
  { weight }: Params,
  classes: number,
  like: Value,
): Value | undefined {
  if (weight === undefined) return undefined;
  if (weight.length !== classes) {
    throw new ShapeError(who, `weight must have one number per class, so ${classes}, got ${weight.length}`);
  }
  return g.constant(weight, like.dtype === "float64" ? "float64" : "float32");
}
