/** @file State, inputs and a 1 side by side, so that one product makes a step's sums: [h, x, 1] [R; W; b] = h R + x W + b. */

import type { GraphBuilder } from "../../graph/graph-builder.js";
import type { Value } from "../../graph/value.js";
import { join } from "../../ops/join.js";

/** What a step's sums are made of. */
export interface Inputs {
  /** [steps, batch, features]; the batch's size is known. */
  readonly x: Value;
  /** [features, sums], [units, sums] and [sums]. */
  readonly kernel: Value;
  readonly recurrent: Value;
  readonly bias: Value | undefined;
}

export interface JoinedInputs {
  /** [units + features + 1, sums]; without a bias there is no 1. */
  readonly weights: Value;
  /** What they are multiplied by, [batch, units + features + 1], of a step's state and inputs. */
  rowsOf(b: GraphBuilder, h: Value, x: Value): Value;
  /** The gradient of all inputs from that of the sums, [steps, batch, sums]. */
  backToInputs(b: GraphBuilder, sums: Value): Value;
}

export function joinInputs(g: GraphBuilder, { x, kernel, recurrent, bias }: Inputs): JoinedInputs {
  const [, batch, features] = x.shape as readonly number[];
  const ones = bias === undefined ? [] : [g.fill(g.ints([batch!, 1]), 1)];
  const biasRow = bias === undefined ? [] : [g.unsqueeze(bias, [0])];
  return {
    weights: join(g, [recurrent, kernel, ...biasRow]),
    rowsOf: (b, h, x) => join(b, [h, x, ...ones], 1),
    backToInputs: (b, sums) =>
      b.reshape(b.gemm(rows(b, sums), kernel, undefined, { transB: true }), [-1, batch!, features!]),
  };
}

/** All steps' rows below each other, [steps * batch, ...]. */
export function rows(g: GraphBuilder, sequence: Value): Value {
  return g.reshape(sequence, [-1, sequence.shape!.at(-1) as number]);
}
