/** @file All steps of a layer with one state, whose gradient does for a segment of steps at once what need not wait for the next one. */

import { withGradient } from "../../autodiff/own-gradient.js";
import type { GraphBuilder } from "../../graph/graph-builder.js";
import type { Value } from "../../graph/value.js";
import { Product } from "../../ops/product.js";
import { join, joinEach, parts, pieces } from "../../ops/steps.js";

/** A step and the way back through it; `K` names what a step leaves for its gradient, [batch, units] each. */
export interface StateForm<K extends string> {
  /** The next state of what the inputs give and the state before. */
  step(xs: readonly Value[], h: Value): { readonly next: Value; readonly kept: Readonly<Record<K, Value>> };
  /** Begins the way back through a segment of so many steps, with what they left joined to [steps * batch, units]. */
  back(b: GraphBuilder, kept: Readonly<Record<K, Value>>, steps: number): StateBack;
}

export interface StateBack {
  /** The gradient of the state before a step from that of its result, and what comes from outside added; from the last step on. */
  before(step: number, dh: Value, outside: Value | undefined): Value;
  /** Gradients of what the inputs give and of the weights, once all steps are done. */
  rest(): { readonly xs: readonly Value[]; readonly weights: readonly (Value | Product)[] };
}

export interface StateRun {
  /** What the inputs give, segments of the sequence in the order of time, [steps * batch, ...] each. */
  readonly segments: readonly (readonly Value[])[];
  /** All that steps read beside. */
  readonly weights: readonly Value[];
  readonly state: Value;
  readonly batch: number;
  readonly backwards: boolean;
}

/** Results of all steps, [steps * batch, units], in the order of time; and the last state. */
export function overState<K extends string>(
  g: GraphBuilder,
  { segments, weights, state, batch, backwards }: StateRun,
  form: StateForm<K>,
): { readonly joined: Value; readonly last: readonly [Value] } {
  const counts = segments.map(([x]) => (x!.shape![0] as number) / batch);
  const steps = counts.reduce((a, b) => a + b);
  const timeOf = (step: number) => (backwards ? steps - 1 - step : step);
  const [joined, last] = withGradient(g, [...segments.flat(), ...weights, state], () => {
    const cut = segments.map((xs, at) => xs.map((x) => pieces(g, x, counts[at]!)));
    const given = cut.flatMap((xs, at) => Array.from({ length: counts[at]! }, (_, i) => xs.map((each) => each[i]!)));
    const kept: Readonly<Record<K, Value>>[] = [];
    const results: Value[] = [];
    let h = state;
    for (let step = 0; step < steps; step++) {
      const t = timeOf(step);
      const made = form.step(given[t]!, h);
      kept[t] = made.kept;
      h = made.next;
      results[t] = h;
    }
    return {
      outputs: [join(g, results), h],
      rule(b, [dy, dLast]) {
        const backs = parts(kept, counts).map((segment) => form.back(b, joinEach(b, segment), segment.length));
        const places = backs.flatMap((back, at) => Array.from({ length: counts[at]! }, (_, i) => ({ back, i })));
        const dys = dy && pieces(b, dy, steps);
        const after = [dys?.[timeOf(steps - 1)], dLast].filter((each) => each !== undefined);
        let dh = after.reduce((sum, each) => b.add(sum, each));
        for (let step = steps - 1; step >= 0; step--) {
          const { back, i } = places[timeOf(step)]!;
          dh = back.before(i, dh, step === 0 ? undefined : dys?.[timeOf(step - 1)]);
        }
        const rests = backs.map((back) => back.rest());
        const sums = weights.map((_, w) => {
          const found = rests.map((rest) => rest.weights[w]!);
          const products = found.filter((each) => each instanceof Product);
          return products.length > 0 ? products : (found as Value[]).reduce((sum, each) => b.add(sum, each));
        });
        return [...rests.flatMap(({ xs }) => xs), ...sums, dh];
      },
    };
  });
  return { joined: joined!, last: [last!] };
}
