/** @file MeanSquaredError. */

import { losses } from "./loss.js";
import { meanOfRows } from "./rows.js";

/** (prediction - target)^2, mean over each row. */
export const meanSquaredError = losses.define({
  type: "MeanSquaredError",
  specs: {},
  positional: [],
  make: (params) => ({
    type: "MeanSquaredError",
    params,
    target: "values",
    activation: "none",
    perRow: ({ g, prediction, target, mask }) => meanOfRows(g.square(g.sub(prediction, target)), mask),
  }),
});
