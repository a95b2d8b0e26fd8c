/** @file Global pooling: one value per channel, over all places. */

import { boolean } from "../../util/params.js";
import { defineLayer } from "../layer.js";
import { expectLayout } from "./expect.js";
import { type SpatialRank, suffixes } from "./window.js";

const layoutOf = { 1: "sequence", 2: "image", 3: "volume" } as const;

/** What places that do not count have where the largest is looked for. */
const lowest = -3.4e38;

function globalPooling(kind: "Max" | "Average", rank: SpatialRank) {
  const type = `Global${kind}Pooling${suffixes[rank]}`;
  return defineLayer({
    type,
    params: { keepdims: boolean("whether the dimensions stay, with size 1", { default: false }) },
    build({ g, maskOf }, [x], { keepdims }) {
      const places = expectLayout(type, x, layoutOf[rank]).slice(2);
      const axes = rank === 1 ? [1] : places.map((_, i) => i + 2);
      const mask = rank === 1 ? maskOf(x!) : undefined;
      if (mask !== undefined) {
        // places that do not count are left out
        const counts = g.unsqueeze(mask, [2]);
        if (kind === "Max") {
          const most = g.reduceMax(g.where(counts, x!, lowest), { axes, keepdims });
          // of no place, as of an empty text, it is 0, as the mean is
          return g.where(g.greater(most, lowest), most, 0);
        }
        const weights = g.cast(counts, "float32");
        const sum = g.reduceSum(g.mul(x!, weights), { axes, keepdims });
        return g.div(sum, g.max(g.reduceSum(weights, { axes, keepdims }), 1));
      }
      return kind === "Max" ? g.reduceMax(x!, { axes, keepdims }) : g.reduceMean(x!, { axes, keepdims });
    },
  });
}

/** The largest over time: [batch, time, features] to [batch, features]; masked places do not count. */
export const globalMaxPooling1d = globalPooling("Max", 1);
/** The largest of each channel: [batch, channels, height, width] to [batch, channels]. */
export const globalMaxPooling2d = globalPooling("Max", 2);
/** The largest of each channel of a volume. */
export const globalMaxPooling3d = globalPooling("Max", 3);
/** The mean over time: [batch, time, features] to [batch, features]; masked places do not count. */
export const globalAveragePooling1d = globalPooling("Average", 1);
/** The mean of each channel: [batch, channels, height, width] to [batch, channels]. */
export const globalAveragePooling2d = globalPooling("Average", 2);
/** The mean of each channel of a volume. */
export const globalAveragePooling3d = globalPooling("Average", 3);
