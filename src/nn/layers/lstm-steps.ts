/** @file All steps of an LSTM, with a gradient that does at once for all steps what need not wait for the next one. */

import { withGradient } from "../../autodiff/own-gradient.js";
import type { Value } from "../../graph/value.js";
import { lstmBack } from "../../ops/lstm-gradient.js";
import { Product } from "../../ops/product.js";
import type { Steps } from "./recurrent.js";

/** What a step leaves for its gradient, [batch, units] each. */
interface Step {
  readonly i: Value;
  readonly o: Value;
  readonly f: Value;
  readonly candidate: Value;
  /** tanh of the next cell. */
  readonly squashed: Value;
  /** The states before the step. */
  readonly h: Value;
  readonly c: Value;
}

/**
 * i, o, f = s(x + h R), k = tanh(x + h R), c' = f c + i k, h' = o tanh(c'), as a step of ONNX's LSTM does.
 */
export const lstmSteps: Steps = (g, { gates, recurrent, states, steps, units, backwards }) => {
  const order = Array.from({ length: steps }, (_, i) => (backwards ? steps - 1 - i : i));
  const rows = (gates.shape as readonly number[])[0]! / steps;
  const pieces = (x: Value) => (steps === 1 ? [x] : g.split(x, new Array<number>(steps).fill(rows)));
  const join = (parts: readonly Value[], axis = 0) =>
    parts.length === 1 ? parts[0]! : g.concat(parts[0]!, parts.slice(1), { axis });

  const [joined, h, c] = withGradient(g, [gates, recurrent, ...states], () => {
    const kept: Step[] = [];
    let [lastH, lastC] = states as [Value, Value];
    const inputs = pieces(gates);
    const results: Value[] = [];
    for (const t of order) {
      const sums = g.add(inputs[t]!, g.matmul(lastH, recurrent));
      const [three, last] = g.split(sums, [3 * units, units], { axis: 1 }) as [Value, Value];
      const [i, o, f] = g.split(g.sigmoid(three), 3, { axis: 1 }) as [Value, Value, Value];
      const candidate = g.tanh(last);
      const next = g.add(g.mul(f, lastC), g.mul(i, candidate));
      const squashed = g.tanh(next);
      kept[t] = { i, o, f, candidate, squashed, h: lastH, c: lastC };
      lastC = next;
      lastH = g.mul(o, squashed);
      results[t] = lastH;
    }
    return {
      outputs: [join(results), lastH, lastC],
      rule(b, [dy, dh, dc]) {
        const all = (name: keyof Step) => join(kept.map((step) => step[name]));
        const back = lstmBack(b, {
          ...{
            i: all("i"),
            o: all("o"),
            f: all("f"),
            k: all("candidate"),
            squashed: all("squashed"),
            before: all("c"),
          },
          ...{ forget: kept.map((step) => step.f), order, pieces, join, dy, dh, dc },
          // Gemm adds what comes from outside
          toState: (dz, outside) => b.gemm(dz, recurrent, outside, { transB: true }),
        });
        return [back.dz, new Product(all("h"), back.dz), back.dh, back.dc];
      },
    };
  }) as [Value, Value, Value];
  return { joined, last: [h, c] };
};
