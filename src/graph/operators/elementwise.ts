/** @file Builder methods that work element by element: arithmetic, functions of one variable, comparison, choice. */

import type { DType } from "../../tensor/dtype.js";
import { float } from "../attributes.js";
import { NodeBuilder } from "../builder.js";
import { codeOf, type ElementType } from "../element-type.js";
import { type Operand, SymbolicTensor, type Value } from "../value.js";

/** Operators of one input without attributes; the method is the name in camel case. */
const unary = {
  abs: "Abs",
  neg: "Neg",
  exp: "Exp",
  log: "Log",
  sqrt: "Sqrt",
  reciprocal: "Reciprocal",
  sign: "Sign",
  floor: "Floor",
  ceil: "Ceil",
  round: "Round",
  erf: "Erf",
  sin: "Sin",
  cos: "Cos",
  tan: "Tan",
  asin: "Asin",
  acos: "Acos",
  atan: "Atan",
  sinh: "Sinh",
  cosh: "Cosh",
  asinh: "Asinh",
  acosh: "Acosh",
  atanh: "Atanh",
  relu: "Relu",
  sigmoid: "Sigmoid",
  tanh: "Tanh",
  softplus: "Softplus",
  softsign: "Softsign",
  hardSwish: "HardSwish",
  mish: "Mish",
  not: "Not",
  isNaN: "IsNaN",
  isInf: "IsInf",
  identity: "Identity",
  selu: "Selu",
} as const;

/** Operators of two inputs that are broadcast against each other. */
const binary = {
  add: "Add",
  sub: "Sub",
  mul: "Mul",
  div: "Div",
  pow: "Pow",
  mod: "Mod",
  equal: "Equal",
  greater: "Greater",
  less: "Less",
  greaterOrEqual: "GreaterOrEqual",
  lessOrEqual: "LessOrEqual",
  and: "And",
  or: "Or",
  xor: "Xor",
  prelu: "PRelu",
} as const;

type Unary = { readonly [K in keyof typeof unary]: (x: Operand) => Value };
type Binary = { readonly [K in keyof typeof binary]: (a: Operand, b: Operand) => Value };

/** The methods of the two tables; the cast announces what the loops below add. */
const TableOperators = class extends NodeBuilder {} as unknown as new (
  ...args: ConstructorParameters<typeof NodeBuilder>
) => NodeBuilder & Unary & Binary;

for (const [name, opType] of Object.entries(unary)) {
  define(name, function (this: NodeBuilder, x: Operand) {
    return this.op(opType, [x]);
  });
}
for (const [name, opType] of Object.entries(binary)) {
  define(name, function (this: NodeBuilder, a: Operand, b: Operand) {
    return this.op(opType, [a, b]);
  });
}

function define(name: string, method: (this: NodeBuilder, ...args: never[]) => Value): void {
  Object.defineProperty(TableOperators.prototype, name, { value: method, configurable: true });
}

export class ElementwiseOperators extends TableOperators {
  /** The elements as another dtype. */
  cast(x: Value, dtype: DType | ElementType): Value {
    return x.dtype === dtype ? x : this.op("Cast", [x], { to: codeOf(dtype) });
  }

  /** Smallest of several tensors, element by element. */
  min(x: Operand, ...others: Operand[]): Value {
    return this.op("Min", [x, ...others]);
  }

  /** Largest of several tensors, element by element. */
  max(x: Operand, ...others: Operand[]): Value {
    return this.op("Max", [x, ...others]);
  }

  /** Sum of several tensors; one addition after the other, since the runtime's Sum uses one thread only. */
  sum(x: Operand, ...others: Operand[]): Value {
    const total = others.reduce<Operand>((sum, other) => this.op("Add", [sum, other]), x);
    return total instanceof SymbolicTensor ? total : this.constant(total);
  }

  /** Mean of several tensors. */
  mean(x: Operand, ...others: Operand[]): Value {
    return this.op("Mean", [x, ...others]);
  }

  /** `a` where `condition` holds, else `b`. */
  where(condition: Value, a: Operand, b: Operand): Value {
    const like = typeof a === "number" ? b : a;
    const dtype = typeof like === "number" ? "float32" : ((like.dtype ?? "float32") as DType);
    const value = (x: Operand) => (typeof x === "number" ? this.constant(x, dtype) : x);
    return this.op("Where", [condition, value(a), value(b)]);
  }

  /** Values below `min` become `min`, those above `max` become `max`. */
  clip(x: Value, min?: Operand, max?: Operand): Value {
    return this.op("Clip", [x, min, max]);
  }

  square(x: Value): Value {
    return this.mul(x, x);
  }

  leakyRelu(x: Value, { alpha = 0.01 }: { alpha?: number } = {}): Value {
    return this.op("LeakyRelu", [x], { alpha: float(alpha) });
  }

  elu(x: Value, { alpha = 1 }: { alpha?: number } = {}): Value {
    return this.op("Elu", [x], { alpha: float(alpha) });
  }

  celu(x: Value, { alpha = 1 }: { alpha?: number } = {}): Value {
    return this.op("Celu", [x], { alpha: float(alpha) });
  }

  thresholdedRelu(x: Value, { alpha = 1 }: { alpha?: number } = {}): Value {
    return this.op("ThresholdedRelu", [x], { alpha: float(alpha) });
  }

  hardSigmoid(x: Value, { alpha = 0.2, beta = 0.5 }: { alpha?: number; beta?: number } = {}): Value {
    return this.op("HardSigmoid", [x], { alpha: float(alpha), beta: float(beta) });
  }

  /** Gaussian error linear unit; `approximate: "tanh"` for the faster form. */
  gelu(x: Value, { approximate = "none" }: { approximate?: "none" | "tanh" } = {}): Value {
    return this.op("Gelu", [x], { approximate }, { since: 20 });
  }
}
