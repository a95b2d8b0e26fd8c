/** @file Products of matrices: MatMul and Gemm. */

import { ShapeError } from "../errors.js";
import type { GraphBuilder } from "../graph/graph-builder.js";
import type { Value } from "../graph/value.js";
import { formatShape } from "../tensor/shape.js";
import { broadcastDims, type Dims } from "./dims.js";
import { defineOp, float } from "./op.js";
import { Product } from "./product.js";
import { sumTo } from "./unbroadcast.js";

export const matmul = defineOp({
  type: "MatMul",
  inputs: ["a", "b"],
  infer({ a, b }) {
    if (a.shape === undefined || b.shape === undefined) return { dtype: a.dtype ?? b.dtype, shape: undefined };
    return { dtype: a.dtype ?? b.dtype, shape: productShape(a.shape, b.shape) };
  },

  // Y = A B  =>  dA = dY B', dB = A' dY, summed over the batch dimensions that were stretched
  grad(g, { a, b, dy, wants }) {
    if (a.rank === undefined || b.rank === undefined) {
      throw new ShapeError("MatMul", "its gradient needs the number of dimensions of both inputs");
    }
    const [rowA, columnB] = [a.rank === 1, b.rank === 1];
    const wideA = rowA ? g.unsqueeze(a, [0]) : a;
    const wideB = columnB ? g.unsqueeze(b, [1]) : b;
    const wideDy = widen(g, dy, rowA, columnB);
    // one matrix for all of a batch: a product of the flattened batch, joined with those of the weight's other uses
    if (b.rank === 2 && a.rank > 1) {
      const flat = (x: Value) => (x.rank === 2 ? x : g.flatten(x, x.rank! - 1));
      return {
        a: wants("a") ? g.matmul(dy, g.swapLast(b)) : null,
        b: wants("b") ? new Product(flat(a), flat(dy)) : null,
      };
    }
    const backTo = (grad: Value, x: Value, wide: Value) => {
      const summed = sumTo(g, grad, wide);
      return wide === x ? summed : g.reshape(summed, g.shapeOf(x));
    };
    return {
      a: wants("a") ? backTo(g.matmul(wideDy, g.swapLast(wideB)), a, wideA) : null,
      b: wants("b") ? backTo(g.matmul(g.swapLast(wideA), wideDy), b, wideB) : null,
    };
  },
});

function widen(g: GraphBuilder, dy: Value, rowA: boolean, columnB: boolean): Value {
  if (rowA && columnB) return g.reshape(dy, [1, 1]);
  if (rowA) return g.unsqueeze(dy, [-2]);
  return columnB ? g.unsqueeze(dy, [-1]) : dy;
}

function productShape(a: Dims, b: Dims): Dims {
  const [inner, other] = [a.at(-1), b.length === 1 ? b[0] : b.at(-2)];
  if (
    inner === undefined ||
    other === undefined ||
    (typeof inner === "number" && typeof other === "number" && inner !== other)
  ) {
    throw new ShapeError(
      "MatMul",
      `shapes ${formatShape(a)} and ${formatShape(b)} do not multiply: ${inner} columns against ${other} rows`,
    );
  }
  const batch = broadcastDims([a.slice(0, -2), b.slice(0, -2)], "MatMul")!;
  const rows = a.length === 1 ? [] : [a.at(-2)!];
  return [...batch, ...rows, ...(b.length === 1 ? [] : [b.at(-1)!])];
}

export const gemm = defineOp({
  type: "Gemm",
  inputs: ["a", "b", "c?"],
  attrs: { alpha: float(1), beta: float(1), transA: 0, transB: 0 },
  infer({ a, b }, { transA, transB }) {
    if (a.shape === undefined || b.shape === undefined) return { dtype: a.dtype, shape: undefined };
    const turn = (shape: Dims, turned: number) => (turned !== 0 ? [shape[1]!, shape[0]!] : shape);
    return { dtype: a.dtype, shape: productShape(turn(a.shape, transA), turn(b.shape, transB)) };
  },

  // Y = alpha A B + beta C  =>  dA = alpha dY B', dB = alpha A' dY, dC = beta dY; turned where A or B were
  grad(g, { a, b, c, dy, attrs: { alpha, beta, transA, transB }, wants }) {
    const [ta, tb] = [transA !== 0, transB !== 0];
    const product = (x: Value, y: Value, options: { transA?: boolean; transB?: boolean }) =>
      g.gemm(x, y, undefined, { alpha, ...options });
    const da = () => (ta ? product(b, dy, { transA: tb, transB: true }) : product(dy, b, { transB: !tb }));
    const db = () => (tb ? product(dy, a, { transA: true, transB: ta }) : product(a, dy, { transA: !ta }));
    const scaled = beta === 1 ? dy : g.mul(dy, beta);
    return {
      a: wants("a") ? da() : null,
      b: wants("b") ? db() : null,
      c: c === undefined ? null : sumTo(g, scaled, c),
    };
  },
});
