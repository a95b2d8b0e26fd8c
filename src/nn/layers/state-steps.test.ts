import { describe, expect, test } from "vitest";
import { randomTensor, runOnnx } from "../../../test/run-onnx.js";
import { differentiate } from "../../autodiff/gradient.js";
import { GraphBuilder } from "../../graph/graph-builder.js";
import type { Node } from "../../graph/types.js";
import type { Value } from "../../graph/value.js";
import { shapeRules } from "../../ops/infer.js";
import { gruSteps } from "./gru-steps.js";
import type { Steps } from "./recurrent-steps.js";
import { rnnSteps } from "./rnn-steps.js";

interface Form {
  readonly name: string;
  readonly gates: number;
  readonly stepsOf: (bias: Value) => Steps;
}

const forms: readonly Form[] = [
  { name: "SimpleRNN", gates: 1, stepsOf: () => rnnSteps },
  { name: "GRU, reset after", gates: 3, stepsOf: (bias) => gruSteps(true, bias) },
  { name: "GRU, reset after, without bias", gates: 3, stepsOf: () => gruSteps(true, undefined) },
  { name: "GRU, reset before", gates: 3, stepsOf: () => gruSteps(false, undefined) },
];

const units = 2;

interface Given {
  /** Steps of each segment. */
  readonly segments: readonly number[];
  readonly backwards: boolean;
  readonly batch: number;
  /** Which results the loss reads: those of all steps, the last state. */
  readonly reads: readonly ("all" | "last")[];
}

/** Gradients of gates, recurrent kernel, bias and first state; and how many nodes there are. */
async function gradients(
  { gates, stepsOf }: Form,
  { segments, backwards, batch, reads }: Given,
  nodesOf: (nodes: readonly Node[]) => readonly Node[],
) {
  const g = new GraphBuilder({ rules: shapeRules() });
  const input = (name: string, ...shape: number[]) => g.input(name, "float32", shape);
  const xs = segments.map((steps, i) => input(`x${i}`, steps * batch, gates * units));
  const recurrent = input("recurrent", units, gates * units);
  const bias = input("bias", gates * units);
  const state = input("state", batch, units);
  const run = stepsOf(bias)(g, { gates: xs, recurrent, states: [state], units, batch, backwards });
  const results = { all: run.joined, last: run.last[0]! };
  const sums = reads.map((name) => {
    const y = results[name];
    return g.reduceSum(g.mul(y, g.input(`dy_${name}`, "float32", y.shape!)));
  });
  const wrt = [...xs, recurrent, bias, state];
  const loss = g.sum(sums[0]!, ...sums.slice(1));
  const grads = differentiate(g, nodesOf(g.nodes), loss, wrt);
  const graph = g.finish(Object.fromEntries(grads.map((grad, i) => [`d_${wrt[i]!.name}`, grad!])));
  const feeds = graph.inputs.map(({ name, shape }, i) => [name, randomTensor(shape as readonly number[], i)]);
  return { grads: await runOnnx(graph, Object.fromEntries(feeds)), nodes: graph.nodes.length };
}

const usual: Given = { segments: [3, 2], backwards: false, batch: 4, reads: ["all", "last"] };
const cases: readonly Given[] = [
  usual,
  { ...usual, backwards: true },
  { ...usual, reads: ["all"] },
  { ...usual, backwards: true, reads: ["last"] },
  { ...usual, segments: [1] },
  // so many rows that the products of segments are made one by one
  { ...usual, batch: 64 },
  { ...usual, batch: 64, backwards: true },
];

describe.each(forms)("$name", (form) => {
  test.each(cases)(
    "gives the gradients that operators do: $segments, backwards $backwards, $reads, batch $batch",
    async (given) => {
      const own = await gradients(form, given, (nodes) => [...nodes]);
      // copies, of which nothing is known
      const byOperators = await gradients(form, given, (nodes) => nodes.map((node) => ({ ...node })));
      expect(Object.keys(own.grads)).toHaveLength(given.segments.length + 3);
      expect(own.grads.d_state!.toNumbers().some((value) => value !== 0)).toBe(true);
      for (const [name, { data }] of Object.entries(own.grads)) {
        const expected = byOperators.grads[name]!.toNumbers();
        [...(data as Float32Array)].forEach((value, i) => void expect(value, name).toBeCloseTo(expected[i]!, 4));
      }
      if (given.segments.length > 1) expect(own.nodes).toBeLessThan(byOperators.nodes);
    },
  );
});
