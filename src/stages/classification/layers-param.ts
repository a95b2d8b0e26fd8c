/** @file The parameter `layers` of a multilayer perceptron, named as in Spark MLlib. */

import { numbers, type Param } from "../../util/params.js";

export const layersParam: Param<readonly number[], false> = {
  ...numbers("widths of the layers: the features' first, the number of classes last"),
  optional: false,
  expected: "a list of at least 2 whole numbers from 1 up",
  broken: [3, [3], [3, 0], [3, 1.5]],
  accepts: (value) =>
    Array.isArray(value) && value.length >= 2 && value.every((size) => Number.isInteger(size) && size >= 1),
};
