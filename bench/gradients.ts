/** @file Forward plus backward of single operators and small blocks, against PyTorch with the same threads. */

import { cpus } from "node:os";
import { gradient } from "../src/autodiff/gradient.js";
import { vjp } from "../src/autodiff/vjp.js";
import { Graph } from "../src/graph/graph.js";
import { GraphBuilder } from "../src/graph/graph-builder.js";
import type { Value } from "../src/graph/value.js";
import { shapeRules } from "../src/ops/infer.js";
import { extend } from "../src/ops/trace.js";
import { Tensor } from "../src/tensor/tensor.js";
import { openOnnx, randomTensor } from "../test/run-onnx.js";
import { sharedData } from "../test/shared-data.js";
import { type Measurement, median, type Suite } from "./measure.js";
import { pythonWith, runPython } from "./python.js";

interface Case {
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

const cases: readonly Case[] = [
  {
    name: "matmul 512",
    kind: "matmul",
    shapes: [
      [512, 512],
      [512, 512],
    ],
    target: 1,
  },
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
  { name: "max pool 2x2", kind: "maxPool", shapes: [[64, 16, 28, 28]], kernel: 2, stride: 2, target: 0.8 },
  { name: "max pool 3x3 stride 2", kind: "maxPool", shapes: [[32, 64, 28, 28]], kernel: 3, stride: 2, target: 0.8 },
  { name: "average pool 2x2", kind: "averagePool", shapes: [[64, 16, 28, 28]], kernel: 2, stride: 2, target: 0.8 },
];

export const suite: Suite = {
  title: "milliseconds of forward plus backward",
  async run() {
    const python = await pythonWith("torch", ["torch==2.15.0"]);
    const threads = cpus().length;
    const ours = new Map<string, number[]>(cases.map(({ name }) => [name, []]));
    const theirs = new Map<string, number[]>(cases.map(({ name }) => [name, []]));
    for (let round = 0; round < 3; round++) {
      for (const c of cases) ours.get(c.name)!.push(await measure(c, threads));
      const found = await runPython<Record<string, number>>(python, "gradients.py", [
        JSON.stringify(cases),
        String(threads),
      ]);
      for (const { name } of cases) theirs.get(name)!.push(found[name]!);
    }
    const compared = cases.map(({ name, target }): Measurement => {
      const peer = { name: "PyTorch", value: median(theirs.get(name)!) };
      return {
        name,
        unit: "ms",
        ours: median(ours.get(name)!),
        peer,
        target: { ratio: target },
        smallerIsBetter: true,
      };
    });
    return [...compared, ...(await buildTime())];
  },
};

/** Milliseconds to make the gradient graph of MobileNetV2, with respect to all of its weights. */
async function buildTime(): Promise<Measurement[]> {
  const path = sharedData("models/mobilenet_v2_1.0_224.onnx");
  if (path === undefined) return [];
  const model = (await Graph.load(path)).cutAt(["features"]).atOpset(18);
  const graph = extend(model, (t) => ({ loss: t("features").square().reduceMean() }));
  const wrt = [...graph.initializers].filter(([, { dtype, size }]) => dtype === "float32" && size > 1);
  const times: number[] = [];
  for (let i = 0; i < 5; i++) {
    const start = performance.now();
    gradient(graph, { of: "loss", wrt: wrt.map(([name]) => name) });
    times.push(performance.now() - start);
  }
  const name = "gradient graph of MobileNetV2";
  return [{ name, unit: "ms", ours: median(times), target: { value: 500 }, smallerIsBetter: true }];
}

async function measure(c: Case, threads: number): Promise<number> {
  const { graph, feeds } = build(c);
  const run = await openOnnx(graph, { intraOpNumThreads: threads });
  for (let i = 0; i < 3; i++) await run(feeds);
  const times: number[] = [];
  for (const stop = performance.now() + 400; performance.now() < stop || times.length < 5; ) {
    const start = performance.now();
    await run(feeds);
    times.push(performance.now() - start);
  }
  return median(times);
}

/** The case with the gradients of all its tensors for a random gradient of its result. */
function build(c: Case): { graph: Graph; feeds: Record<string, Tensor> } {
  const g = new GraphBuilder({ rules: shapeRules() });
  const feeds: Record<string, Tensor> = {};
  const feed = (name: string, tensor: Tensor): Value => {
    feeds[name] = tensor;
    return g.input(name, tensor.dtype, tensor.shape);
  };
  const wrt: Value[] = [];
  const random = (shape: readonly number[]) => {
    const x = feed(`x${wrt.length}`, randomTensor(shape, wrt.length + 1));
    wrt.push(x);
    return x;
  };
  const y = resultOf(c, g, random, feed);
  const seed = y.rank === 0 ? g.constant(1) : feed("seed", randomTensor(y.shape as number[], 9));
  const grads = vjp(g, [...g.nodes], [[y, seed]], wrt);
  const outputs = Object.fromEntries(grads.map((grad, i) => [`grad/x${i}`, grad!]));
  return { graph: g.finish({ y, ...outputs }), feeds };
}

function resultOf(
  c: Case,
  g: GraphBuilder,
  random: (shape: readonly number[]) => Value,
  feed: (name: string, tensor: Tensor) => Value,
): Value {
  const [first = [], second = []] = c.shapes;
  const whole = (count: number, below: number) =>
    BigInt64Array.from({ length: count }, (_, i) => BigInt((i * 7919) % below));
  switch (c.kind) {
    case "matmul":
      return g.matmul(random(first), random(second));
    case "attention": {
      const [q, k, v] = [random(first), random(first), random(first)];
      const scores = g.div(g.matmul(q, g.swapLast(k)), Math.sqrt(first.at(-1)!));
      return g.matmul(g.softmax(scores), v);
    }
    case "loss": {
      const target = feed("target", new Tensor("int64", whole(first[0]!, first[1]!)));
      return g.ops("SoftmaxCrossEntropyLoss", [random(first), target], {}, { outputs: 2 })[0]!;
    }
    case "layerNorm":
      return g.layerNorm(random(first), random(second), random(second));
    case "embedding": {
      const ids = feed("ids", new Tensor("int64", whole(second[0]! * second[1]!, first[0]!), second));
      return g.gather(random(first), ids);
    }
    case "conv": {
      const pad = Math.floor(c.kernel! / 2);
      const options = { kernel: [c.kernel!, c.kernel!], strides: [c.stride!, c.stride!], pads: [pad, pad, pad, pad] };
      return g.conv(random(first), random(second), undefined, { ...options, group: c.group! });
    }
    default: {
      const pad = c.kernel! > 2 ? Math.floor(c.kernel! / 2) : 0;
      const options = { kernel: [c.kernel!, c.kernel!], strides: [c.stride!, c.stride!], pads: [pad, pad, pad, pad] };
      return c.kind === "maxPool" ? g.maxPool(random(first), options) : g.averagePool(random(first), options);
    }
  }
}
