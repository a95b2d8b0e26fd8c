/** @file All steps of a SimpleRNN, with a gradient of their own. */

import { withGradient } from "../../autodiff/own-gradient.js";
import type { Value } from "../../graph/value.js";
import { Product } from "../../ops/product.js";
import { scanBack, scanOver } from "../../ops/rounds.js";
import { joinInputs, rows } from "./joined-inputs.js";
import type { Steps } from "./recurrent-steps.js";

/** h' = tanh(x W + h R + b); back: d = dh' (1 - h'^2), dh = d R'. */
export const rnnSteps: Steps = (g, { states, backwards, ...inputs }) => {
  const { x, recurrent } = inputs;
  const { weights, rowsOf, backToInputs } = joinInputs(g, inputs);
  const [y, ...last] = withGradient(g, [x, weights, ...states], () => {
    const [h, row, y] = scanOver(g, { states: states as [Value], slices: [x], backwards }, (b, [h], [xt]) => {
      const row = rowsOf(b, h, xt);
      const next = b.tanh(b.gemm(row, weights));
      return [next, row, next];
    });
    return {
      outputs: [y, h],
      rule(b, [dy, dLast]) {
        const turned = b.transpose(recurrent, [1, 0]);
        const last = [dLast ?? b.zerosLike(states[0]!)] as const;
        const scanned = { states: last, slices: [b.sub(1, b.square(y))] as const, backwards: !backwards };
        const [dh, d] = scanBack(b, dy, scanned, (s, [dh], [factor]) => {
          const d = s.mul(dh, factor);
          return [s.gemm(d, turned), d];
        });
        return [backToInputs(b, d), new Product(rows(b, row), rows(b, d)), dh];
      },
    };
  });
  return { joined: y!, last };
};
