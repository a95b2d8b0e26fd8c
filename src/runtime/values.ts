/** @file Inputs and outputs of a model: what they are, whether feeds fit them, and tensors as messages. */

import { didYouMean, GraphError, listNames, ShapeError } from "../errors.js";
import { allocate, type DType } from "../tensor/dtype.js";
import { formatShape } from "../tensor/shape.js";
import { Tensor } from "../tensor/tensor.js";

/** An input or output of a model. */
export interface ValueInfo {
  readonly name: string;
  readonly dtype: DType;
  /** Sizes, names of sizes, undefined where neither is known; `[]` for a scalar and where nothing is known. */
  readonly shape: readonly (number | string | undefined)[];
}

export type Tensors = Readonly<Record<string, Tensor>>;

/**
 * Checks names, dtypes and shapes before the runtime sees them.
 *
 * @throws GraphError for a missing or unknown name; ShapeError for a dtype or shape that does not fit.
 */
export function checkFeeds(who: string, inputs: readonly ValueInfo[], feeds: Tensors): void {
  const takes = `the model takes ${describe(inputs)}`;
  const names = inputs.map(({ name }) => name);
  for (const name of Object.keys(feeds)) {
    if (!names.includes(name)) {
      const near = didYouMean(name, names);
      throw new GraphError(who, `no input ${JSON.stringify(name)}${near || ";"} ${takes}`, { input: name });
    }
  }
  for (const { name, dtype, shape } of inputs) {
    const fed = feeds[name];
    if (fed === undefined) throw new GraphError(who, `input "${name}" is not fed; ${takes}`, { input: name });
    const fits =
      shape.length === 0 || (shape.length === fed.shape.length && fed.shape.every((n, i) => dimFits(n, shape[i])));
    if (fed.dtype !== dtype || !fits) {
      const got = `${fed.dtype} ${formatShape(fed.shape)}`;
      const message = `input "${name}" must be ${dtype} ${formatShape(shape)}, got ${got}`;
      throw new ShapeError(who, message, { input: name, expected: { dtype, shape }, got: fed.shape });
    }
  }
}

/** @throws GraphError for a name that is not an output. */
export function checkFetches(who: string, outputs: readonly ValueInfo[], fetches: readonly string[]): void {
  const names = outputs.map(({ name }) => name);
  for (const name of fetches) {
    if (names.includes(name)) continue;
    const near = didYouMean(name, names);
    const message = `no output ${JSON.stringify(name)} (it has ${listNames(names)})${near}`;
    throw new GraphError(who, message, { output: name });
  }
}

/** `"x" float32 [batch, 3], "mask" bool [batch]` */
export function describe(values: readonly ValueInfo[]): string {
  if (values.length === 0) return "nothing";
  return values.map(({ name, dtype, shape }) => `"${name}" ${dtype} ${formatShape(shape)}`).join(", ");
}

function dimFits(size: number, expected: number | string | undefined): boolean {
  return typeof expected !== "number" || expected === size;
}

/** A tensor as structured cloning takes it. */
export type WireTensors = Readonly<Record<string, Pick<Tensor, "dtype" | "data" | "shape">>>;

/** Bytes below which cloning an array costs less than moving it. */
const worthMoving = 16 * 1024;

/** Tensors as a message with the buffers to move. Unless `give` is set, the caller's arrays stay as they are. */
export function packTensors(tensors: Tensors, give: boolean): { wire: WireTensors; transfer: ArrayBuffer[] } {
  const transfer = new Set<ArrayBuffer>();
  const wire: Record<string, WireTensors[string]> = {};
  for (const [name, { dtype, data, shape }] of Object.entries(tensors)) {
    let sent = data;
    if (!Array.isArray(data) && !(data.buffer instanceof SharedArrayBuffer)) {
      const large = data.byteLength > worthMoving;
      // Cloning a view would clone the whole buffer under it
      const view = data.byteLength < data.buffer.byteLength;
      const array = view || (large && !give) ? copyOf(dtype, data) : data;
      if (large) transfer.add(array.buffer as ArrayBuffer);
      sent = array;
    }
    wire[name] = { dtype, data: sent, shape };
  }
  return { wire, transfer: [...transfer] };
}

/** The elements in a buffer of their own; `slice` would not do, since that of a Buffer gives a view. */
export function copyOf<A extends Exclude<Tensor["data"], string[]>>(dtype: DType, data: A): A {
  const copy = allocate(dtype, data.length) as A;
  // Both arrays hold the same dtype, which the union of their types cannot say
  (copy as Uint8Array).set(data as Uint8Array);
  return copy;
}

export function unpackTensors(wire: WireTensors): Record<string, Tensor> {
  const entries = Object.entries(wire).map(([name, { dtype, data, shape }]) => [name, new Tensor(dtype, data, shape)]);
  return Object.fromEntries(entries) as Record<string, Tensor>;
}

/** Bytes that tensors hold; a string counts two per character. */
export function bytesOf(tensors: Tensors): number {
  let bytes = 0;
  for (const { data } of Object.values(tensors)) {
    bytes += Array.isArray(data) ? data.reduce((sum, text) => sum + 2 * text.length, 0) : data.byteLength;
  }
  return bytes;
}
