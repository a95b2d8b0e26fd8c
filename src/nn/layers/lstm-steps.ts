/** @file All steps of an LSTM, with a gradient that does at once for all steps what need not wait for the next one. */

import { withGradient } from "../../autodiff/own-gradient.js";
import type { Value } from "../../graph/value.js";
import { lstmBack } from "../../ops/lstm-gradient.js";
import { Product } from "../../ops/product.js";
import { scanOver } from "../../ops/rounds.js";
import { joinInputs, rows } from "./joined-inputs.js";
import type { Steps } from "./recurrent-steps.js";

/** i, o, f = s(x W + h R + b), k = tanh(x W + h R + b), c' = f c + i k, h' = o tanh(c'), as a step of ONNX's LSTM does. */
export const lstmSteps: Steps = (g, { states, backwards, ...inputs }) => {
  const { x, recurrent } = inputs;
  const { weights, rowsOf, backToInputs } = joinInputs(g, inputs);
  const [y, ...last] = withGradient(g, [x, weights, ...states], () => {
    // the runtime makes one operator of a gate's product and its function
    const [toI, toO, toF, toK] = g.split(weights, 4, { axis: 1 }) as [Value, Value, Value, Value];
    const [h, c, row, y, i, o, f, k, kept, added, squashed] = scanOver(
      g,
      { states: states as [Value, Value], slices: [x], backwards },
      (b, [h, c], [xt]) => {
        const row = rowsOf(b, h, xt);
        const [i, o, f] = [b.sigmoid(b.gemm(row, toI)), b.sigmoid(b.gemm(row, toO)), b.sigmoid(b.gemm(row, toF))];
        const k = b.tanh(b.gemm(row, toK));
        const [kept, added] = [b.mul(f, c), b.mul(i, k)];
        const next = b.add(kept, added);
        const squashed = b.tanh(next);
        const y = b.mul(o, squashed);
        return [y, next, row, y, i, o, f, k, kept, added, squashed];
      },
    );
    return {
      outputs: [y, h, c],
      rule(b, [dy, dh, dc]) {
        const back = lstmBack(b, {
          ...{ steps: { y, i, o, f, k, kept, added, squashed }, backwards, dy, dh, dc },
          recurrent: b.transpose(recurrent, [1, 0]),
        });
        return [backToInputs(b, back.dz), new Product(rows(b, row), rows(b, back.dz)), back.dh, back.dc];
      },
    };
  });
  return { joined: y!, last };
};
