/** @file Sliding windows of convolution and pooling: their attributes in one form, and sizes. */

import { GraphError, ShapeError } from "../errors.js";
import type { Dim } from "../graph/types.js";
import { addDims, type Dims, divDims } from "./dims.js";
import { ints } from "./op.js";

/** Attributes that all windows have. */
export const windowAttrs = {
  auto_pad: "NOTSET",
  dilations: ints(),
  kernel_shape: ints(),
  pads: ints(),
  strides: ints(),
};

export interface WindowAttrs {
  readonly auto_pad: string;
  readonly dilations: readonly number[] | undefined;
  readonly kernel_shape: readonly number[] | undefined;
  readonly pads: readonly number[] | undefined;
  readonly strides: readonly number[] | undefined;
}

/** A window over the spatial dimensions, one number each. */
export interface Window {
  readonly kernel: readonly number[];
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  /** Elements added before and after. */
  readonly before: readonly number[];
  readonly after: readonly number[];
}

/**
 * The window of a node; `spatial` are the sizes it slides over.
 *
 * @throws GraphError where automatic padding depends on sizes that are not known.
 */
export function windowOf(attrs: WindowAttrs, kernelOfWeights: Dims | undefined, spatial: Dims, who: string): Window {
  const kernel = attrs.kernel_shape ?? (kernelOfWeights as readonly number[] | undefined);
  if (!kernel?.every((size) => typeof size === "number")) throw new GraphError(who, "the kernel's size is not known");
  const ones = kernel.map(() => 1);
  const strides = attrs.strides ?? ones;
  const dilations = attrs.dilations ?? ones;
  const total = kernel.map((size, i) =>
    samePadding(attrs.auto_pad, spatial[i] ?? "?", size, strides[i]!, dilations[i]!, who),
  );
  if (total.every((pad) => pad !== undefined)) {
    const smaller = total.map((pad) => Math.floor(pad / 2));
    const larger = total.map((pad) => Math.ceil(pad / 2));
    const lower = attrs.auto_pad === "SAME_LOWER";
    return { kernel, strides, dilations, before: lower ? larger : smaller, after: lower ? smaller : larger };
  }
  const pads = attrs.auto_pad === "VALID" ? undefined : attrs.pads;
  const rank = kernel.length;
  return {
    kernel,
    strides,
    dilations,
    before: pads?.slice(0, rank) ?? kernel.map(() => 0),
    after: pads?.slice(rank) ?? kernel.map(() => 0),
  };
}

function samePadding(
  mode: string,
  size: Dim,
  kernel: number,
  stride: number,
  dilation: number,
  who: string,
): number | undefined {
  if (!mode.startsWith("SAME")) return undefined;
  const reach = dilation * (kernel - 1) + 1;
  if (typeof size === "number") return Math.max(0, (Math.ceil(size / stride) - 1) * stride + reach - size);
  if (stride === 1) return reach - 1;
  throw new GraphError(
    who,
    `auto_pad ${mode} with stride ${stride} needs the size of its input, got "${size}"; export with fixed sizes or pads`,
  );
}

/** Number of places of the window along each dimension. */
export function placesOf(window: Window, spatial: Dims, who: string, ceil = false): Dim[] {
  return window.kernel.map((kernel, i) => {
    const padding = window.before[i]! + window.after[i]!;
    const stride = window.strides[i]!;
    const last = addDims(spatial[i] ?? "?", padding - window.dilations[i]! * (kernel - 1) - 1);
    if (typeof last === "number" && last < 0) {
      throw new ShapeError(
        who,
        `a kernel of ${kernel} (dilation ${window.dilations[i]}) is larger than its padded input of ${spatial[i]}`,
      );
    }
    const places = addDims(divDims(last, stride, ceil ? "ceil" : "floor"), 1);
    // with ceil, a last window that would begin in the padding after the input is left out
    const begin = typeof places === "number" ? (places - 1) * stride : 0;
    const end = typeof spatial[i] === "number" ? spatial[i] + window.before[i]! : Number.POSITIVE_INFINITY;
    return ceil && typeof places === "number" && begin >= end ? places - 1 : places;
  });
}

/** Every offset inside the window, the last dimension fastest. */
export function offsetsOf(kernel: readonly number[]): number[][] {
  return kernel.reduce<number[][]>(
    (offsets, size) => offsets.flatMap((offset) => Array.from({ length: size }, (_, i) => [...offset, i])),
    [[]],
  );
}
