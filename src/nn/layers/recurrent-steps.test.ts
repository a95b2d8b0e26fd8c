import { describe, expect, test } from "vitest";
import { randomTensor, runOnnx } from "../../../test/run-onnx.js";
import { differentiate } from "../../autodiff/gradient.js";
import { GraphBuilder } from "../../graph/graph-builder.js";
import type { Value } from "../../graph/value.js";
import { shapeRules } from "../../ops/infer.js";
import { multiplicationsOf } from "../../ops/work.js";
import { Tensor } from "../../tensor/tensor.js";
import { buildNetwork } from "../build.js";
import type { Layer } from "../layer.js";
import { gru, lstm, simpleRNN } from "./index.js";

interface Options {
  readonly returnSequences?: boolean;
  readonly returnState?: boolean;
  readonly goBackwards?: boolean;
  readonly outputOrder?: "made" | "time";
  readonly useBias?: boolean;
}

interface Kind {
  readonly name: string;
  readonly states: number;
  readonly make: (units: number, more?: Options) => Layer;
}

const kinds: readonly Kind[] = [
  { name: "SimpleRNN", states: 1, make: (units, more) => simpleRNN(units, more) },
  { name: "GRU", states: 1, make: (units, more) => gru(units, more) },
  { name: "GRU, reset before", states: 1, make: (units, more) => gru(units, { ...more, resetAfter: false }) },
  { name: "LSTM", states: 2, make: (units, more) => lstm(units, more) },
];

type Shapes = readonly (readonly number[])[];

/** A layer's results, and the gradients of all that it reads. With `masked` all places count, which takes the general way. */
function build(layer: Layer, shapes: Shapes, masked = false) {
  const g = new GraphBuilder({ rules: shapeRules() });
  const inputs = shapes.map((shape, i) => g.input(`in${i}`, "float32", shape));
  const [batch, steps] = shapes[0]!;
  const all = () => g.parameter("mask", new Tensor("bool", new Uint8Array(batch! * steps!).fill(1), [batch!, steps!]));
  const weights: Value[] = [];
  const { outputs } = buildNetwork(g, layer, inputs, {
    ...{ training: true, masks: masked ? [all()] : [] },
    weight({ name, shape }) {
      weights.push(g.input(name, "float32", shape));
      return weights.at(-1)!;
    },
  });
  const work = multiplicationsOf(g);
  const sums = outputs.map((y, i) => g.reduceSum(g.mul(y, g.input(`dy${i}`, "float32", y.shape!))));
  const loss = sums.reduce((a, b) => g.add(a, b));
  const read = [...inputs, ...weights];
  const grads = differentiate(g, [...g.nodes], loss, read);
  const named = grads.map((grad, i): [string, Value] => [`d ${read[i]!.name}`, grad]);
  const graph = g.finish({ ...Object.fromEntries(named), loss });
  return { graph, work, outputs, read, grads };
}

async function run({ graph }: ReturnType<typeof build>): Promise<Record<string, Tensor>> {
  const feeds = graph.inputs.map(({ name, shape }, i) => [name, randomTensor(shape as readonly number[], i)]);
  return runOnnx(graph, Object.fromEntries(feeds));
}

describe.each(kinds)("$name", ({ states, make }) => {
  const cases: readonly (Options & { given?: boolean; batch?: number; steps?: number })[] = [
    {},
    { returnSequences: true },
    { returnSequences: true, useBias: false, batch: 64 },
    { returnSequences: true, goBackwards: true },
    { goBackwards: true, batch: 1 },
    { returnSequences: true, returnState: true, given: true },
    { returnState: true, given: true, goBackwards: true, outputOrder: "time", returnSequences: true },
    { steps: 1, returnState: true, given: true },
  ];
  test.each(cases)("has the gradients that the rules of its operators give: %o", async (given) => {
    const { given: isGiven = false, batch = 3, steps = 5, ...options } = given;
    const first = isGiven ? new Array<number[]>(states).fill([batch, 4]) : [];
    const shapes = [[batch, steps, 2], ...first];
    const own = await run(build(make(4, options), shapes));
    const byOperators = await run(build(make(4, options), shapes, true));
    expect(Object.keys(own)).toEqual(Object.keys(byOperators));
    for (const [name, { data }] of Object.entries(byOperators)) {
      const found = own[name]!.toNumbers();
      expect(found.some((value) => value !== 0)).toBe(true);
      [...(data as Float32Array)].forEach((value, i) => void expect(found[i], name).toBeCloseTo(value, 4));
    }
  });

  test("is a Scan however many steps there are, and its work is counted", () => {
    const many = build(make(3, { returnSequences: true }), [[2, 400, 2]]);
    const few = build(make(3, { returnSequences: true }), [[2, 4, 2]]);
    expect(many.outputs[0]!.shape).toEqual([2, 400, 3]);
    expect(many.grads.map(({ shape }) => shape)).toEqual(many.read.map(({ shape }) => shape));
    expect(many.graph.nodes.length).toBe(few.graph.nodes.length);
    expect(many.work).toBe(100 * few.work);
  });

  test("has as many results as there are steps in a Loop too", () => {
    expect(build(make(3, { returnSequences: true }), [[2, 201, 2]], true).outputs[0]!.shape).toEqual([2, 201, 3]);
  });
});
