/** @file BatchMetric: a metric as sums over batches, made inside the training graph. */

import type { GraphBuilder } from "../../graph/graph-builder.js";
import type { Value } from "../../graph/value.js";
import { type Configured, Kind, type Maker } from "../../util/kind.js";
import { optional, type ParamSpecs, text, type Values } from "../../util/params.js";
import { likePrediction } from "../losses/rows.js";

/** What a metric looks at. */
export interface MetricInputs {
  readonly g: GraphBuilder;
  /** The network's result with the loss's activation applied: probabilities for classifiers. */
  readonly prediction: Value;
  /** As in LossInputs. */
  readonly target: Value;
  readonly targetIs: "classes" | "values";
  /** Weights of the rows, float32 [batch]. */
  readonly weight: Value;
  readonly mask: Value | undefined;
}

/** A metric: sums of a batch, which are added up over batches, threads and machines, and a result of the sums. */
export interface BatchMetric extends Configured {
  /** Its key in logs: `accuracy`. */
  readonly name: string;
  /** Whether larger is better: what EarlyStopping assumes of `mode: "auto"`. */
  readonly isLargerBetter: boolean;
  /** Sums of one batch, float32 [size]. */
  sums(inputs: MetricInputs): Value;
  readonly size: number;
  /** The metric from sums over all batches; NaN where it is not defined. */
  result(sums: Float64Array): number;
}

/** Names of metrics. */
export type MetricName = Exclude<keyof typeof import("./index.js"), "defineMetric"> | "mse" | "mae" | "rmse";

export const metrics = new Kind<BatchMetric, MetricName>("metric");

const common = { name: optional(text("key in logs; default the metric's own")) };

export interface MetricDefinition<P extends ParamSpecs> {
  /** As Keras has it. */
  readonly type: string;
  readonly aliases?: readonly string[];
  readonly specs: P;
  readonly isLargerBetter: boolean;
  name(params: Values<P>): string;
  /** Number of sums. */
  size(params: Values<P>): number;
  /** Sums of one batch, tensors whose sizes make up `size`; targets that are values have the prediction's shape. */
  sums(inputs: MetricInputs, params: Values<P & typeof common>): Value | readonly Value[];
  result(sums: Float64Array, params: Values<P & typeof common>): number;
}

/**
 * Defines a metric: its parameters, what is added up of each batch, and what is made of the sums.
 *
 * @example
 * export const bias = nn.metrics.defineMetric({
 *   type: "Bias",
 *   specs: {},
 *   isLargerBetter: false,
 *   name: () => "bias",
 *   size: () => 2,
 *   sums: ({ g, prediction, target, weight }) => [
 *     g.reduceSum(g.mul(g.reshape(g.sub(prediction, target), [-1]), weight)),
 *     g.reduceSum(weight),
 *   ],
 *   result: ([sum, weight]) => sum! / weight!,
 * });
 */
export function defineMetric<const P extends ParamSpecs>(
  definition: MetricDefinition<P>,
): Maker<BatchMetric, P & typeof common> {
  const { type, aliases = [], specs, isLargerBetter } = definition;
  return metrics.define<P & typeof common, readonly []>({
    type,
    aliases,
    specs: { ...specs, ...common },
    positional: [],
    make: (params) => ({
      type,
      params,
      name: (params as Values<typeof common>).name ?? definition.name(params),
      isLargerBetter,
      size: definition.size(params),
      sums(inputs) {
        const { g, targetIs } = inputs;
        const target = targetIs === "classes" ? inputs.target : likePrediction(type, inputs);
        const sums = definition.sums({ ...inputs, target }, params);
        const [first, ...others] = (isList(sums) ? sums : [sums]).map((sum) => g.reshape(g.cast(sum, "float32"), [-1]));
        return others.length === 0 ? first! : g.concat(first!, others, { axis: 0 });
      },
      result: (sums) => definition.result(sums, params),
    }),
  });
}

function isList(value: Value | readonly Value[]): value is readonly Value[] {
  return Array.isArray(value);
}
