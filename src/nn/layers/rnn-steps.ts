/** @file All steps of a SimpleRNN, with a gradient of their own. */

import type { Value } from "../../graph/value.js";
import { Product } from "../../ops/product.js";
import { join, pieces } from "../../ops/steps.js";
import type { Steps } from "./recurrent-steps.js";
import { overState } from "./state-steps.js";

/** h' = tanh(x + h R); back: d = dh' (1 - h'^2), dh = d R'. */
export const rnnSteps: Steps = (g, { gates, recurrent, states, batch, backwards }) =>
  overState<"h" | "next">(
    g,
    { segments: gates.map((x) => [x]), weights: [recurrent], state: states[0]!, batch, backwards },
    {
      step([x], h) {
        const next = g.tanh(g.gemm(h, recurrent, x));
        return { next, kept: { h, next } };
      },
      back(b, { h, next }, steps) {
        const factors = pieces(b, b.sub(1, b.square(next)), steps);
        const ds: Value[] = [];
        return {
          before(t, dh, outside) {
            ds[t] = b.mul(dh, factors[t]!);
            return b.gemm(ds[t], recurrent, outside, { transB: true });
          },
          rest() {
            const d = join(b, ds);
            return { xs: [d], weights: [new Product(h, d)] };
          },
        };
      },
    },
  );
