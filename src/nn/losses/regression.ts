/** @file Losses of numbers: squared, absolute and relative errors, Huber, log-cosh, Poisson. */

import { number } from "../../util/params.js";
import { tiny } from "./logits.js";
import { defineLoss } from "./loss.js";

/** (prediction - target)^2. */
export const meanSquaredError = defineLoss({
  type: "MeanSquaredError",
  aliases: ["mse"],
  predicts: "values",
  specs: {},
  perPlace: ({ g, prediction, target }) => g.square(g.sub(prediction, target)),
});

/** |prediction - target|. */
export const meanAbsoluteError = defineLoss({
  type: "MeanAbsoluteError",
  aliases: ["mae"],
  predicts: "values",
  specs: {},
  perPlace: ({ g, prediction, target }) => g.abs(g.sub(prediction, target)),
});

/** 100 * |prediction - target| / |target|; targets nearer to 0 than 1e-7 count as 1e-7, as in Keras. */
export const meanAbsolutePercentageError = defineLoss({
  type: "MeanAbsolutePercentageError",
  aliases: ["mape"],
  predicts: "values",
  specs: {},
  perPlace: ({ g, prediction, target }) =>
    g.mul(g.abs(g.div(g.sub(prediction, target), g.max(g.abs(target), tiny))), 100),
});

/** (log(1 + prediction) - log(1 + target))^2; negative numbers count as 0, as in Keras. */
export const meanSquaredLogarithmicError = defineLoss({
  type: "MeanSquaredLogarithmicError",
  aliases: ["msle"],
  predicts: "values",
  specs: {},
  perPlace({ g, prediction, target }) {
    const log = (x: typeof target) => g.log(g.add(g.max(x, tiny), 1));
    return g.square(g.sub(log(prediction), log(target)));
  },
});

/** Half the square of errors up to `delta`, and delta * (|error| - delta / 2) beyond. */
export const huber = defineLoss({
  type: "Huber",
  predicts: "values",
  specs: { delta: number("error from which the loss grows linearly", { default: 1, above: 0 }) },
  perPlace({ g, prediction, target }, { delta }) {
    const error = g.abs(g.sub(prediction, target));
    const near = g.min(error, delta);
    return g.mul(near, g.sub(error, g.mul(near, 0.5)));
  },
});

/** log(cosh(prediction - target)): like half the square for small errors, like the absolute error for large ones. */
export const logCosh = defineLoss({
  type: "LogCosh",
  predicts: "values",
  specs: {},
  perPlace({ g, prediction, target }) {
    // log((e^x + e^-x) / 2) = x + log(1 + e^-2x) - log 2
    const error = g.sub(prediction, target);
    return g.sub(g.add(error, g.softplus(g.mul(error, -2))), Math.LN2);
  },
});

/** prediction - target * log(prediction), for counts; predictions are above 0, as after softplus or exp. */
export const poisson = defineLoss({
  type: "Poisson",
  predicts: "values",
  specs: {},
  perPlace: ({ g, prediction, target }) => g.sub(prediction, g.mul(target, g.log(g.add(prediction, tiny)))),
});
