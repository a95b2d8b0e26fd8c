/** @file Rounds: a body that a graph goes through again and again, as a Loop or a Scan. */

import type { GraphBuilder } from "../graph/graph-builder.js";
import type { Value } from "../graph/value.js";
import { Tensor } from "../tensor/tensor.js";

/**
 * Adds a Loop of `count` rounds. `step` gets the round's number and the states, and gives the next states, then what is
 * stacked over the rounds.
 */
export function loopOver(
  g: GraphBuilder,
  count: Value,
  states: readonly Value[],
  stacked: number,
  step: (b: GraphBuilder, iteration: Value, states: readonly Value[]) => readonly Value[],
): Value[] {
  const b = g.bodyBuilder();
  const iteration = b.bodyInput("iteration", "int64", []);
  const go = b.bodyInput("go", "bool", []);
  const current = states.map((x) => b.bodyInput("state", x.dtype, x.shape));
  const next = step(b, iteration, current);
  const outputs = [go, ...next].map((value): [string, Value] => [b.fresh("next"), value]);
  const inner = b.body(Object.fromEntries(outputs), "body");
  // the runtime wants two inputs
  const always = states.length === 0 ? g.constant(new Tensor("bool", Uint8Array.of(1), [])) : undefined;
  return g.ops("Loop", [count, always, ...states], { body: inner }, { outputs: states.length + stacked });
}

/** A tensor for each of these. */
type Each<T extends readonly Value[]> = { [K in keyof T]: Value };

/** What a Scan goes over. */
export interface Scanned<S extends readonly Value[], P extends readonly Value[]> {
  /** First states. */
  readonly states: readonly [...S];
  /** [rounds, ...] each, of which a round gets the part at its place. */
  readonly slices: readonly [...P];
  /** Whether it goes from the last round to the first; results lie in the order of the slices all the same. */
  readonly backwards?: boolean;
}

/**
 * Adds a Scan. `step` gets the states and the parts of the slices, and gives the next states, then what is stacked over the
 * rounds. The runtime reads parts where they lie and writes results where they stay; a round costs a fifth of a microsecond beside
 * its operators.
 */
export function scanOver<S extends readonly Value[], P extends readonly Value[], R extends readonly Value[]>(
  g: GraphBuilder,
  { states, slices, backwards = false }: Scanned<S, P>,
  step: (b: GraphBuilder, states: Each<S>, parts: Each<P>) => readonly [...R],
): Each<R> {
  const b = g.bodyBuilder();
  const current = states.map((x) => b.bodyInput("state", x.dtype, x.shape)) as Each<S>;
  const parts = slices.map((x) => b.bodyInput("part", x.dtype, x.shape?.slice(1))) as Each<P>;
  const next = step(b, current, parts);
  const outputs = next.map((value): [string, Value] => [b.fresh("next"), value]);
  const inner = b.body(Object.fromEntries(outputs), "body");
  const directions = (count: number) => (backwards && count > 0 ? new Array<number>(count).fill(1) : undefined);
  const attrs = {
    ...{ body: inner, num_scan_inputs: slices.length },
    scan_input_directions: directions(slices.length),
    scan_output_directions: directions(next.length - states.length),
  };
  return g.ops("Scan", [...states, ...slices], attrs, { outputs: next.length }) as Each<R>;
}

/**
 * The way back through a Scan whose first state is each round's result too: `step` gets as first state what later rounds give to its
 * gradient with what comes from outside, `dy` [rounds, ...], added.
 */
export function scanBack<
  S extends readonly [Value, ...Value[]],
  P extends readonly Value[],
  R extends readonly Value[],
>(
  g: GraphBuilder,
  dy: Value | undefined,
  { slices, ...scanned }: Scanned<S, P>,
  step: (b: GraphBuilder, states: Each<S>, parts: Each<P>) => readonly [...R],
): Each<R> {
  if (dy === undefined) return scanOver(g, { slices, ...scanned }, step);
  const whole = { ...scanned, slices: [dy, ...slices] as const };
  return scanOver<S, readonly Value[], R>(g, whole, (b, [after, ...states], [outside, ...parts]) => {
    return step(b, [b.add(after!, outside!), ...states] as Each<S>, parts as Each<P>);
  });
}
