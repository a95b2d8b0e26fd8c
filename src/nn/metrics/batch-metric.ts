/** @file BatchMetric: a metric as sums over batches, made inside the training graph. */

import type { GraphBuilder } from "../../graph/graph-builder.js";
import type { Value } from "../../graph/value.js";
import { type Configured, Kind } from "../../util/kind.js";

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

export const metrics = new Kind<BatchMetric>("metric");
