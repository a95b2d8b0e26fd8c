/** @file Operators of ONNX Runtime's own domain that its optimizer leaves in saved models: FusedMatMul and forms of Gelu. */

import { ShapeError } from "../errors.js";
import type { Value } from "../graph/value.js";
import { formatShape } from "../tensor/shape.js";
import { broadcastKnown } from "./arithmetic.js";
import { broadcastDims, type Dims, sameDim } from "./dims.js";
import { rankOf } from "./normalize.js";
import { defineOp, float } from "./op.js";
import { geluBack, swishBack, tanhGeluBack } from "./smooth-activations.js";
import { like } from "./unary.js";
import { sumTo } from "./unbroadcast.js";

const domain = "com.microsoft";

export const microsoftGelu = defineOp({
  type: "Gelu",
  domain,
  inputs: ["x"],
  infer: ({ x }) => like(x),
  grad: (g, { x, dy }) => ({ x: geluBack(g, x, dy) }),
});

export const biasGelu = defineOp({
  type: "BiasGelu",
  domain,
  inputs: ["x", "bias"],
  infer: ({ x, bias }) => broadcastKnown(x, bias),
  grad(g, { x, bias, dy }) {
    const dx = geluBack(g, g.add(x, bias), dy);
    return { x: dx, bias: sumTo(g, dx, bias) };
  },
});

export const fastGelu = defineOp({
  type: "FastGelu",
  domain,
  inputs: ["x", "bias?"],
  infer: ({ x }) => like(x),
  grad(g, { x, bias, dy }) {
    const dx = tanhGeluBack(g, bias === undefined ? x : g.add(x, bias), dy);
    return { x: dx, bias: bias === undefined ? null : sumTo(g, dx, bias) };
  },
});

export const quickGelu = defineOp({
  type: "QuickGelu",
  domain,
  inputs: ["x"],
  attrs: { alpha: float(1.702) },
  infer: ({ x }) => like(x),
  grad: (g, { x, dy, attrs: { alpha } }) => ({ x: swishBack(g, x, dy, alpha) }),
});

export const fusedMatMul = defineOp({
  type: "FusedMatMul",
  domain,
  inputs: ["a", "b"],
  attrs: { alpha: float(1), transA: 0, transB: 0, transBatchA: 0, transBatchB: 0 },
  infer({ a, b }, { transA, transB, transBatchA, transBatchB }) {
    const plain = transBatchA === 0 && transBatchB === 0;
    if (a.shape === undefined || b.shape === undefined || !plain) return { dtype: a.dtype, shape: undefined };
    const [left, right] = [turned(a.shape, transA), turned(b.shape, transB)];
    const [inner, other] = [left.at(-1), right.at(-2)];
    if (typeof inner === "number" && typeof other === "number" && !sameDim(inner, other))
      throw new ShapeError("FusedMatMul", `shapes ${formatShape(left)} and ${formatShape(right)} do not multiply`);
    const batch = broadcastDims([left.slice(0, -2), right.slice(0, -2)], "FusedMatMul")!;
    return { dtype: a.dtype, shape: [...batch, left.at(-2)!, right.at(-1)!] };
  },
  grad(g, { a, b, dy, attrs: { alpha, transA, transB, transBatchA, transBatchB } }) {
    if (transBatchA !== 0 || transBatchB !== 0 || rankOf(a, "FusedMatMul") < 2 || rankOf(b, "FusedMatMul") < 2)
      throw new ShapeError("FusedMatMul", "its gradient needs matrices without transBatch; write Transpose and MatMul");
    const turn = (t: Value, by: number) => (by === 0 ? t : g.swapLast(t));
    const scaled = alpha === 1 ? dy : g.mul(dy, alpha);
    const da = g.matmul(scaled, g.swapLast(turn(b, transB)));
    const db = g.matmul(g.swapLast(turn(a, transA)), scaled);
    return { a: sumTo(g, turn(da, transA), a), b: sumTo(g, turn(db, transB), b) };
  },
});

function turned(shape: Dims, by: number): Dims {
  return by === 0 ? shape : [...shape.slice(0, -2), shape.at(-1)!, shape.at(-2)!];
}
