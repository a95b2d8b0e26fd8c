/** @file Convolution and its transpose, in any number of dimensions. */

import { ShapeError } from "../errors.js";
import type { GraphBuilder } from "../graph/graph-builder.js";
import type { Dim } from "../graph/types.js";
import type { Value } from "../graph/value.js";
import { formatShape } from "../tensor/shape.js";
import { inputGradient } from "./conv-inputs.js";
import { rolesSwapped } from "./conv-roles.js";
import { weightGradient } from "./conv-weights.js";
import { addDims, mulDims } from "./dims.js";
import { defineOp, ints } from "./op.js";
import { placesOf, type Window, type WindowAttrs, windowAttrs, windowOf } from "./window.js";

const attrs = { ...windowAttrs, group: 1 };

export const conv = defineOp({
  type: "Conv",
  inputs: ["x", "w", "bias?"],
  attrs,
  infer({ x, w }, given) {
    if (x.shape === undefined || w.shape === undefined) return { dtype: x.dtype, shape: undefined };
    const [batch = "?", channels, ...spatial] = x.shape;
    const [out = "?", perGroup, ...kernel] = w.shape;
    if (x.shape.length !== w.shape.length) {
      throw new ShapeError(
        "Conv",
        `input ${formatShape(x.shape)} and weights ${formatShape(w.shape)} differ in dimensions`,
      );
    }
    if (typeof channels === "number" && typeof perGroup === "number" && channels !== perGroup * given.group) {
      throw new ShapeError(
        "Conv",
        `weights ${formatShape(w.shape)} in ${given.group} groups take ${perGroup * given.group} channels, got ${channels}`,
      );
    }
    return {
      dtype: x.dtype,
      shape: [batch, out, ...placesOf(windowOf(given, kernel, spatial, "Conv"), spatial, "Conv")],
    };
  },
  grad(g, { x, w, bias, dy, attrs: given, wants }) {
    const window = windowOf(given, w.shape?.slice(2), x.shape?.slice(2) ?? [], "Conv");
    const swapped = rolesSwapped(g, { x, w, dy, window, group: given.group });
    const weights = () => swapped?.weights?.() ?? weightGradient(g, x, dy, window, given.group);
    const input = () => swapped?.input() ?? inputGradient(g, dy, w, x, window, given.group);
    return {
      x: wants("x") ? input() : null,
      w: wants("w") ? g.reshape(weights(), g.shapeLike(w)) : null,
      bias: bias === undefined ? null : biasGradient(g, dy, window),
    };
  },
});

function biasGradient(g: GraphBuilder, dy: Value, window: Window): Value {
  return g.reduceSum(dy, { axes: [0, ...window.kernel.map((_, i) => i + 2)] });
}

export const convTranspose = defineOp({
  type: "ConvTranspose",
  inputs: ["x", "w", "bias?"],
  attrs: { ...attrs, output_padding: ints(), output_shape: ints() },
  infer({ x, w }, given) {
    if (x.shape === undefined || w.shape === undefined) return { dtype: x.dtype, shape: undefined };
    const [batch = "?", , ...spatial] = x.shape;
    const [, perGroup = "?", ...kernel] = w.shape;
    const out = mulDims(perGroup, given.group);
    const sizes = spatial.map((size, i): Dim => {
      const stride = given.strides?.[i] ?? 1;
      if (given.output_shape !== undefined) return given.output_shape.at(i - spatial.length)!;
      if (given.auto_pad.startsWith("SAME")) return mulDims(size, stride);
      const reach = (given.dilations?.[i] ?? 1) * ((given.kernel_shape?.[i] ?? Number(kernel[i])) - 1);
      const pads = given.auto_pad === "VALID" ? undefined : given.pads;
      const cut = (pads?.[i] ?? 0) + (pads?.[i + spatial.length] ?? 0);
      return addDims(mulDims(addDims(size, -1), stride), reach + 1 - cut + (given.output_padding?.[i] ?? 0));
    });
    return { dtype: x.dtype, shape: [batch, out, ...sizes] };
  },
  // Y = ConvTranspose(X, W) is the input gradient of a convolution: dX is that convolution, dW its weight gradient with X and dY swapped
  grad(g, { x, w, bias, y, dy, attrs: given, wants }) {
    const window = transposeWindow(given, w, x, y);
    const { kernel, strides, dilations, before, after } = window;
    const dx = () =>
      g.conv(dy, w, undefined, { kernel, strides, dilations, pads: [...before, ...after], group: given.group });
    return {
      x: wants("x") ? dx() : null,
      w: wants("w") ? g.reshape(weightGradient(g, dy, x, window, given.group), g.shapeLike(w)) : null,
      bias: bias === undefined ? null : biasGradient(g, dy, window),
    };
  },
});

interface TransposeAttrs extends WindowAttrs {
  readonly output_shape: readonly number[] | undefined;
  readonly output_padding: readonly number[] | undefined;
}

/** The window of the convolution from Y to X. Its padding follows from the sizes where the attributes give an output shape. */
function transposeWindow(given: TransposeAttrs, w: Value, x: Value, y: Value): Window {
  const plain = { ...given, auto_pad: given.auto_pad.startsWith("SAME") ? "NOTSET" : given.auto_pad };
  const window = windowOf(plain, w.shape?.slice(2), [], "ConvTranspose");
  if (given.output_shape === undefined && !given.auto_pad.startsWith("SAME")) return window;
  const [from, to] = [x.shape?.slice(2), y.shape?.slice(2)];
  const total = window.kernel.map((kernel, i) => {
    const [size, result] = [from?.[i], to?.[i]];
    if (typeof size !== "number" || typeof result !== "number") {
      throw new ShapeError("ConvTranspose", "with auto_pad or output_shape its gradient needs fixed sizes");
    }
    const padding = given.output_padding?.[i] ?? 0;
    return Math.max(0, window.strides[i]! * (size - 1) + padding + window.dilations[i]! * (kernel - 1) + 1 - result);
  });
  const half = total.map((pad) => Math.floor(pad / 2));
  const rest = total.map((pad, i) => pad - half[i]!);
  const upper = given.auto_pad === "SAME_UPPER";
  return { ...window, before: upper ? half : rest, after: upper ? rest : half };
}
