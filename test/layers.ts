/** @file Networks as graphs with their weights inside, and a scalar to differentiate: for tests of layers. */

import { differentiate } from "../src/autodiff/gradient.js";
import type { Graph } from "../src/graph/graph.js";
import { GraphBuilder } from "../src/graph/graph-builder.js";
import type { Value } from "../src/graph/value.js";
import { buildNetwork, type WeightSpec } from "../src/nn/build.js";
import type { Layer } from "../src/nn/layer.js";
import { shapeRules } from "../src/ops/infer.js";
import { Tensor } from "../src/tensor/tensor.js";
import { Random } from "../src/util/random.js";
import { randomTensor } from "./run-onnx.js";

export interface LayerGraphOptions {
  readonly training?: boolean;
  /** Whether the first size of each input has a name. */
  readonly named?: boolean;
  readonly seed?: number;
  /** A scalar of the first output: its gradients are outputs too, `grad/<name>`, made as the training engine makes them. */
  readonly gradientsOf?: (y: Value) => Value;
  /** Values of weights, instead of the first ones. */
  readonly weights?: Readonly<Record<string, Tensor<"float32">>>;
}

export interface LayerGraph {
  /** Outputs y0, y1, ..., `loss` (a weighted sum of them all, and penalties), mask, and next/<state>. */
  readonly graph: Graph;
  readonly specs: readonly WeightSpec[];
}

/** A network over inputs x0, x1, ...; a mask of the first is fed as `mask` where given. */
export function layerGraph(
  network: Layer,
  inputs: readonly Tensor[],
  { training = false, named = false, seed = 1, weights = {}, gradientsOf }: LayerGraphOptions = {},
  mask?: Tensor,
): LayerGraph {
  const g = new GraphBuilder({ rules: shapeRules() });
  const sizes = (tensor: Tensor) => (named ? ["batch", ...tensor.shape.slice(1)] : tensor.shape);
  const xs = inputs.map((tensor, i) => g.input(`x${i}`, tensor.dtype, sizes(tensor)));
  const specs: WeightSpec[] = [];
  const wrt = xs.filter(({ dtype }) => dtype === "float32");
  const random = new Random(seed, "steps");
  const built = buildNetwork(g, network, xs, {
    training,
    weight(spec) {
      specs.push(spec);
      const value = g.parameter(spec.name, weights[spec.name] ?? spec.initial(seed));
      if (spec.trainable) wrt.push(value);
      return value;
    },
    random(kind, shape) {
      const values = new Float32Array(shape.reduce((a, b) => a * b, 1));
      for (let i = 0; i < values.length; i++) values[i] = kind === "uniform" ? random.uniform() : random.normal();
      return g.constant(new Tensor("float32", values, shape));
    },
    ...(mask && { masks: [g.input("mask", "bool", sizes(mask))] }),
  });
  const weighed = built.outputs.map((y, i) => {
    const size = y.shape?.every((dim) => typeof dim === "number") ? (y.shape as number[]) : undefined;
    const parts = g.cast(y, "float32");
    return g.reduceSum(size === undefined ? parts : g.mul(parts, randomTensor(size, 7 + i)));
  });
  const loss = [...weighed, ...built.losses].reduce((a, b) => g.add(a, b));
  const mine = built.maskOf(built.outputs[0]!);
  const states = [...built.updates].map(([name, value]) => [`next/${name}`, value] as const);
  const ys = built.outputs.map((y, i) => [`y${i}`, y] as const);
  const of = gradientsOf?.(built.outputs[0]!);
  const grads = of === undefined ? [] : differentiate(g, [...g.nodes], of, wrt);
  const live = grads.map((grad, i) => [`grad/${wrt[i]!.name}`, grad] as const);
  const outputs = {
    ...Object.fromEntries(ys),
    loss,
    ...(mine && { outMask: mine }),
    ...Object.fromEntries([...states, ...live]),
  };
  return { graph: g.finish(outputs), specs };
}
