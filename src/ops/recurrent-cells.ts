/** @file One step of LSTM, GRU and RNN cells. */

import { GraphError } from "../errors.js";
import type { GraphBuilder } from "../graph/graph-builder.js";
import type { Value } from "../graph/value.js";

type Activation = (g: GraphBuilder, x: Value) => Value;

export interface CellWeights {
  /** [hidden, gates * hidden]. */
  readonly r: Value;
  readonly bias: Value | undefined;
  readonly peepholes: Value | undefined;
  readonly hidden: number;
}

/** What a step needs beside its input and states; made once for all steps. */
export type Prepared = readonly (Value | undefined)[] & { readonly hidden?: number };

export interface Cell {
  readonly gates: number;
  readonly prepare: (g: GraphBuilder, weights: CellWeights) => Prepared;
  /** `x` is the input's share of all gates, [batch, gates * hidden]; gives the next states, the output first. */
  readonly step: (g: GraphBuilder, x: Value, states: readonly Value[], prepared: Prepared) => Value[];
}

interface CellOptions {
  readonly activations: readonly Activation[];
  /** Bound of what goes into activations. */
  readonly clip: number | undefined;
  /** What happens to a state before its product with R, such as dropping some of it. */
  readonly drop?: ((g: GraphBuilder, h: Value) => Value) | undefined;
}

const known: Readonly<Record<string, Activation>> = {
  sigmoid: (g, x) => g.sigmoid(x),
  tanh: (g, x) => g.tanh(x),
  relu: (g, x) => g.relu(x),
  softsign: (g, x) => g.softsign(x),
  softplus: (g, x) => g.softplus(x),
};

/** @throws GraphError for activations with parameters of their own. */
export function activationsOf(
  { activations }: { readonly activations: readonly string[] | undefined },
  direction: number,
  byDefault: readonly string[],
): Activation[] {
  return byDefault.map((name, i) => {
    const wanted = activations?.[direction * byDefault.length + i] ?? name;
    const found = known[wanted.toLowerCase()];
    if (found !== undefined) return found;
    throw new GraphError(
      "recurrent",
      `activation "${wanted}" has no gradient here; use one of ${Object.keys(known).join(", ")}`,
    );
  });
}

function bounded({ clip }: CellOptions, activation: Activation): Activation {
  return clip === undefined || clip === 0
    ? activation
    : (g, x) => activation(g, g.clip(x, g.constant(-clip), g.constant(clip)));
}

/** What the states give to the gates: h R' + b. */
function recurrent(g: GraphBuilder, h: Value, r: Value, bias: Value | undefined, { drop }: CellOptions): Value {
  const product = g.matmul(drop === undefined ? h : drop(g, h), r);
  return bias === undefined ? product : g.add(product, bias);
}

/** i, o, f = s(x + h R'), with peepholes p * c; c' = f * c + i * tanh(x + h R'); h' = o * tanh(c'). */
export function lstmCell(options: CellOptions & { readonly coupled: boolean }): Cell {
  const [gate, candidate] = options.activations.map((activation) => bounded(options, activation));
  // the runtime bounds the gates' sums, not the state
  const output = options.activations[2];
  return {
    gates: 4,
    prepare(g, { r, bias, peepholes, hidden }) {
      const peep = peepholes === undefined ? [] : g.split(peepholes, [hidden, hidden, hidden]);
      return Object.assign([r, bias, ...peep], { hidden });
    },
    step(g, x, [h, c], prepared) {
      const [r, bias, pi, po, pf] = prepared;
      const hidden = prepared.hidden!;
      const sums = g.add(x, recurrent(g, h!, r!, bias, options));
      if (pi === undefined && !options.coupled) {
        // three gates in one go: a step is many small operators, so each one less counts
        const [three, last] = g.split(sums, [3 * hidden, hidden], { axis: 1 }) as [Value, Value];
        const [i, o, f] = g.split(gate!(g, three), 3, { axis: 1 }) as [Value, Value, Value];
        const next = g.add(g.mul(f, c!), g.mul(i, candidate!(g, last)));
        return [g.mul(o, output!(g, next)), next];
      }
      const [i, o, f, k] = g.split(sums, 4, { axis: 1 }) as [Value, Value, Value, Value];
      const seen = (sum: Value, p: Value | undefined, state: Value) =>
        p === undefined ? sum : g.add(sum, g.mul(p, state));
      const input = gate!(g, seen(i, pi, c!));
      const forget = options.coupled ? g.sub(1, input) : gate!(g, seen(f, pf, c!));
      const next = g.add(g.mul(forget, c!), g.mul(input, candidate!(g, k)));
      return [g.mul(gate!(g, seen(o, po, next)), output!(g, next)), next];
    },
  };
}

/** z, r = s(x + h R'); n = tanh(x + (r * h) R'), or tanh(x + r * (h R')); h' = (1 - z) * n + z * h. */
export function gruCell(options: CellOptions & { readonly resetAfter: boolean }): Cell {
  const [gate, candidate] = options.activations.map((activation) => bounded(options, activation));
  return {
    gates: 3,
    prepare(g, { r, bias, hidden }) {
      const [gates, last] = g.split(r, [2 * hidden, hidden], { axis: 1 });
      const [gateBias, lastBias] = bias === undefined ? [undefined, undefined] : g.split(bias, [2 * hidden, hidden]);
      return Object.assign([gates, last, gateBias, lastBias], { hidden });
    },
    step(g, x, [h], prepared) {
      const [gates, last, gateBias, lastBias] = prepared;
      const hidden = prepared.hidden!;
      const [fromGates, fromLast] = g.split(x, [2 * hidden, hidden], { axis: 1 }) as [Value, Value];
      const [z, r] = g.split(gate!(g, g.add(fromGates, recurrent(g, h!, gates!, gateBias, options))), 2, {
        axis: 1,
      }) as [Value, Value];
      const state = options.resetAfter
        ? g.mul(r, recurrent(g, h!, last!, lastBias, options))
        : recurrent(g, g.mul(r, h!), last!, lastBias, options);
      const next = candidate!(g, g.add(fromLast, state));
      return [g.add(next, g.mul(z, g.sub(h!, next)))];
    },
  };
}

/** h' = tanh(x + h R'). */
export function rnnCell(options: CellOptions): Cell {
  const [activation] = options.activations.map((given) => bounded(options, given));
  return {
    gates: 1,
    prepare: (_, { r, bias }) => [r, bias],
    step: (g, x, [h], [r, bias]) => [activation!(g, g.add(x, recurrent(g, h!, r!, bias, options)))],
  };
}
