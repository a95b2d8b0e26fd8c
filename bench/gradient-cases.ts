/** @file The cases of the gradient bench, as graphs; gradients.py has the same in PyTorch. */

import type { GraphBuilder } from "../src/graph/graph-builder.js";
import type { Value } from "../src/graph/value.js";
import { Tensor } from "../src/tensor/tensor.js";
import { randomTensor } from "../test/run-onnx.js";

export interface Case {
  readonly name: string;
  readonly kind: string;
  /** Shapes of the tensors, as the kind takes them. */
  readonly shapes: readonly (readonly number[])[];
  readonly kernel?: number;
  readonly stride?: number;
  readonly group?: number;
  readonly target: number;
}

const conv = (
  batch: number,
  channels: number,
  size: number,
  out: number,
  kernel: number,
  stride = 1,
  group = 1,
): Case => ({
  name: `conv ${channels}->${out}, ${size}x${size}, ${kernel}x${kernel}${stride > 1 ? ` stride ${stride}` : ""}${group > 1 ? " depthwise" : ""}`,
  kind: "conv",
  shapes: [
    [batch, channels, size, size],
    [out, channels / group, kernel, kernel],
  ],
  kernel,
  stride,
  group,
  target: 0.8,
});

const pool = (kind: string, name: string, shape: readonly number[], kernel: number): Case => {
  return { name, kind, shapes: [shape], kernel, stride: 2, target: 0.8 };
};

const square = [512, 512];

export const cases: readonly Case[] = [
  { name: "matmul 512", kind: "matmul", shapes: [square, square], target: 1 },
  {
    name: "batched matmul",
    kind: "matmul",
    shapes: [
      [32, 64, 128],
      [128, 512],
    ],
    target: 1,
  },
  { name: "attention 32x4x64x32", kind: "attention", shapes: [[32, 4, 64, 32]], target: 1 },
  { name: "softmax cross-entropy", kind: "loss", shapes: [[2048, 1000]], target: 1 },
  { name: "layer norm", kind: "layerNorm", shapes: [[2048, 512], [512]], target: 1 },
  {
    name: "embedding",
    kind: "embedding",
    shapes: [
      [10000, 128],
      [32, 64],
    ],
    target: 1,
  },
  conv(64, 32, 14, 64, 3),
  conv(32, 64, 28, 64, 3),
  conv(32, 64, 28, 128, 3, 2),
  conv(32, 128, 14, 128, 1),
  conv(32, 96, 28, 96, 3, 1, 96),
  pool("maxPool", "max pool 2x2", [64, 16, 28, 28], 2),
  pool("maxPool", "max pool 3x3 stride 2", [32, 64, 28, 28], 3),
  pool("averagePool", "average pool 2x2", [64, 16, 28, 28], 2),
];

/** What the two sides are given: the tensors to differentiate first, then class numbers or row numbers. */
export function tensorsOf({ kind, shapes }: Case): Tensor[] {
  const [first = [], second = first] = shapes;
  const random = (...all: (readonly number[])[]) => all.map((shape, i) => randomTensor(shape, i + 1));
  const whole = (shape: readonly number[], below: number) => {
    const count = shape.reduce((a, b) => a * b, 1);
    return new Tensor(
      "int64",
      BigInt64Array.from({ length: count }, (_, i) => BigInt((i * 7919) % below)),
      shape,
    );
  };
  if (kind === "attention") return random(first, first, first);
  if (kind === "loss") return [...random(first), whole([first[0]!], first[1]!)];
  if (kind === "layerNorm") return random(first, second, second);
  if (kind === "embedding") return [...random(first), whole(second, first[0]!)];
  return random(...shapes);
}

/** The case's result from its tensors, in their order. */
export function resultOf(g: GraphBuilder, { kind, kernel = 1, stride = 1, group = 1 }: Case, x: Value[]): Value {
  const [a, b, c] = x as [Value, Value, Value];
  const pad = kernel > 2 ? Math.floor(kernel / 2) : 0;
  const window = { kernel: [kernel, kernel], strides: [stride, stride], pads: [pad, pad, pad, pad] };
  switch (kind) {
    case "matmul":
      return g.matmul(a, b);
    case "attention": {
      const scores = g.div(g.matmul(a, g.swapLast(b)), Math.sqrt(a.shape!.at(-1) as number));
      return g.matmul(g.softmax(scores), c);
    }
    case "loss":
      return g.ops("SoftmaxCrossEntropyLoss", [a, b], {}, { outputs: 2 })[0]!;
    case "layerNorm":
      return g.layerNorm(a, b, c);
    case "embedding":
      return g.gather(a, b);
    case "conv":
      return g.conv(a, b, undefined, { ...window, group });
    case "maxPool":
      return g.maxPool(a, window);
    default:
      return g.averagePool(a, window);
  }
}
