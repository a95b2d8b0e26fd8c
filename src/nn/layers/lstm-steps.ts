/** @file All steps of an LSTM, with a gradient that does at once for all steps what need not wait for the next one. */

import { withGradient } from "../../autodiff/own-gradient.js";
import type { Value } from "../../graph/value.js";
import { lstmBack } from "../../ops/lstm-gradient.js";
import { Product } from "../../ops/product.js";
import { join, joinEach, parts, pieces } from "../../ops/steps.js";
import type { Steps } from "./recurrent-steps.js";

/** What a step leaves for its gradient, [batch, units] each. */
interface Step {
  readonly i: Value;
  readonly o: Value;
  readonly f: Value;
  readonly k: Value;
  /** tanh of the next cell. */
  readonly squashed: Value;
  /** The states before the step: cell and result. */
  readonly before: Value;
  readonly h: Value;
}

/**
 * i, o, f = s(x + h R), k = tanh(x + h R), c' = f c + i k, h' = o tanh(c'), as a step of ONNX's LSTM does.
 */
export const lstmSteps: Steps = (g, { gates, recurrent, states, units, batch, backwards }) => {
  const counts = gates.map(({ shape }) => (shape![0] as number) / batch);
  const [joined, h, c] = withGradient(g, [...gates, recurrent, ...states], () => {
    const sums = gates.flatMap((segment, at) => pieces(g, segment, counts[at]!));
    const kept: Step[] = [];
    const results: Value[] = [];
    let [h, c] = states as [Value, Value];
    for (let step = 0; step < sums.length; step++) {
      const t = backwards ? sums.length - 1 - step : step;
      const [three, last] = g.split(g.add(sums[t]!, g.matmul(h, recurrent)), [3 * units, units], { axis: 1 });
      const [i, o, f] = g.split(g.sigmoid(three!), 3, { axis: 1 }) as [Value, Value, Value];
      const k = g.tanh(last!);
      const next = g.add(g.mul(f, c), g.mul(i, k));
      const squashed = g.tanh(next);
      kept[t] = { i, o, f, k, squashed, before: c, h };
      c = next;
      h = g.mul(o, squashed);
      results[t] = h;
    }
    const segments = parts(kept, counts);
    return {
      outputs: [join(g, results), h, c],
      rule(b, [dy, dh, dc]) {
        const joined = segments.map((steps) => ({ ...joinEach(b, steps), forget: steps.map(({ f }) => f) }));
        const back = lstmBack(b, {
          ...{ segments: joined, backwards, dy, dh, dc },
          // Gemm adds what comes from outside
          toState: (dz, outside) => b.gemm(dz, recurrent, outside, { transB: true }),
        });
        const products = joined.map(({ h }, at) => new Product(h, back.dz[at]!));
        return [...back.dz, products, back.dh, back.dc];
      },
    };
  });
  return { joined: joined!, last: [h!, c!] };
};
