/** @file Preprocessing of pictures as an ONNX graph: resize, crop, flip, colours, normalisation, layout. */

import { codeOf } from "../../graph/element-type.js";
import { Graph } from "../../graph/graph.js";
import { StoredTensor } from "../../graph/stored-tensor.js";
import type { Attribute, Dim, Node } from "../../graph/types.js";
import { Tensor } from "../../tensor/tensor.js";
import type { ChannelOrder } from "./pixels.js";

/** Height and width in pixels. */
export type Size = readonly [height: number, width: number];

/** What is done to a picture, in this order: resize, crop, flip, jitter, normalise. */
export interface Preprocessing {
  /** Stretches to this size: bilinear with antialiasing, on bytes, as Pillow does. */
  readonly resize?: Size | undefined;
  /** Keeps the middle; odd margins are split as in torchvision. */
  readonly centerCrop?: Size | undefined;
  /** Keeps the window at the graph's input `crop` (int64 top and left). */
  readonly randomCrop?: Size | undefined;
  /** Mirrors left and right where the graph's input `flip` (int64, one value) is 1. */
  readonly flip?: boolean | undefined;
  /** Scales brightness, contrast and saturation by the graph's input `jitter` (three float32 factors). */
  readonly colorJitter?: boolean | undefined;
  readonly channels: ChannelOrder;
  /** Subtracted, on the 0..255 scale; one number, or one per channel in the order of `channels`. */
  readonly mean: readonly number[];
  /** Divided by afterwards. */
  readonly std: readonly number[];
  readonly layout: "NCHW" | "NHWC";
}

/** Height, width and channels of what comes out; undefined where that depends on the picture. */
export function outputShape({ resize, centerCrop, randomCrop, channels, layout }: Preprocessing): number[] | undefined {
  const size = randomCrop ?? centerCrop ?? resize;
  if (size === undefined) return undefined;
  const depth = channels === "L" ? 1 : 3;
  return layout === "NCHW" ? [depth, ...size] : [...size, depth];
}

/**
 * A graph from `image`, uint8 [n, height, width, channels] of any size with channels in the order RGB (or 1 for L), to
 * `pixels`, float32 in the layout and channel order asked for.
 *
 * `exclude_outside` makes the borders Pillow's: without it they differ by up to 17 grey levels. What is left is the
 * runtime's float32 arithmetic on the weights: at most one level, on fewer than one byte in a hundred.
 */
export function preprocessingGraph(options: Preprocessing): Graph {
  const { resize, centerCrop, randomCrop, flip, colorJitter, channels, layout } = options;
  const depth = channels === "L" ? 1 : 3;
  const g = new Nodes();
  const inputs = [{ name: "image", dtype: "uint8", shape: ["n", "h", "w", depth] as Dim[] }];
  const feed = (name: string, dtype: string, shape: Dim[]) => {
    inputs.push({ name, dtype, shape });
    return name;
  };

  let x = "image";
  if (resize !== undefined) {
    x = g.add("Resize", [x, "", "", g.ints(resize)], {
      mode: { type: "string", value: "linear" },
      coordinate_transformation_mode: { type: "string", value: "half_pixel" },
      antialias: { type: "int", value: 1 },
      exclude_outside: { type: "int", value: 1 },
      axes: { type: "ints", value: [1, 2] },
    });
  }
  if (centerCrop !== undefined) x = cropAt(g, x, middle(g, x, centerCrop), centerCrop);
  if (randomCrop !== undefined) x = cropAt(g, x, feed("crop", "int64", [2]), randomCrop);
  if (flip) x = mirror(g, x, feed("flip", "int64", [1]));
  if (channels === "BGR") x = g.add("Gather", [x, g.ints([2, 1, 0])], { axis: { type: "int", value: 3 } });
  if (colorJitter) x = jitter(g, toFloat(g, x), feed("jitter", "float32", [3]), channels);
  x = normalise(g, x, colorJitter === true, options.mean, options.std);
  if (layout === "NCHW") x = g.add("Transpose", [x], { perm: { type: "ints", value: [0, 3, 1, 2] } });
  g.add("Identity", [x], {}, "pixels");

  const shape = outputShape(options) ?? (layout === "NCHW" ? [depth, "?", "?"] : ["?", "?", depth]);
  return graphOf(g, inputs as Graph["inputs"], shape);
}

/**
 * What is left to do for a network of layout NCHW where pictures have their size and come channel by channel: `image`,
 * uint8 [n, channels, height, width], to `pixels`, float32.
 */
export function planesGraph(options: Pick<Preprocessing, "channels" | "mean" | "std">): Graph {
  const { channels, mean, std } = options;
  const depth = channels === "L" ? 1 : 3;
  const g = new Nodes();
  let x = "image";
  if (channels === "BGR") x = g.add("Gather", [x, g.ints([2, 1, 0])], { axis: { type: "int", value: 1 } });
  x = normalise(g, x, false, mean, std, [1, 1]);
  g.add("Identity", [x], {}, "pixels");
  return graphOf(g, [{ name: "image", dtype: "uint8", shape: ["n", depth, "h", "w"] }], [depth, "h", "w"]);
}

function graphOf(g: Nodes, inputs: Graph["inputs"], shape: readonly Dim[]): Graph {
  return new Graph({
    name: "preprocessing",
    nodes: g.nodes,
    initializers: g.constants,
    inputs,
    outputs: [{ name: "pixels", dtype: "float32", shape: ["n", ...shape] }],
    defaults: [],
    valueInfo: new Map(),
    irVersion: 8,
    opsets: new Map([["", 18]]),
    functions: [],
    metadata: new Map(),
  });
}

/** Nodes and constants as they are added; names are made up. */
class Nodes {
  readonly nodes: Node[] = [];
  readonly constants = new Map<string, StoredTensor>();

  add(opType: string, inputs: string[], attrs: Record<string, Attribute> = {}, output?: string): string {
    const name = output ?? `preprocessing/${opType}_${this.nodes.length}`;
    const node = { opType, domain: "", name, inputs, outputs: [name], attrs: new Map(Object.entries(attrs)) };
    this.nodes.push(node);
    return name;
  }

  ints(values: readonly number[]): string {
    return this.#constant(new Tensor("int64", BigInt64Array.from(values, BigInt)));
  }

  /** A vector, or one that lies along an axis before `after`. */
  floats(values: readonly number[], after: readonly number[] = []): string {
    return this.#constant(new Tensor("float32", Float32Array.from(values), [values.length, ...after]));
  }

  float(value: number): string {
    return this.#constant(Tensor.scalar(value));
  }

  byte(value: number): string {
    return this.#constant(new Tensor("uint8", Uint8Array.of(value), []));
  }

  #constant(tensor: Tensor): string {
    const name = `preprocessing/constant_${this.constants.size}`;
    this.constants.set(name, StoredTensor.of(tensor));
    return name;
  }
}

function toFloat(g: Nodes, x: string): string {
  return g.add("Cast", [x], { to: { type: "int", value: codeOf("float32") } });
}

/** round((size - window) / 2) for both axes, halves to even. */
function middle(g: Nodes, x: string, window: Size): string {
  const size = g.add("Shape", [x], { start: { type: "int", value: 1 }, end: { type: "int", value: 3 } });
  const margin = toFloat(g, g.add("Sub", [size, g.ints(window)]));
  const half = g.add("Round", [g.add("Mul", [margin, g.float(0.5)])]);
  return g.add("Cast", [half], { to: { type: "int", value: codeOf("int64") } });
}

function cropAt(g: Nodes, x: string, corner: string, window: Size): string {
  return g.add("Slice", [x, corner, g.add("Add", [corner, g.ints(window)]), g.ints([1, 2])]);
}

/** A slice from the left in steps of 1, or from the right in steps of -1. */
function mirror(g: Nodes, x: string, flip: string): string {
  const start = g.add("Neg", [flip]);
  const step = g.add("Add", [g.add("Mul", [flip, g.ints([-2])]), g.ints([1])]);
  // past the end in the step's direction, whatever the width
  const end = g.add("Mul", [step, g.ints([2 ** 31 - 1])]);
  return g.add("Slice", [x, start, end, g.ints([2]), step]);
}

/** As torchvision's ColorJitter in the order brightness, contrast, saturation; each result is kept within 0..255. */
function jitter(g: Nodes, x: string, factors: string, channels: ChannelOrder): string {
  const factor = (i: number) => g.add("Gather", [factors, g.ints([i])]);
  const grey = (value: string) => {
    if (channels === "L") return value;
    const weights = channels === "RGB" ? [0.299, 0.587, 0.114] : [0.114, 0.587, 0.299];
    return g.add("ReduceSum", [g.add("Mul", [value, g.floats(weights)]), g.ints([3])]);
  };
  const blend = (value: string, base: string, i: number) => {
    const away = g.add("Mul", [g.add("Sub", [value, base]), factor(i)]);
    return g.add("Clip", [g.add("Add", [base, away]), g.float(0), g.float(255)]);
  };
  const bright = blend(x, g.float(0), 0);
  const contrasted = blend(bright, g.add("ReduceMean", [grey(bright), g.ints([1, 2])]), 1);
  return blend(contrasted, grey(contrasted), 2);
}

/** (x - mean) / std. Bytes with one whole mean and one std take a single node for it, which is faster. */
function normalise(
  g: Nodes,
  x: string,
  isFloat: boolean,
  means: readonly number[],
  stds: readonly number[],
  after: readonly number[] = [],
): string {
  const [mean, std] = [means[0]!, stds[0]!];
  const same = means.every((m) => m === mean) && stds.every((s) => s === std);
  const isByte = Number.isInteger(mean) && mean >= 0 && mean <= 255;
  if (!isFloat && same && isByte) return g.add("DequantizeLinear", [x, g.float(1 / std), g.byte(mean)]);
  const centred = g.add("Sub", [isFloat ? x : toFloat(g, x), g.floats(means, after)]);
  return g.add("Div", [centred, g.floats(stds, after)]);
}
