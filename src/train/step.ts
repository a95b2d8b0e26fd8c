/** @file A step of training as operators: the gradients of a batch, and what the optimizer makes of them. */

import { differentiate } from "../autodiff/gradient.js";
import type { GraphBuilder } from "../graph/graph-builder.js";
import type { Value } from "../graph/value.js";
import { clipGradients } from "../optim/clip.js";
import { forward } from "./forward.js";
import { emaSlot, type Layout } from "./layout.js";
import type { Problem } from "./problem.js";
import { recomputedGradients } from "./recompute.js";
import { withoutNegligible } from "./subnormals.js";

export type RandomSource = (kind: "uniform" | "normal", shape: readonly number[]) => Value;

export interface BatchInputs {
  readonly problem: Problem;
  readonly layout: Layout;
  /** The fields' tensors, [batchSize, ...]. */
  readonly batch: ReadonlyMap<string, Value>;
  readonly batchSize: number;
  /** Weights that do not change, by name. */
  readonly frozen: ReadonlyMap<string, Value>;
  /** Weights of the layout's groups. */
  readonly learned: readonly Value[];
  /** Values of the layout's states. */
  readonly states: readonly Value[];
  readonly random: RandomSource;
  readonly recompute: boolean;
}

export interface BatchResults {
  /** Of the layout's groups. */
  readonly grads: readonly Value[];
  readonly nextStates: readonly Value[];
  /** [statCount] */
  readonly stats: Value;
  readonly loss: Value;
}

/** The gradients of one batch. */
export function gradientsOf(g: GraphBuilder, given: BatchInputs): BatchResults {
  const { problem, layout, batch, batchSize, frozen, learned, states, random, recompute } = given;
  const weights = new Map<string, Value>(frozen);
  layout.groups.forEach((group, i) => {
    const values = layout.weightsOf(g, group, learned[i]!);
    values.forEach((value, j) => void weights.set(group.weights[j]!.name, value));
  });
  layout.states.forEach(({ name }, i) => void weights.set(name, states[i]!));
  const before = g.nodes.length;
  const options = { training: true, weight: ({ name }: { readonly name: string }) => weights.get(name)!, random };
  const { loss, stats, built } = forward(g, problem, batch, batchSize, options);
  const grads = recompute
    ? recomputedGradients(g, before, loss, learned)
    : differentiate(g, [...g.nodes], loss, learned);
  const nextStates = layout.states.map(({ name, shape }, i) => {
    const next = built.updates.get(name);
    return next === undefined ? states[i]! : g.reshape(next, shape);
  });
  return { grads, nextStates, stats: stats(), loss };
}

/**
 * The next values of the layout's groups, each followed by its slots.
 *
 * @param partOf what is carried, by the names of the layout's parts
 * @param numbers the numbers of the step, [numberCount]
 */
export function updatesOf(
  g: GraphBuilder,
  layout: Layout,
  partOf: ReadonlyMap<string, Value>,
  grads: readonly Value[],
  numbers: Value,
): Value[] {
  const { optimizer, slots: slotNames, groups, numberCount } = layout;
  const row = g.split(numbers, new Array<number>(numberCount).fill(1));
  const clipped = clipGradients(g, grads, optimizer.params);
  return groups.flatMap((group, i) => {
    const weight = partOf.get(group.name)!;
    const slots = Object.fromEntries(slotNames.map((slot) => [slot, partOf.get(`${slot}/${group.name}`)!]));
    const updated = optimizer.update({
      ...{ g, weight, grad: clipped[i]!, slots, decay: group.decay },
      numbers: layout.numbersIn(row, group),
    });
    const { useEma, emaMomentum } = optimizer.params;
    const ema = useEma ? g.add(g.mul(slots[emaSlot]!, emaMomentum), g.mul(updated.weight, 1 - emaMomentum)) : undefined;
    return [updated.weight, ...slotNames.map((slot) => (slot === emaSlot ? ema! : updated.slots[slot]!))];
  });
}

/** What steps end with, `next/<part>`; the last of a call without negligible moments. */
export function nextParts(
  g: GraphBuilder,
  layout: Layout,
  values: readonly Value[],
  isLast = true,
): Record<string, Value> {
  const next = layout.parts.map((part, i): [string, Value] => {
    const value = values[i]!;
    return [`next/${part.name}`, isLast && layout.isMoment(part) ? withoutNegligible(g, value) : value];
  });
  return Object.fromEntries(next);
}
