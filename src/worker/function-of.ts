/** @file What a model is as a SQL function: which columns are its arguments, of which types, and what it gives. */

import { Schema } from "../data/schema.js";
import type { ColumnType } from "../data/types.js";
import { formatType, parseType } from "../data/types.js";
import { DeepframeError, listNames, ParamError, SchemaError } from "../errors.js";
import { PipelineModel } from "../pipeline/pipeline.js";
import { Transformer } from "../pipeline/stage.js";
import { ModelFunction } from "./model-function.js";

/** How a model becomes a SQL function. */
export interface FunctionOptions {
  /**
   * The model's columns in the order of the arguments, with their types (`{ image: "binary" }`) or without. Default:
   * the columns that the model reads, in the order in which its stages do.
   */
  readonly inputs?: Readonly<Record<string, ColumnType | string>> | readonly string[];
  /**
   * The model's column that is the result; several are a struct. Default: what the last stage adds, a struct where that
   * is more than one column.
   */
  readonly outputCol?: string | readonly string[];
  /** What a null argument does: the result is null without asking the model (default), or the model gets it. */
  readonly nulls?: "null" | "pass";
  /** Takes the place of a function registered before under the name. Default: that is an error. */
  readonly replace?: boolean;
}

/** Types that are tried, in this order, for a column whose type nobody told. */
const candidates = ["string", "double", "binary", "array<double>", "boolean", "timestamp", "date", "array<string>"].map(
  parseType,
);

const optionNames = ["inputs", "outputCol", "nulls", "replace"];

/**
 * The function.
 *
 * @throws ParamError or SchemaError for a name that SQL cannot call, a model that leaves out rows, columns it does not have,
 * and where columns or types have to be told.
 */
export function functionOf(name: string, model: Transformer, options: FunctionOptions): ModelFunction {
  const who = "registerFunction";
  if (!/^[A-Za-z_]\w*$/.test(name)) {
    throw new ParamError(who, `${JSON.stringify(name)} is no name for a SQL function; use letters, digits and _`);
  }
  if (!(model instanceof Transformer)) {
    throw new ParamError(who, `"${name}" needs a model (a Transformer or fitted Pipeline); fit an Estimator first`);
  }
  const unknown = Object.keys(options).filter((option) => !optionNames.includes(option));
  if (unknown.length > 0) {
    throw new ParamError(who, `unknown option ${listNames(unknown)}; there are ${listNames(optionNames)}`);
  }
  const stages = flat(model);
  const dropping = stages.find(({ dropsRows }) => dropsRows);
  if (dropping !== undefined) {
    const message = `"${name}" must give a value for every row, but ${dropping.name} may leave rows out; set its handleInvalid to "error" or "keep"`;
    throw new ParamError(who, message);
  }
  const inputs = inputsOf(name, new PipelineModel(stages), stages, options.inputs);
  const { before, after } = lastStep(stages, inputs);
  const chosen = options.outputCol === undefined ? undefined : [options.outputCol].flat();
  for (const column of chosen ?? []) {
    if (inputs.has(column) || !after.has(column)) {
      const made = after.names.filter((each) => !inputs.has(each));
      throw new ParamError(who, `"${name}" has no output column "${column}"; the model makes ${listNames(made)}`);
    }
  }
  const added = after.names.filter((column) => !before.has(column));
  const outputs = chosen ?? (added.length > 0 ? added : after.names.filter((column) => !inputs.has(column)));
  if (outputs.length === 0) throw new ParamError(who, `"${name}": the model adds no column`);
  return new ModelFunction({
    name,
    stages,
    inputs: inputs.toJSON(),
    outputs,
    isStruct: Array.isArray(options.outputCol) || outputs.length > 1,
    nulls: options.nulls,
  });
}

/** The stages one after the other, those of Pipelines within too. */
function flat(model: Transformer): Transformer[] {
  return model instanceof PipelineModel ? model.stages.flatMap(flat) : [model];
}

function lastStep(stages: readonly Transformer[], inputs: Schema): { before: Schema; after: Schema } {
  const before = new PipelineModel(stages.slice(0, -1)).transformSchema(inputs);
  return { before, after: stages.at(-1)?.transformSchema(before) ?? before };
}

function inputsOf(
  name: string,
  model: PipelineModel,
  stages: readonly Transformer[],
  told: FunctionOptions["inputs"],
): Schema {
  if (told !== undefined && !Array.isArray(told)) {
    const inputs = Schema.of(told as Readonly<Record<string, ColumnType | string>>);
    model.transformSchema(inputs);
    return inputs;
  }
  if (told !== undefined) return typesOf(name, model, told as readonly string[]);
  const needed: string[] = [];
  for (;;) {
    let column: string;
    try {
      const found = typesOf(name, model, needed);
      if (needed.length > 0) return found;
      const message = `cannot tell which columns the model of "${name}" reads; pass { inputs: { column: "type" } }`;
      throw new ParamError("registerFunction", message);
    } catch (error) {
      if (!(error instanceof SchemaError) || error.code !== "NO_COLUMN") throw error;
      column = String(error.fields.column);
    }
    // a stage that only training needs is skipped where its column is missing; one whose output is used is not
    const maker = stages.find((stage) => !stage.readsColumns?.includes(column) && mentions(stage, column));
    const missing = (maker?.readsColumns ?? [column]).filter((each) => !needed.includes(each));
    if (missing.length === 0) throw new ParamError("registerFunction", `"${name}": no stage makes column "${column}"`);
    needed.push(...missing);
  }
}

function mentions(stage: Transformer, column: string): boolean {
  return Object.values(stage.params).flat().includes(column);
}

/** The first types, tried column by column, that the model takes. */
function typesOf(name: string, model: PipelineModel, columns: readonly string[]): Schema {
  const tried = new Map(columns.map((column) => [column, 0]));
  for (;;) {
    const types = columns.map((column) => ({ name: column, type: candidates[tried.get(column)!]! }));
    try {
      const inputs = new Schema(types);
      model.transformSchema(inputs);
      return inputs;
    } catch (error) {
      const column = error instanceof DeepframeError ? error.fields.column : undefined;
      const next = tried.get(String(column));
      if (!(error instanceof SchemaError) || error.code === "NO_COLUMN" || next === undefined) throw error;
      if (next + 1 === candidates.length) {
        const list = listNames(candidates.map(formatType));
        const message = `"${name}": argument "${column}" has none of the types ${list}; pass { inputs: { ${column}: "type" } }`;
        throw new ParamError("registerFunction", message, { cause: error });
      }
      tried.set(String(column), next + 1);
    }
  }
}
