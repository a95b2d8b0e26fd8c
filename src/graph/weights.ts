/** @file Smaller weights: float32 constants stored as int8 or float16, turned back in the graph. */

import { toHalf } from "../tensor/half.js";
import { type Shape, sizeOf, stridesOf } from "../tensor/shape.js";
import { Tensor } from "../tensor/tensor.js";
import { codeOf } from "./element-type.js";
import { Namer } from "./names.js";
import { StoredTensor } from "./stored-tensor.js";
import type { Attribute, Model, Node } from "./types.js";

/** Weights with fewer elements than this stay as they are: little to gain, and biases are sensitive. */
const minSize = 512;

/**
 * Cast and Mul turn the weights back: a runtime folds both once when it loads the model, which it does not do for
 * DequantizeLinear.
 */
export function storeWeights(model: Model, type: "int8" | "float16"): Model {
  const namer = Namer.for(model);
  const initializers = new Map(model.initializers);
  const restore: Node[] = [];
  const fixed = new Set(model.defaults.map(({ name }) => name));
  for (const [name, stored] of model.initializers) {
    if (stored.dtype !== "float32" || stored.size < minSize || fixed.has(name)) continue;
    const axis = type === "int8" ? channelAxis(model, name, stored.shape.length) : undefined;
    if (type === "int8" && axis === undefined) continue;
    const small = namer.fresh(`${name}/${type}`);
    initializers.delete(name);
    const values = stored.tensor.data as Float32Array;
    const cast: Attribute = { type: "int", value: codeOf("float32") };
    if (axis === undefined) {
      initializers.set(small, StoredTensor.of(new Tensor("float16", toHalf(values), stored.shape)));
      restore.push(nodeOf("Cast", [small], name, [["to", cast]]));
      continue;
    }
    const { data, scale } = quantize(values, stored.shape, axis);
    initializers.set(small, StoredTensor.of(data));
    const [wide, scales] = [namer.fresh(`${name}/wide`), namer.fresh(`${name}/scale`)];
    initializers.set(scales, StoredTensor.of(scale));
    restore.push(nodeOf("Cast", [small], wide, [["to", cast]]), nodeOf("Mul", [wide, scales], name));
  }
  return { ...model, nodes: [...restore, ...model.nodes], initializers };
}

function nodeOf(opType: string, inputs: string[], output: string, attrs: [string, Attribute][] = []): Node {
  return { opType, domain: "", name: output, inputs, outputs: [output], attrs: new Map(attrs) };
}

/** The axis of output channels of a weight, by the first node that uses it as one. */
function channelAxis(model: Model, name: string, rank: number): number | undefined {
  for (const node of model.nodes) {
    const index = node.domain === "" ? node.inputs.indexOf(name) : -1;
    if (index === 1 && node.opType === "Conv") return 0;
    if (index === 1 && node.opType === "ConvTranspose") return 1;
    if (index === 1 && node.opType === "MatMul" && rank > 1) return rank - 1;
    if (index === 1 && node.opType === "Gemm") return Number(node.attrs.get("transB")?.value ?? 0) !== 0 ? 0 : 1;
    // an embedding table: one scale per row
    if (index === 0 && node.opType === "Gather" && rank > 1) return 0;
  }
  return undefined;
}

/** Symmetric, one scale per index of `axis`: w = q * scale with q in -127..127. */
function quantize(
  values: Float32Array,
  shape: Shape,
  axis: number,
): { data: Tensor<"int8">; scale: Tensor<"float32"> } {
  const channels = shape[axis]!;
  const stride = stridesOf(shape)[axis]!;
  const scale = new Float32Array(channels);
  const channelOf = (i: number) => Math.floor(i / stride) % channels;
  for (let i = 0; i < values.length; i++) scale[channelOf(i)] = Math.max(scale[channelOf(i)]!, Math.abs(values[i]!));
  for (let c = 0; c < channels; c++) scale[c] = scale[c] === 0 ? 1 : scale[c]! / 127;
  const data = new Int8Array(sizeOf(shape));
  for (let i = 0; i < values.length; i++) data[i] = Math.round(values[i]! / scale[channelOf(i)]!);
  const broadcastable = shape.map((_, i) => (i === axis ? channels : 1));
  return { data: new Tensor("int8", data, shape), scale: new Tensor("float32", scale, broadcastable) };
}
