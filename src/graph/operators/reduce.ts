/** @file Builder methods that gather many elements into one: reductions, products, normalizing along an axis. */

import type { Tensor } from "../../tensor/tensor.js";
import { float } from "../attributes.js";
import type { Operand, Value } from "../value.js";
import { ElementwiseOperators } from "./elementwise.js";

export interface ReduceOptions {
  /** Dimensions to reduce, negative ones from the end; default all. A tensor of int64 when known only at run time. */
  readonly axes?: readonly number[] | Value;
  /** Whether reduced dimensions stay, with size 1; default false. */
  readonly keepdims?: boolean;
}

export interface ArgOptions {
  readonly axis?: number;
  readonly keepdims?: boolean;
  /** Which of equal elements counts; default the first. */
  readonly last?: boolean;
}

export interface GemmOptions {
  readonly alpha?: number;
  readonly beta?: number;
  readonly transA?: boolean;
  readonly transB?: boolean;
}

export class ReduceOperators extends ElementwiseOperators {
  reduceSum(x: Value, options?: ReduceOptions): Value {
    return this.#reduce("ReduceSum", x, options);
  }

  reduceMean(x: Value, options?: ReduceOptions): Value {
    return this.#reduce("ReduceMean", x, options);
  }

  reduceMax(x: Value, options?: ReduceOptions): Value {
    return this.#reduce("ReduceMax", x, options);
  }

  reduceMin(x: Value, options?: ReduceOptions): Value {
    return this.#reduce("ReduceMin", x, options);
  }

  reduceProd(x: Value, options?: ReduceOptions): Value {
    return this.#reduce("ReduceProd", x, options);
  }

  reduceL1(x: Value, options?: ReduceOptions): Value {
    return this.#reduce("ReduceL1", x, options);
  }

  reduceL2(x: Value, options?: ReduceOptions): Value {
    return this.#reduce("ReduceL2", x, options);
  }

  reduceSumSquare(x: Value, options?: ReduceOptions): Value {
    return this.#reduce("ReduceSumSquare", x, options);
  }

  reduceLogSum(x: Value, options?: ReduceOptions): Value {
    return this.#reduce("ReduceLogSum", x, options);
  }

  reduceLogSumExp(x: Value, options?: ReduceOptions): Value {
    return this.#reduce("ReduceLogSumExp", x, options);
  }

  /** Index of the largest element along an axis, int64. */
  argMax(x: Value, { axis = 0, keepdims = false, last = false }: ArgOptions = {}): Value {
    return this.op("ArgMax", [x], { axis, keepdims: Number(keepdims), select_last_index: Number(last) });
  }

  /** Index of the smallest element along an axis, int64. */
  argMin(x: Value, { axis = 0, keepdims = false, last = false }: ArgOptions = {}): Value {
    return this.op("ArgMin", [x], { axis, keepdims: Number(keepdims), select_last_index: Number(last) });
  }

  softmax(x: Value, { axis = -1 }: { axis?: number } = {}): Value {
    return this.op("Softmax", [x], { axis });
  }

  logSoftmax(x: Value, { axis = -1 }: { axis?: number } = {}): Value {
    return this.op("LogSoftmax", [x], { axis });
  }

  cumSum(x: Value, axis: number | Value, options: { exclusive?: boolean; reverse?: boolean } = {}): Value {
    const at = typeof axis === "number" ? this.constant(axis, "int64") : axis;
    return this.op("CumSum", [x, at], {
      exclusive: Number(options.exclusive ?? false),
      reverse: Number(options.reverse ?? false),
    });
  }

  /** The `k` largest (or smallest) along an axis and their indices. */
  topK(
    x: Value,
    k: number | Value,
    options: { axis?: number; largest?: boolean; sorted?: boolean } = {},
  ): [Value, Value] {
    const { axis = -1, largest = true, sorted = true } = options;
    const count = typeof k === "number" ? this.ints([k]) : k;
    const attrs = { axis, largest: Number(largest), sorted: Number(sorted) };
    const [values, indices] = this.ops("TopK", [x, count], attrs, { outputs: 2 });
    return [values!, indices!];
  }

  /** Matrix product over the last two dimensions; the others are broadcast. */
  matmul(a: Value | Tensor, b: Value | Tensor): Value {
    return this.op("MatMul", [a, b]);
  }

  /** alpha * A * B + beta * C, with A and B transposed on request. */
  gemm(
    a: Value | Tensor,
    b: Value | Tensor,
    c?: Operand,
    { alpha = 1, beta = 1, transA = false, transB = false }: GemmOptions = {},
  ): Value {
    const attrs = { alpha: float(alpha), beta: float(beta), transA: Number(transA), transB: Number(transB) };
    return this.op("Gemm", [a, b, c], attrs);
  }

  /** Sums of products by index letters: `einsum(a, "bij,bjk->bik", b)`. */
  einsum(x: Value, equation: string, ...others: Value[]): Value {
    return this.op("Einsum", [x, ...others], { equation });
  }

  #reduce(opType: string, x: Value, { axes, keepdims = false }: ReduceOptions = {}): Value {
    const given = axes === undefined || "name" in axes ? axes : this.ints(axes);
    const noop = Array.isArray(axes) && axes.length === 0 ? { noop_with_empty_axes: 1 } : {};
    return this.op(opType, [x, given], { keepdims: Number(keepdims), ...noop });
  }
}
