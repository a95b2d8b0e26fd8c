/** @file All steps of a GRU, with a gradient of their own, in both its forms. */

import type { GraphBuilder } from "../../graph/graph-builder.js";
import type { Value } from "../../graph/value.js";
import { Product } from "../../ops/product.js";
import { join, pieces } from "../../ops/steps.js";
import type { Steps } from "./recurrent-steps.js";
import { overState, type StateForm } from "./state-steps.js";

/** Update gate, reset gate, candidate, and the state before. */
type Kept = "z" | "r" | "n" | "h";

/**
 * z, r = s(x + h R + b); h' = n + z (h - n), where n = tanh(x + r (h R + b)), or tanh(x + (r h) R) without `resetAfter`.
 *
 * @param bias [3 * units], of the recurrent product; with `resetAfter` only
 */
export function gruSteps(resetAfter: boolean, bias: Value | undefined): Steps {
  return (g, { gates, recurrent, states, units, batch, backwards }) => {
    const two = (x: Value, axis: number) => g.split(x, [2 * units, units], { axis }) as [Value, Value];
    const [ofGates, ofLast] = two(recurrent, 1);
    const [gateBias, lastBias] = bias === undefined ? [] : two(bias, 0);
    const segments = gates.map((segment) => {
      const [toGates, toLast] = two(segment, 1);
      return [gateBias === undefined ? toGates : g.add(toGates, gateBias), toLast];
    });
    const weights = [ofGates, ofLast, ...(lastBias === undefined ? [] : [lastBias])];
    const run = { segments, weights, state: states[0]!, batch, backwards };
    if (!resetAfter) return overState(g, run, resetBeforeForm(g, ofGates, ofLast));
    return overState(g, run, resetAfterForm(g, recurrent, ofGates, ofLast, lastBias));
  };
}

/** [z, r] and the next state. */
function halves(g: GraphBuilder, sums: Value): [z: Value, r: Value] {
  return g.split(g.sigmoid(sums), 2, { axis: 1 }) as [Value, Value];
}

const mixed = (g: GraphBuilder, z: Value, n: Value, h: Value) => g.add(n, g.mul(z, g.sub(h, n)));

/**
 * All gradients are dh' times what is known: dz = dh' (h - n) z (1-z), dn = dh' (1-z) (1-n^2), dr = dn q r (1-r), dq = dn r,
 * where q = h R + b, and dh = dh' z + [dz, dr, dq] R'.
 */
function resetAfterForm(
  g: GraphBuilder,
  recurrent: Value,
  ofGates: Value,
  ofLast: Value,
  bias: Value | undefined,
): StateForm<Kept | "q"> {
  return {
    step([toGates, toLast], h) {
      const [z, r] = halves(g, g.gemm(h, ofGates, toGates));
      const q = g.gemm(h, ofLast, bias);
      const n = g.tanh(g.add(toLast!, g.mul(r, q)));
      return { next: mixed(g, z, n, h), kept: { z, r, n, h, q } };
    },
    back(b, { z, r, n, h, q }, steps) {
      const toSum = lastFactor(b, z, n);
      const toProduct = b.mul(toSum, r);
      const toReset = b.mul(b.mul(toProduct, q), b.sub(1, r));
      const factors = pieces(b, join(b, [updateFactor(b, z, n, h), toReset, toProduct], 1), steps);
      const carry = pieces(b, z, steps);
      const dhs: Value[] = [];
      const ds: Value[] = [];
      return {
        before(t, dh, outside) {
          dhs[t] = dh;
          ds[t] = b.mul(join(b, [dh, dh, dh], 1), factors[t]!);
          const carried = b.mul(dh, carry[t]!);
          return b.gemm(ds[t], recurrent, outside === undefined ? carried : b.add(outside, carried), { transB: true });
        },
        rest() {
          const units = z.shape![1] as number;
          const [dGates, dq] = b.split(join(b, ds), [2 * units, units], { axis: 1 }) as [Value, Value];
          const products = [new Product(h, dGates), new Product(h, dq)];
          const dBias = bias === undefined ? [] : [b.reduceSum(dq, { axes: [0], keepdims: false })];
          return { xs: [dGates, b.mul(join(b, dhs), toSum)], weights: [...products, ...dBias] };
        },
      };
    },
  };
}

/** dz and dn as above; dp = dn R', of p = r h, dr = dp h r (1-r), and dh = dh' z + dp r + [dz, dr] R'. */
function resetBeforeForm(g: GraphBuilder, ofGates: Value, ofLast: Value): StateForm<Kept> {
  return {
    step([toGates, toLast], h) {
      const [z, r] = halves(g, g.gemm(h, ofGates, toGates));
      const n = g.tanh(g.gemm(g.mul(r, h), ofLast, toLast));
      return { next: mixed(g, z, n, h), kept: { z, r, n, h } };
    },
    back(b, { z, r, n, h }, steps) {
      const toSum = pieces(b, lastFactor(b, z, n), steps);
      const reset = b.mul(r, h);
      const toReset = b.mul(reset, b.sub(1, r));
      const factors = pieces(b, join(b, [updateFactor(b, z, n, h), toReset], 1), steps);
      const carry = pieces(b, join(b, [z, r], 1), steps);
      const dGates: Value[] = [];
      const dSums: Value[] = [];
      return {
        before(t, dh, outside) {
          const dn = b.mul(dh, toSum[t]!);
          const both = join(b, [dh, b.gemm(dn, ofLast, undefined, { transB: true })], 1);
          const [kept, given] = b.split(b.mul(both, carry[t]!), 2, { axis: 1 }) as [Value, Value];
          const carried = b.add(kept, given);
          dSums[t] = dn;
          dGates[t] = b.mul(both, factors[t]!);
          return b.gemm(dGates[t], ofGates, outside === undefined ? carried : b.add(outside, carried), {
            transB: true,
          });
        },
        rest() {
          const xs = [join(b, dGates), join(b, dSums)] as const;
          return { xs, weights: [new Product(h, xs[0]), new Product(reset, xs[1])] };
        },
      };
    },
  };
}

/** (h - n) z (1-z). */
function updateFactor(b: GraphBuilder, z: Value, n: Value, h: Value): Value {
  return b.mul(b.mul(b.sub(h, n), z), b.sub(1, z));
}

/** (1-z) (1-n^2). */
function lastFactor(b: GraphBuilder, z: Value, n: Value): Value {
  return b.mul(b.sub(1, z), b.sub(1, b.square(n)));
}
