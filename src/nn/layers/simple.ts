/** @file Rescaling, Masking, Lambda. */

import { ParamError } from "../../errors.js";
import type { GraphBuilder } from "../../graph/graph-builder.js";
import type { Value } from "../../graph/value.js";
import { json, number } from "../../util/params.js";
import { defineLayer } from "../layer.js";
import { expectInput, expectLayout } from "./expect.js";

/**
 * x * scale + offset, as float32; of bytes too.
 *
 * @example nn.rescaling(1 / 255) // pixels to numbers from 0 to 1
 */
export const rescaling = defineLayer({
  type: "Rescaling",
  positional: ["scale"],
  keepsMask: true,
  params: { scale: number("factor"), offset: number("added after it", { default: 0 }) },
  build({ g }, [x], { scale, offset }) {
    const scaled = g.mul(g.cast(expectInput("Rescaling", x), "float32"), scale);
    return offset === 0 ? scaled : g.add(scaled, offset);
  },
});

/**
 * Steps of [batch, time, features] that hold nothing but `maskValue` do not count in the layers after it.
 *
 * @example nn.sequential([nn.masking(0), nn.lstm(32)])
 */
export const masking = defineLayer({
  type: "Masking",
  positional: ["maskValue"],
  params: { maskValue: number("the value that stands for nothing", { default: 0 }) },
  build({ g, setMask }, [x], { maskValue }) {
    expectLayout("Masking", x, "sequence");
    const differs = g.cast(g.not(g.equal(x!, maskValue)), "float32");
    const counts = g.greater(g.reduceMax(differs, { axes: [2] }), 0);
    const y = g.mul(x!, g.cast(g.unsqueeze(counts, [2]), "float32"));
    setMask(y, counts);
    return y;
  },
});

/** A function over tensors of the graph: the first input, the graph's builder, further inputs. */
export type LambdaFunction = (x: Value, g: GraphBuilder, ...others: Value[]) => Value;

/**
 * Any function of the input, traced into the graph. It has no weights, and cannot be saved other than as part of a trained
 * model: use `defineLayer` for one that can.
 *
 * @example nn.lambda((x) => x.square().reduceSum({ axes: [-1], keepdims: true }))
 */
export const lambda = defineLayer({
  type: "Lambda",
  positional: ["fn"],
  params: {
    fn: json<LambdaFunction>(
      "the function",
      "a function of tensors that gives one, as in (x) => x.mul(2)",
      (value) => typeof value === "function",
    ),
  },
  build({ g, mixRows }, [x, ...others], { fn }) {
    // nobody knows what the function does
    mixRows();
    const y = fn(expectInput("Lambda", x), g, ...others);
    if (typeof y === "object" && y !== null && "name" in y && "builder" in y) return y;
    throw new ParamError("Lambda", "its function must return a tensor, as in (x) => x.mul(2)");
  },
});
