/** @file Noise while training: SpatialDropout, GaussianNoise, GaussianDropout, AlphaDropout. */

import { byElement } from "../../ops/turned.js";
import { number } from "../../util/params.js";
import { defineLayer } from "../layer.js";
import { expectLayout } from "./expect.js";
import { type SpatialRank, suffixes } from "./window.js";

const layoutOf = { 1: "sequence", 2: "image", 3: "volume" } as const;

function spatialDropout(rank: SpatialRank) {
  const type = `SpatialDropout${suffixes[rank]}`;
  return defineLayer({
    type,
    positional: ["rate"],
    keepsMask: true,
    params: { rate: number("part of the channels that become 0", { min: 0, max: 1 }) },
    build({ g, training, uniform }, [x], params) {
      const shape = expectLayout(type, x, layoutOf[rank]);
      if (!training || params.rate === 0) return x!;
      if (params.rate === 1) return g.mul(x!, 0);
      const channels = rank === 1 ? 2 : 1;
      const each = shape.map((size, i) => (i === 0 || i === channels ? (size as number) : 1));
      const kept = g.cast(g.greaterOrEqual(uniform(each), params.rate), "float32");
      return g.mul(x!, g.mul(kept, 1 / (1 - params.rate)));
    },
  });
}

/** Dropout of whole features of [batch, time, features] (Tompson et al., 2014). */
export const spatialDropout1d = spatialDropout(1);
/** Dropout of whole channels of [batch, channels, height, width]. */
export const spatialDropout2d = spatialDropout(2);
/** Dropout of whole channels of [batch, channels, depth, height, width]. */
export const spatialDropout3d = spatialDropout(3);

/** While training, numbers of mean 0 are added. */
export const gaussianNoise = defineLayer({
  type: "GaussianNoise",
  positional: ["stddev"],
  keepsMask: true,
  params: { stddev: number("standard deviation of the noise", { min: 0 }) },
  build({ g, training, normal }, [x], { stddev }) {
    if (!training || stddev === 0) return x!;
    return byElement(x!, (each) => g.add(each, g.mul(normal(each.shape as readonly number[]), stddev)));
  },
});

/** While training, elements are multiplied by numbers of mean 1 and variance rate / (1 - rate) (Srivastava et al., 2014). */
export const gaussianDropout = defineLayer({
  type: "GaussianDropout",
  positional: ["rate"],
  keepsMask: true,
  params: { rate: number("as that of Dropout; below 1", { min: 0, max: 0.999 }) },
  build({ g, training, normal }, [x], params) {
    if (!training || params.rate === 0) return x!;
    const deviation = Math.sqrt(params.rate / (1 - params.rate));
    return byElement(x!, (each) => g.mul(each, g.add(g.mul(normal(each.shape as readonly number[]), deviation), 1)));
  },
});

/** Dropout that keeps mean and variance of what SELU gives (Klambauer et al., 2017). */
export const alphaDropout = defineLayer({
  type: "AlphaDropout",
  positional: ["rate"],
  keepsMask: true,
  params: { rate: number("part of the elements that are dropped; below 1", { min: 0, max: 0.999 }) },
  build({ g, training, uniform }, [x], params) {
    if (!training || params.rate === 0) return x!;
    // dropped elements take SELU's limit for large negative inputs
    const low = -1.0507009873554805 * 1.6732632423543772;
    const keep = 1 - params.rate;
    const a = 1 / Math.sqrt(keep * (1 + params.rate * low * low));
    const b = -a * low * params.rate;
    return byElement(x!, (each) => {
      const kept = g.greaterOrEqual(uniform(each.shape as readonly number[]), params.rate);
      return g.add(g.mul(g.where(kept, each, low), a), b);
    });
  },
});
