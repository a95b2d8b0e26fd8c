/** @file The namespace `params`: how layers, losses, metrics, schedules, optimizers and stages of one's own declare parameters. */

export {
  asset,
  boolean,
  choice,
  columnName,
  columnNames,
  defineParams,
  type Input,
  integer,
  json,
  number,
  numbers,
  optional,
  type Param,
  type ParamSpecs,
  strings,
  text,
  type Values,
} from "./params.js";
