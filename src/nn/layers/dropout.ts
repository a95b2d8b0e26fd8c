/** @file Dropout: sets random elements to zero while training. */

import { byElement } from "../../ops/turned.js";
import { number } from "../../util/params.js";
import { defineLayer } from "../layer.js";

/**
 * While training each element becomes 0 with probability `rate`, the others are scaled by 1 / (1 - rate); else nothing
 * happens (Srivastava et al., 2014).
 */
export const dropout = defineLayer({
  type: "Dropout",
  positional: ["rate"],
  keepsMask: true,
  params: { rate: number("part of the elements that become 0", { min: 0, max: 1 }) },
  build({ g, training, uniform }, [x], { rate }) {
    if (!training || rate === 0) return x!;
    if (rate === 1) return g.mul(x!, 0);
    return byElement(x!, (each) => {
      const kept = g.cast(g.greaterOrEqual(uniform(each.shape as readonly number[]), rate), "float32");
      return g.mul(each, g.mul(kept, 1 / (1 - rate)));
    });
  },
});
