/** @file All steps of an LSTM, with a gradient that does at once for all steps what need not wait for the next one. */

import { withGradient } from "../../autodiff/own-gradient.js";
import type { GraphBuilder } from "../../graph/graph-builder.js";
import type { Value } from "../../graph/value.js";
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
 * i, o, f = s(x + h R), k = tanh(x + h R), c' = f c + i k, h' = o tanh(c'). Backwards, with the factors of all steps known,
 *
 *   dh = dy + dz' R',  dc = dh o (1 - tanh(c)^2) + dc' f',  dz = [dc k i (1-i), dh tanh(c) o (1-o), dc c f (1-f), dc i (1-k^2)]
 *
 * where primes are the next step's: six operators a step, where the rules of the operators take twenty-two.
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
        return backSteps(b, kept, order, { dys: dy && pieces(dy), dh, dc, recurrent, join, pieces });
      },
    };
  }) as [Value, Value, Value];
  return { joined, last: [h, c] };
};

interface Back {
  readonly dys: readonly Value[] | undefined;
  readonly dh: Value | undefined;
  readonly dc: Value | undefined;
  readonly recurrent: Value;
  readonly join: (parts: readonly Value[], axis?: number) => Value;
  readonly pieces: (x: Value) => readonly Value[];
}

/** Gradients of the gates' sums, the recurrent kernel and the first states. */
function backSteps(
  g: GraphBuilder,
  kept: readonly Step[],
  order: readonly number[],
  { dys, dh: lastDh, dc: lastDc, recurrent, join, pieces }: Back,
): (Value | Product)[] {
  const all = (name: keyof Step) => join(kept.map((step) => step[name]));
  const [i, o, f, k, squashed] = [all("i"), all("o"), all("f"), all("candidate"), all("squashed")];
  /** x s (1 - s), the derivative of a sigmoid times what stands with it. */
  const sigmoidBack = (s: Value, x: Value) => g.mul(g.mul(s, g.sub(1, s)), x);
  const tanhBack = (y: Value, x: Value) => g.mul(g.sub(1, g.square(y)), x);
  const factors = pieces(
    join([sigmoidBack(i, k), sigmoidBack(o, squashed), sigmoidBack(f, all("c")), tanhBack(k, i)], 1),
  );
  const toCell = pieces(tanhBack(squashed, o));
  const dzs: Value[] = [];
  let after: { readonly dz: Value; readonly carried: Value } | undefined;
  for (const t of [...order].reverse()) {
    const dy = dys?.[t];
    // the last step has its own gradient from outside; Gemm adds what comes from outside to the next step's product
    const outside = after === undefined && lastDh !== undefined ? (dy ? g.add(dy, lastDh) : lastDh) : dy;
    const dh =
      after === undefined
        ? (outside ?? g.zerosLike(kept[t]!.h))
        : g.gemm(after.dz, recurrent, outside, { transB: true });
    const direct = g.mul(dh, toCell[t]!);
    const carried = after?.carried ?? lastDc;
    const dc = carried === undefined ? direct : g.add(carried, direct);
    const dz = g.mul(g.concat(dc, [dh, dc, dc], { axis: 1 }), factors[t]!);
    dzs[t] = dz;
    after = { dz, carried: g.mul(dc, kept[t]!.f) };
  }
  const dGates = join(dzs);
  const firstDh = g.gemm(after!.dz, recurrent, undefined, { transB: true });
  return [dGates, new Product(all("h"), dGates), firstDh, after!.carried];
}
