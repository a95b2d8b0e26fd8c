/** @file Builder methods of neural networks: convolution, pooling, normalization, dropout, resizing. */

import { Tensor } from "../../tensor/tensor.js";
import { float } from "../attributes.js";
import type { Value } from "../value.js";
import { ShapeOperators } from "./shape.js";

export interface WindowOptions {
  /** Size of the window; a convolution takes it from its weights. */
  readonly kernel?: readonly number[];
  readonly strides?: readonly number[];
  readonly dilations?: readonly number[];
  /** Zeros around: all before, then all after. */
  readonly pads?: readonly number[];
  readonly autoPad?: "NOTSET" | "SAME_UPPER" | "SAME_LOWER" | "VALID";
}

export interface ConvOptions extends WindowOptions {
  readonly group?: number;
}

export interface ConvTransposeOptions extends ConvOptions {
  readonly outputPadding?: readonly number[];
  readonly outputShape?: readonly number[];
}

export interface PoolOptions extends WindowOptions {
  readonly kernel: readonly number[];
  readonly ceil?: boolean;
}

export interface ResizeOptions {
  /** Sizes of the result, one per axis; or `scales`. */
  readonly sizes?: readonly number[] | Value;
  readonly scales?: readonly number[];
  readonly axes?: readonly number[];
  readonly mode?: "nearest" | "linear" | "cubic";
  readonly coordinates?: string;
  readonly antialias?: boolean;
  readonly nearest?: string;
}

export class NetworkOperators extends ShapeOperators {
  /** x [batch, in, ...], w [out, in/group, ...] -> [batch, out, ...]. */
  conv(x: Value, w: Value | Tensor, bias?: Value | Tensor, options: ConvOptions = {}): Value {
    return this.op("Conv", [x, w, bias], { ...windowAttrs(options), group: options.group });
  }

  /** x [batch, in, ...], w [in, out/group, ...] -> [batch, out, ...]. */
  convTranspose(x: Value, w: Value, bias?: Value, options: ConvTransposeOptions = {}): Value {
    const { group, outputPadding: output_padding, outputShape: output_shape } = options;
    return this.op("ConvTranspose", [x, w, bias], { ...windowAttrs(options), group, output_padding, output_shape });
  }

  maxPool(x: Value, options: PoolOptions): Value {
    return this.op("MaxPool", [x], { ...windowAttrs(options), ceil_mode: Number(options.ceil ?? false) });
  }

  averagePool(x: Value, options: PoolOptions & { readonly countPadding?: boolean }): Value {
    const { ceil = false, countPadding = false } = options;
    const attrs = { ...windowAttrs(options), ceil_mode: Number(ceil), count_include_pad: Number(countPadding) };
    return this.op("AveragePool", [x], attrs, options.dilations === undefined ? {} : { since: 19 });
  }

  globalAveragePool(x: Value): Value {
    return this.op("GlobalAveragePool", [x]);
  }

  globalMaxPool(x: Value): Value {
    return this.op("GlobalMaxPool", [x]);
  }

  /** Normalized over the dimensions from `axis` on. */
  layerNorm(
    x: Value,
    scale: Value,
    bias?: Value,
    { axis = -1, epsilon = 1e-5 }: { axis?: number; epsilon?: number } = {},
  ): Value {
    return this.op("LayerNormalization", [x, scale, bias], { axis, epsilon: float(epsilon) });
  }

  /** With stored mean and variance, one per channel. */
  batchNorm(
    x: Value,
    scale: Value,
    bias: Value,
    mean: Value,
    variance: Value,
    { epsilon = 1e-5 }: { epsilon?: number } = {},
  ): Value {
    return this.op("BatchNormalization", [x, scale, bias, mean, variance], { epsilon: float(epsilon) });
  }

  instanceNorm(x: Value, scale: Value, bias: Value, { epsilon = 1e-5 }: { epsilon?: number } = {}): Value {
    return this.op("InstanceNormalization", [x, scale, bias], { epsilon: float(epsilon) });
  }

  /** Resized along `axes` (default all). */
  resize(x: Value, options: ResizeOptions): Value {
    const { sizes, scales, axes, mode = "nearest", coordinates = "half_pixel", antialias = false } = options;
    const size = sizes === undefined ? undefined : this.toInts(sizes);
    const scale = scales === undefined ? undefined : this.constant(new Tensor("float32", Float32Array.from(scales)));
    const attrs = {
      mode,
      axes,
      coordinate_transformation_mode: coordinates,
      antialias: antialias ? 1 : undefined,
      nearest_mode: options.nearest,
    };
    return this.op("Resize", [x, undefined, scale, size], attrs);
  }
}

function windowAttrs({ kernel, strides, dilations, pads, autoPad }: WindowOptions) {
  return { kernel_shape: kernel, strides, dilations, pads, auto_pad: autoPad };
}
