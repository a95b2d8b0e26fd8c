/** @file Layers around others: Bidirectional and TimeDistributed. */

import { ParamError, ShapeError } from "../../errors.js";
import type { Value } from "../../graph/value.js";
import { choice, optional } from "../../util/params.js";
import { defineLayer, type Layer, layers } from "../layer.js";
import { expectRank } from "./expect.js";
import { activityRegularizer, penalize } from "./weights.js";

const recurrentTypes = new Set(["LSTM", "GRU", "SimpleRNN"]);
const backwards = new WeakMap<object, Layer>();

/** The same layer reading from the end, with weights of its own and results in the order of time. */
function reversed(layer: Layer): Layer {
  const known = backwards.get(layer);
  if (known !== undefined) return known;
  const { params } = layers.encode(layer, new Map()) as { readonly params: Readonly<Record<string, unknown>> };
  const changes = { goBackwards: !(layer.params.goBackwards as boolean), outputOrder: "time", name: undefined };
  const none = () => {
    throw new ParamError("Bidirectional", "a recurrent layer has no files");
  };
  const made = layers.decode(
    { type: layer.type, params: { ...params, ...changes } },
    { asset: none, stage: none },
    "Bidirectional",
  );
  backwards.set(layer, made);
  return made;
}

/**
 * A recurrent layer forwards and a second one backwards, their results merged: [batch, time, features] to
 * [batch, 2 * units] by default (Schuster and Paliwal, 1997). Applied to several inputs it begins with the states after the
 * first: one half is for the forward layer, the other for the backward one, as in Keras.
 *
 * @example nn.bidirectional(nn.lstm(32, { returnSequences: true }))
 */
export const bidirectional = defineLayer({
  type: "Bidirectional",
  positional: ["layer"],
  keepsMask: false,
  params: {
    layer: layers.param("the recurrent layer that reads forwards"),
    mergeMode: choice("what becomes of both results", ["concat", "sum", "mul", "ave", "none"], { default: "concat" }),
    backwardLayer: optional(layers.param("the one that reads backwards; default the same with other weights")),
    activityRegularizer,
  },
  build(context, inputs, params) {
    const { g, call, maskOf, setMask } = context;
    const forward = recurrentOf(params.layer);
    const backward = params.backwardLayer === undefined ? reversed(forward) : recurrentOf(params.backwardLayer);
    const [x, ...states] = inputs;
    const half = states.length / 2;
    if (!Number.isInteger(half)) {
      const mend = "give as many for each direction, the forward ones first";
      throw new ShapeError("Bidirectional", `expected states for both directions, got ${states.length}; ${mend}`);
    }
    const [a, ...statesA] = call(forward, [x!, ...states.slice(0, half)], `forward_${pathName(forward)}`);
    const [b, ...statesB] = call(backward, [x!, ...states.slice(half)], `backward_${pathName(backward)}`);
    const merged = ((): readonly Value[] => {
      if (params.mergeMode === "concat") return [g.concat(a!, [b!], { axis: -1 })];
      if (params.mergeMode === "sum") return [g.add(a!, b!)];
      if (params.mergeMode === "mul") return [g.mul(a!, b!)];
      return params.mergeMode === "ave" ? [g.mul(g.add(a!, b!), 0.5)] : [a!, b!];
    })();
    const mask = maskOf(a!);
    if (mask !== undefined) for (const y of merged) setMask(y, mask);
    const results = [...merged, ...statesA, ...statesB];
    penalize(context, results, params.activityRegularizer);
    return results;
  },
});

function recurrentOf(given: Layer | string): Layer {
  const layer = layers.of(given, "Bidirectional");
  if (recurrentTypes.has(layer.type)) return layer;
  throw new ParamError("Bidirectional", `layer must be one of nn.lstm, nn.gru, nn.simpleRNN, got ${layer.label}`);
}

function pathName(layer: Layer): string {
  return typeof layer.params.name === "string" ? layer.params.name : layer.type.toLowerCase();
}

/**
 * A layer at every step by itself: [batch, time, ...] to [batch, time, ...].
 *
 * @example nn.timeDistributed(nn.conv2d(8, 3)) // over [batch, time, channels, height, width]
 */
export const timeDistributed = defineLayer({
  type: "TimeDistributed",
  positional: ["layer"],
  keepsMask: true,
  params: { layer: layers.param("the layer") },
  build({ g, call }, [x], params) {
    const shape = expectRank("TimeDistributed", x, 3);
    const [batch, time, ...rest] = shape;
    if (typeof time !== "number" || !rest.every((size) => typeof size === "number")) {
      throw new ShapeError("TimeDistributed", "all sizes but the batch's must be known; give the input's shape");
    }
    const flat = g.reshape(x!, [typeof batch === "number" ? batch * time : -1, ...(rest as number[])]);
    const [y] = call(layers.of(params.layer, "TimeDistributed"), [flat]);
    const sizes = y!.shape?.slice(1) ?? [];
    if (!sizes.every((size) => typeof size === "number")) {
      throw new ShapeError("TimeDistributed", "the sizes of the layer's result must be known");
    }
    return g.reshape(y!, [typeof batch === "number" ? batch : -1, time, ...(sizes as number[])]);
  },
});
