/** @file Tests of Graph on real models: reading, writing, cutting, renaming, appending, smaller weights. */

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { maxDifference, openOnnx, randomTensor, runOnnx } from "../../test/run-onnx.js";
import { sharedData } from "../../test/shared-data.js";
import { Tensor } from "../tensor/tensor.js";
import { foldConstants } from "./fold.js";
import { Graph } from "./graph.js";
import { StoredTensor } from "./stored-tensor.js";

const models = [
  "models/mobilenet_v1_0.25_128.onnx",
  "models/mobilenet_v2_1.0_224.onnx",
  "models/efficientnet-lite0.onnx",
  "minilm/all-MiniLM-L6-v2-int8.onnx",
  "tiny_models/cifar10_resnet8.onnx",
  "tiny_models/kws_dscnn.onnx",
];

describe.each(models)("the model %s", (name) => {
  const path = sharedData(name);

  test.skipIf(path === undefined)("is byte-stable after one pass", async () => {
    const once = (await Graph.load(path!)).toBytes();
    expect(Buffer.compare(Graph.fromBytes(once).toBytes(), once)).toBe(0);
  });

  test.skipIf(path === undefined)(
    "comes in pieces too, of which the large weights are those of the graph",
    async () => {
      const graph = await Graph.load(path!);
      const pieces = graph.toChunks();
      expect(Buffer.compare(Buffer.concat(pieces), graph.toBytes())).toBe(0);
      const large = [...graph.initializers.values()].filter(({ byteLength }) => byteLength >= 4096);
      for (const { bytes } of large) expect(pieces).toContain(bytes);
    },
  );
});

const small = sharedData("models/mobilenet_v1_0.25_128.onnx");

describe.skipIf(small === undefined)("Graph (needs ../shared/data/models)", () => {
  const image = randomTensor([1, 128, 128, 3]);

  test("tells inputs and outputs", async () => {
    const graph = await Graph.load(small!);
    expect(graph.inputs).toEqual([{ name: "input", dtype: "float32", shape: ["N", 128, 128, 3] }]);
    expect(graph.outputs.map(({ name, shape }) => [name, shape])).toEqual([
      ["probabilities", ["N", 1001]],
      ["features", ["N", 256]],
    ]);
    expect(graph.sha256).toMatch(/^[0-9a-f]{64}$/);
    expect(graph.toString().split("\n").slice(0, 2).join("|")).toContain("|  input input: float32 [N, 128, 128, 3]");
  });

  test("is cut at an intermediate tensor, with the same values", async () => {
    const graph = await Graph.load(small!);
    const whole = await runOnnx(graph, { input: image });
    const cut = graph.cutAt(["features"]);
    expect(cut.nodes.length).toBeLessThan(graph.nodes.length);
    const part = await runOnnx(cut, { input: image });
    expect(Object.keys(part)).toEqual(["features"]);
    expect(maxDifference(part.features!, whole.features!)).toBe(0);
    const inner = graph.nodes[3]!.outputs[0]!;
    expect(Object.keys(await runOnnx(graph.cutAt([inner]), { input: image }))).toEqual([inner]);
  });

  test("names what is there when a tensor is not", async () => {
    const graph = await Graph.load(small!);
    expect(() => graph.cutAt(["feature"])).toThrow(
      'Graph.cutAt: no tensor "feature" in the graph; did you mean "features"?',
    );
    expect(() => graph.rename({ features: "input" })).toThrow(
      'Graph.rename: the name "input" is taken; choose another',
    );
  });

  test("renames and appends: the outputs of one feed the other", async () => {
    const graph = (await Graph.load(small!)).cutAt(["probabilities"]);
    const shifted = graph.rename({ input: "pixels", probabilities: "input" });
    const other = new Graph({
      ...graph,
      nodes: [{ opType: "Neg", domain: "", name: "", inputs: ["input"], outputs: ["minus"], attrs: new Map() }],
      inputs: [{ name: "input", dtype: "float32", shape: ["N", 1001] }],
      outputs: [{ name: "minus", dtype: "float32", shape: ["N", 1001] }],
      initializers: new Map(),
      valueInfo: new Map(),
      opsets: new Map([["", 18]]),
    });
    const both = shifted.append(other);
    expect(both.opsets.get("")).toBe(18);
    const { minus } = await runOnnx(both, { pixels: image });
    const { probabilities } = await runOnnx(graph, { input: image });
    expect(minus!.toNumbers()).toEqual(probabilities!.toNumbers().map((value) => -value));
    expect(() => graph.append(other, { connect: { inptu: "probabilities" } })).toThrow(
      'Graph.append: the second graph has no input "inptu"; its inputs are "input"',
    );
  });

  test.each(["int8", "float16"] as const)("keeps the answer with %s weights, in a smaller file", async (type) => {
    const graph = await Graph.load(small!);
    const smaller = graph.weightsTo(type);
    const ratio = smaller.toBytes().length / graph.toBytes().length;
    expect(ratio).toBeLessThan(type === "int8" ? 0.32 : 0.55);
    const [a, b] = [await runOnnx(graph, { input: image }), await runOnnx(smaller, { input: image })];
    expect(maxDifference(a.probabilities!, b.probabilities!)).toBeLessThan(type === "int8" ? 0.2 : 0.01);
  });
});

test("constants folded in a file of format version 3 need not be its inputs", async () => {
  const node = (opType: string, inputs: string[], output: string) => {
    return { opType, domain: "", name: "", inputs, outputs: [output], attrs: new Map() };
  };
  const info = (name: string) => ({ name, dtype: "float32", shape: [2] });
  const graph = new Graph({
    name: "old",
    nodes: [node("Neg", ["w"], "minus"), node("Add", ["x", "minus"], "y")],
    inputs: [info("x")],
    defaults: [],
    outputs: [info("y")],
    initializers: new Map([["w", StoredTensor.of(new Tensor("float32", Float32Array.of(1, 2)))]]),
    valueInfo: new Map(),
    irVersion: 3,
    opsets: new Map([["", 8]]),
    functions: [],
    metadata: new Map(),
  });
  const folded = await foldConstants(graph, { run: runOnnx });
  expect(folded.nodes.map(({ opType }) => opType)).toEqual(["Add"]);
  expect(folded.irVersion).toBe(4);
});

test("raises operator sets", async () => {
  const path = sharedData("tiny_models/cifar10_resnet8.onnx");
  if (path === undefined) return;
  const graph = await Graph.load(path);
  const run = await openOnnx(graph);
  const feeds = { [graph.inputs[0]!.name]: randomTensor([2, 32, 32, 3], 3, 50) };
  const before = await run(feeds);
  const after = await runOnnx(graph.atOpset(21), feeds);
  for (const [name, tensor] of Object.entries(before)) expect(maxDifference(tensor, after[name]!)).toBe(0);
});

test("refuses what is no model", async () => {
  expect(() => Graph.fromBytes(new Uint8Array([1, 2, 3]))).toThrow(
    /^Graph.load: the bytes are no ONNX model or are cut off/,
  );
  expect(() => Graph.fromBytes(new Uint8Array(0))).toThrow(
    "Graph.load: the bytes hold no graph; is this an ONNX model?",
  );
  await expect(Graph.load("/nowhere/model.onnx")).rejects.toThrow('Graph.load: cannot read "/nowhere/model.onnx"');
  const folder = await mkdtemp(join(tmpdir(), "graph-"));
  await writeFile(join(folder, "m.onnx"), "hello");
  await expect(Graph.load(join(folder, "m.onnx"))).rejects.toThrow("no ONNX model");
  await rm(folder, { recursive: true });
});
