/** @file What every layer holds, found by discovery; a new layer needs an entry in layer-examples.ts and nothing here. */

import { describe, expect, test } from "vitest";

import { checkGradient } from "../../src/autodiff/check.js";
import type { Graph } from "../../src/graph/graph.js";
import { layers } from "../../src/nn/layer.js";
import { Tensor } from "../../src/tensor/tensor.js";
import type { Asset } from "../../src/util/asset.js";
import type { ReadStored } from "../../src/util/params.js";
import { layerGraph } from "../layers.js";
import { maxDifference, openOnnx, runOnnx } from "../run-onnx.js";
import { layerExamples } from "./layer-examples.js";

/** Files of the examples' layers, once they are stored. */
const assets = new Map<string, Asset>();
const stored: ReadStored = {
  asset: (json) => assets.get((json as { readonly $asset: string }).$asset)!,
  stage() {
    throw new Error("no layer has a stage");
  },
};

/** Runs a graph; loads it once. */
const sessions = new WeakMap<Graph, ReturnType<typeof openOnnx>>();
async function run(graph: Graph, feeds: Readonly<Record<string, Tensor>>) {
  const session = sessions.get(graph) ?? openOnnx(graph);
  sessions.set(graph, session);
  return (await session)(feeds);
}

test("every layer has an example in test/conformance/layer-examples.ts", () => {
  const without = layers.types.filter((type) => layerExamples[type] === undefined);
  expect(without).toEqual([]);
});

describe.each(Object.keys(layerExamples))("%s", (type) => {
  const example = layerExamples[type]!;
  const feeds = Object.fromEntries(example.inputs.map((x, i) => [`x${i}`, x]));

  test("has the shape it says, for named and for known sizes, for prediction and for training", async () => {
    expect(example.layer().type).toBe(type);
    const results: Tensor[] = [];
    for (const named of [true, false]) {
      const { graph } = layerGraph(example.layer(), example.inputs, { named });
      const [y] = graph.outputs;
      expect(y!.shape).toEqual([named ? "batch" : example.shape[0], ...example.shape.slice(1)]);
      results.push((await runOnnx(graph, feeds)).y0!);
    }
    const training = layerGraph(example.layer(), example.inputs, { training: true });
    expect(training.graph.outputs[0]!.shape).toEqual(example.shape);
    results.push((await runOnnx(training.graph, feeds)).y0!);
    for (const y of results) expect(y.shape).toEqual(example.shape);
    expect(maxDifference(results[0]!, results[1]!)).toBe(0);
    const other = maxDifference(results[0]!, results[2]!);
    if (example.differs === undefined) expect(other).toBeLessThan(1e-5);
    else expect(other).toBeGreaterThan(1e-3);
  });

  test("has gradients that equal differences", async () => {
    const { graph, specs } = layerGraph(example.layer(), example.inputs, { training: true });
    const wrt = [
      ...specs.filter(({ trainable }) => trainable).map(({ name }) => name),
      ...example.inputs.flatMap(({ dtype }, i) => (dtype === "float32" ? [`x${i}`] : [])),
    ];
    const errors = await checkGradient(graph, { of: "loss", wrt, feeds, run });
    for (const error of errors) expect(error.error, JSON.stringify(error)).toBeLessThan(example.tolerance ?? 2e-2);
  });

  test.skipIf(example.noJson)("has no trainable weight where it is frozen", () => {
    const json = layers.encode(example.layer(), assets) as { params: object };
    const frozen = layers.decode({ ...json, params: { ...json.params, trainable: false } }, stored, "test");
    const { specs } = layerGraph(frozen, example.inputs, { training: true });
    expect(specs.filter(({ trainable }) => trainable)).toEqual([]);
  });

  test.skipIf(example.noJson)("refuses each value beyond a declared limit, by name", () => {
    const json = layers.encode(example.layer(), assets) as { params: object };
    for (const [param, spec] of Object.entries(layers.specsOf(type))) {
      expect(spec.doc, param).toMatch(/\S/);
      if (spec.default !== undefined) expect(spec.accepts(spec.default), param).toBe(true);
      for (const broken of spec.broken) {
        const make = () => layers.decode({ type, params: { ...json.params, [param]: broken } }, stored, "test");
        expect(make, `${param} = ${String(broken)}`).toThrow();
      }
    }
  });

  test(example.noJson === undefined ? "comes back from JSON as it was" : "says why it cannot be stored", async () => {
    if (example.noJson !== undefined) {
      expect(() => layers.encode(example.layer(), assets)).toThrow(`${type}: ${example.noJson}`);
      return;
    }
    const json = JSON.parse(JSON.stringify(layers.encode(example.layer(), assets)));
    const again = layers.decode(json, stored, "test");
    expect(layers.encode(again, assets)).toEqual(json);
    const [a, b] = [again, example.layer()].map((layer) => layerGraph(layer, example.inputs).graph.sha256);
    expect(a).toBe(b);
  });

  const keeps = example.mask === "keeps" || example.mask === "usesAndKeeps";
  const uses = example.mask === "uses" || example.mask === "usesAndKeeps";

  test(`${keeps ? "keeps" : "drops"} a mask${uses ? ", and does not look at what is masked" : ""}`, async () => {
    const [x] = example.inputs;
    const [batch, time] = x!.shape as [number, number];
    const mask = new Tensor(
      "bool",
      Uint8Array.from({ length: batch * time }, (_, i) => Number(i % time < 2)),
      [batch, time],
    );
    for (const training of [false, true]) {
      const { graph } = layerGraph(example.layer(), example.inputs, { training }, mask);
      const isThere = graph.outputs.some(({ name }) => name === "outMask");
      expect(isThere).toBe(keeps);
      if (!uses) continue;
      const noise = new Tensor("float32", (x!.data as Float32Array).slice(), x!.shape);
      noise.data.forEach((_, i) => {
        if (Math.floor(i / x!.shape[2]!) % time >= 2) noise.data[i] = 100;
      });
      const [a, b] = [await runOnnx(graph, { ...feeds, mask }), await runOnnx(graph, { ...feeds, x0: noise, mask })];
      const counted = (y: Tensor) =>
        keeps ? y.toNumbers().filter((_, i) => Math.floor(i / y.shape[2]!) % time < 2) : y.toNumbers();
      expect(counted(a.y0!)).toEqual(counted(b.y0!));
      const { y0: empty } = await runOnnx(graph, {
        ...feeds,
        mask: new Tensor("bool", new Uint8Array(mask.size), mask.shape),
      });
      const largest = Math.max(...empty!.toNumbers().map(Math.abs));
      expect(largest, "of rows in which no place counts").toBeLessThan(100);
    }
  });
});
