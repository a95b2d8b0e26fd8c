/** @file Columns and thresholds of classifiers, named as in Spark ML. */

import type { Schema } from "../../data/schema.js";
import { type ColumnType, tensorOf } from "../../data/types.js";
import { DataError, ParamError, SchemaError, type Who } from "../../errors.js";
import { columnName, number, numbers, optional, type Param, text } from "../../util/params.js";
import type { Summary } from "../objective/summary.js";
import type { PredictedColumn } from "../predictions.js";

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
  thresholds: optional(thresholds),
};

/** Of classifiers that tell two classes apart by one number. */
export const thresholdParam = {
  threshold: number("with two classes: class 1 is predicted where its probability is above this", {
    default: 0.5,
    min: 0,
    max: 1,
  }),
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

/** The outputs of a classifier's graph, as columns. */
export function predictedColumns(columns: ClassifierColumns, classes: number): PredictedColumn[] {
  return [
    { column: columns.rawPredictionCol, output: "rawPrediction", width: classes },
    { column: columns.probabilityCol, output: "probability", width: classes },
    { column: columns.predictionCol, output: "prediction" },
  ];
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

/** @throws DataError where there is one class only, or all weights are 0. */
export function requireClasses({ classWeights, weight, rows }: Summary, who: Who): void {
  if (weight === 0) throw new DataError(who, `the weights of all ${rows} rows are 0; there is nothing to learn from`);
  const present = [...classWeights.keys()].filter((label) => classWeights[label]! > 0);
  if (present.length < 2) {
    throw new DataError(who, `all ${rows} rows have label ${present[0]}; training needs at least two classes`, {
      code: "ONE_CLASS",
    });
  }
}

/** @throws ParamError where there is not one threshold per class. */
export function requireThresholds(thresholds: readonly number[] | undefined, classes: number, who: Who): void {
  if (thresholds === undefined || thresholds.length === classes) return;
  const message = `thresholds must hold ${classes} numbers, one per class, got ${thresholds.length}`;
  throw new ParamError(who, message, { param: "thresholds" });
}
