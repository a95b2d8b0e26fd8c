/** @file Columns and thresholds of classifiers, named as in Spark ML. */

import type { Schema } from "../../data/schema.js";
import { type ColumnType, tensorOf } from "../../data/types.js";
import { SchemaError, type Who } from "../../errors.js";
import { columnName, number, numbers, optional, type Param, text } from "../../util/params.js";

const thresholds: Param<readonly number[], false> = {
  ...numbers("one per class: the class with the largest ratio of probability to threshold is predicted", { min: 0 }),
  expected: "a list of numbers of at least 0, at most one of them 0",
  broken: [0.5, [-1, 1], [0, 0]],
  accepts: (value) =>
    Array.isArray(value) &&
    value.length >= 2 &&
    value.every((item) => Number.isFinite(item) && item >= 0) &&
    value.filter((item) => item === 0).length <= 1,
};

/** What a classifier reads and adds; an output column without a name is left out. */
export const classifierParams = {
  featuresCol: columnName("vector column of features", { default: "features" }),
  predictionCol: text("column to add: the predicted class, a double; empty for none", { default: "prediction" }),
  probabilityCol: text("column to add: the probability of each class; empty for none", { default: "probability" }),
  rawPredictionCol: text("column to add: the raw score of each class; empty for none", { default: "rawPrediction" }),
  threshold: number("with two classes: class 1 is predicted where its probability is above this", {
    default: 0.5,
    min: 0,
    max: 1,
  }),
  thresholds: optional(thresholds),
};

export interface ClassifierColumns {
  readonly predictionCol: string;
  readonly probabilityCol: string;
  readonly rawPredictionCol: string;
}

/** The schema with the columns that a classifier adds. `classes` is undefined before the fit. */
export function withPredictions(
  schema: Schema,
  columns: ClassifierColumns,
  classes: number | undefined,
  who: Who,
): Schema {
  const vector: ColumnType =
    classes === undefined ? { kind: "array", element: "double" } : tensorOf("double", [classes]);
  let after = schema;
  for (const param of ["rawPredictionCol", "probabilityCol", "predictionCol"] as const) {
    const name = columns[param];
    if (name !== "") after = after.with(name, param === "predictionCol" ? "double" : vector, who, param);
  }
  return after;
}

/** A column of class numbers. @throws SchemaError that says how to number classes with names. */
export function requireLabel(schema: Schema, labelCol: string, who: Who): void {
  if (schema.require(labelCol, who, "labelCol") === "string") {
    throw new SchemaError(
      who,
      `column "${labelCol}" must be a number, but is string; number the classes with StringIndexer`,
      {
        code: "COLUMN_TYPE",
        column: labelCol,
      },
    );
  }
  schema.requireNumber(labelCol, who, "labelCol");
}
