/** @file Parameters that estimators of networks share. */

// what is known by name: layers, losses and metrics, optimizers
import "../../nn/index.js";
import "../../optim/index.js";
import { DataFrame } from "../../data/dataframe.js";
import { didYouMean, ParamError } from "../../errors.js";
import { Layer, layers } from "../../nn/layer.js";
import { type Loss, type LossName, losses } from "../../nn/losses/loss.js";
import { type BatchMetric, type MetricName, metrics } from "../../nn/metrics/batch-metric.js";
import { optimizers } from "../../optim/optimizer.js";
import { devices } from "../../runtime/device.js";
import type { Callback } from "../../train/callback.js";
import { hooks } from "../../train/callbacks/lambda-callback.js";
import type { Kind, NameOf } from "../../util/kind.js";
import {
  boolean,
  choice,
  columnName,
  defineParams,
  integer,
  json,
  number,
  optional,
  type Param,
  text,
} from "../../util/params.js";

/** One for all outputs, or one for each by its name. */
type PerOutput<T> = T | Readonly<Record<string, T>>;

const network: Param<Layer, false> = {
  doc: "the network, as nn.sequential([...]) or nn.model({ ... }) make it",
  expected: "a network such as nn.sequential([nn.dense(10)])",
  optional: false,
  default: undefined,
  accepts: (value) => value instanceof Layer,
  hint: (value) => (Array.isArray(value) ? "; write nn.sequential([...]) around the layers" : ""),
  broken: ["dense", 7],
  encode: (value, assets) => layers.encode(value, assets),
  decode: (stored, read) => layers.decode(stored, read, "network"),
};

export function lossParam(name: LossName): Param<PerOutput<Loss | NameOf<LossName>>, true> {
  const one = losses.param("");
  return {
    doc: "what is minimised: a loss or its name, or one for each of the network's outputs",
    expected: `${one.expected}, or one for each output as { output: loss }`,
    optional: true,
    default: name,
    accepts: (value) => one.accepts(value) || isRecordOf(value, (each) => one.accepts(each)),
    hint: (value) => one.hint?.(value) ?? "",
    broken: [7, "no such loss"],
    encode: (value, assets) => encodePerOutput(losses, value, assets),
    decode: (stored, read) => {
      const decoded = stored as Readonly<Record<string, unknown>> | string;
      if (typeof decoded === "string" || typeof decoded.type === "string") return one.decode!(decoded, read);
      return Object.fromEntries(Object.entries(decoded).map(([key, each]) => [key, one.decode!(each, read)]));
    },
  };
}

export type MetricList = readonly (BatchMetric | NameOf<MetricName>)[];

export function metricsParam(names: readonly MetricName[]): Param<PerOutput<MetricList>, true> {
  const one = metrics.param("");
  const isList = (value: unknown): value is MetricList =>
    Array.isArray(value) && value.every((each) => one.accepts(each));
  return {
    doc: "metrics told after each epoch, of every output, or of each by its name",
    expected: `a list of metrics or their names (${metrics.types.join(", ")})`,
    optional: true,
    default: names,
    accepts: (value) => isList(value) || isRecordOf(value, isList),
    hint(value) {
      if (typeof value === "string") return `; write ${JSON.stringify([value])}`;
      const unknown = Array.isArray(value) ? value.find((each) => !one.accepts(each)) : undefined;
      return one.hint?.(unknown) ?? "";
    },
    broken: [7, "accuracy", ["no such metric"]],
    encode: (value, assets) => mapLists(value, (each) => metrics.encode(each, assets)),
    decode: (stored, read) => mapLists(stored as MetricList, (each) => one.decode!(each, read)),
  };
}

/** A name that looks like a hook's, but is none. */
function noHook(callback: unknown): string | undefined {
  if (typeof callback !== "object" || callback === null) return undefined;
  return Object.keys(callback).find((name) => /^on[A-Z]/.test(name) && !hooks.includes(name));
}

/** The same change for each member of a list, or of the lists of each output. */
function mapLists<T, R>(lists: readonly T[] | Readonly<Record<string, readonly T[]>>, change: (each: T) => R) {
  if (isArray(lists)) return lists.map(change);
  return Object.fromEntries(Object.entries(lists).map(([output, list]) => [output, list.map(change)]));
}

function isArray<T>(lists: readonly T[] | Readonly<Record<string, readonly T[]>>): lists is readonly T[] {
  return Array.isArray(lists);
}

/** Columns by the network's names of inputs or outputs. */
function columnsBy(what: string) {
  return optional(
    json<Readonly<Record<string, string>>>(
      `the column of each of the network's ${what}s, where it has several`,
      `{ ${what}: "column" }`,
      (value) => isRecordOf(value, (each) => typeof each === "string" && each !== ""),
    ),
  );
}

const validation: Param<number | string | DataFrame, false> = {
  doc: "rows that are not trained on: a fraction of them, the name of a boolean column that is true for them, or a DataFrame",
  expected: "a number between 0 and 1, a column name or a DataFrame",
  optional: false,
  default: undefined,
  accepts: (value) =>
    value instanceof DataFrame ||
    (typeof value === "number" ? value > 0 && value < 1 : typeof value === "string" && value !== ""),
  broken: [0, 1, "", []],
  encode(value) {
    if (value instanceof DataFrame)
      throw new ParamError("save", "validation is a DataFrame, which cannot be stored; set a fraction or a column");
    return value;
  },
};

const callbacks: Param<readonly Callback[], true> = {
  doc: "hooks into the training, such as callbacks.earlyStopping({ patience: 3 })",
  expected: "a list of callbacks, which have names",
  optional: true,
  default: [],
  accepts: (value) =>
    Array.isArray(value) &&
    value.every(
      (each) =>
        typeof each === "object" && typeof each?.name === "string" && each.name !== "" && noHook(each) === undefined,
    ),
  hint(value) {
    const wrong = Array.isArray(value) ? value.map(noHook).find((name) => name !== undefined) : undefined;
    if (wrong !== undefined) return `; there is no hook "${wrong}"${didYouMean(wrong, hooks)}`;
    const isUncalled = Array.isArray(value) && value.some((each) => typeof each === "function");
    return isUncalled
      ? "; call what makes one, as in callbacks.progressBar(), or give functions to callbacks.lambdaCallback"
      : "";
  },
  broken: [7, ["earlyStopping"], [{ name: "log", onEpochend: () => {} }]],
  encode(value) {
    if (value.length > 0)
      throw new ParamError(
        "save",
        "callbacks cannot be stored; save the estimator without them and set them with .with({ callbacks })",
      );
    return [];
  },
};

export const neuralParams = defineParams({
  network,
  featuresCol: columnName("column that feeds the network: numbers, vectors or tensors", { default: "features" }),
  featuresCols: columnsBy("input"),
  labelCol: columnName("column of what is to be learned", { default: "label" }),
  labelCols: columnsBy("output"),
  lossWeights: optional(
    json<Readonly<Record<string, number>>>(
      "factor of each output's loss, by the output's name; 1 where it is not named",
      "{ output: 0.5 } with numbers of at least 0",
      (value) => isRecordOf(value, (each) => typeof each === "number" && each >= 0),
    ),
  ),
  weightCol: optional(columnName("column of the rows' weights; without it all weigh the same")),
  optimizer: optimizers.param("how weights follow their gradients", { default: "adam" }),
  epochs: integer("passes over the data", { default: 10, min: 1 }),
  batchSize: integer("rows of one step", { default: 32, min: 1 }),
  shuffle: boolean("whether each epoch takes the rows in another order", { default: true }),
  validation: optional(validation),
  validateEverySteps: optional(
    integer("steps between two validations within epochs, which callbacks hear of; each epoch ends with one anyway", {
      min: 1,
    }),
  ),
  callbacks,
  seed: integer("of the first weights, the order of rows and dropout", { default: 0 }),
  device: choice("where the network is trained", devices, { default: "cpu" }),
  checkpointDir: optional(text("folder where the run is saved as it goes, so that it can go on after a crash")),
  resume: boolean("whether a run that checkpointDir holds goes on, rather than begins anew", { default: true }),
  recompute: boolean(
    "whether most results of layers are computed a second time for the gradients instead of kept: a third more time, far less memory for deep networks",
    { default: false },
  ),
  memory: number("MiB of rows that stay in memory; what is more goes to a temporary file", { default: 1024, above: 0 }),
});

export function isRecordOf(value: unknown, fits: (each: unknown) => boolean): boolean {
  return (
    typeof value === "object" &&
    value !== null &&
    Object.getPrototypeOf(value) === Object.prototype &&
    Object.keys(value).length > 0 &&
    Object.values(value).every(fits)
  );
}

function encodePerOutput<T extends Loss>(
  kind: Kind<T>,
  value: PerOutput<T | string>,
  assets: Parameters<Kind<T>["encode"]>[1],
): unknown {
  if (typeof value === "string" || kind.has(value)) return kind.encode(value, assets);
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, kind.encode(each as T | string, assets)]));
}
