import { describe, expect, test } from "vitest";
import { layerGraph } from "../../test/layers.js";
import { maxDifference, randomTensor, runOnnx } from "../../test/run-onnx.js";
import * as nn from "./index.js";

describe("summary", () => {
  test("is a table of layers, shapes and parameters", () => {
    const network = nn.sequential([
      nn.input({ name: "image", shape: [1, 28, 28] }),
      nn.conv2d(16, 3, { activation: "relu", name: "first" }),
      nn.batchNormalization(),
      nn.maxPooling2d(),
      nn.flatten(),
      nn.dense(10, { trainable: false }),
    ]);
    expect(network.summary().split("\n")).toEqual([
      "Sequential: image [batch, 1, 28, 28] to [batch, 10]",
      "─".repeat(73),
      "Layer (type)                              Output shape         Parameters",
      "─".repeat(73),
      "first (Conv2D)                            [batch, 16, 26, 26]         160",
      "batch_normalization (BatchNormalization)  [batch, 16, 26, 26]          64",
      "max_pooling2d (MaxPooling2D)              [batch, 16, 13, 13]           0",
      "flatten (Flatten)                         [batch, 2704]                 0",
      "dense (Dense)                             [batch, 10]              27,050",
      "─".repeat(73),
      "Parameters: 27,274 (106.5 KiB), 192 trained, 27,082 not",
    ]);
  });

  test("of a chain that begins with a network of several inputs has those", async () => {
    const [a, b] = [nn.input({ name: "a", shape: [2] }), nn.input({ name: "b", shape: [2] })];
    const sum = nn.model({ inputs: [a, b], outputs: nn.add().apply([a, b]) });
    const network = nn.sequential([sum, nn.rescaling(2)]);
    expect(network.inputs.map(({ name }) => name)).toEqual(["a", "b"]);
    const [x, y] = [randomTensor([3, 2], 1), randomTensor([3, 2], 2)];
    const { graph } = layerGraph(network, [x, y]);
    const found = (await runOnnx(graph, { x0: x, x1: y })).y0!;
    for (const [i, value] of found.data.entries()) expect(value).toBeCloseTo(2 * (x.data[i]! + y.data[i]!), 5);
  });

  test("says what each layer reads where the network is no chain", () => {
    const [a, b] = [nn.input({ name: "a" }), nn.input({ name: "b" })];
    const shared = nn.dense(3);
    const network = nn.model({
      inputs: [a, b],
      outputs: { y: nn.add().apply([shared.apply(a), shared.apply(b)]) },
      name: "two",
    });
    expect(network.summary({ a: [4], b: [4] }).split("\n")).toEqual([
      'Model "two": a [batch, 4], b [batch, 4] to [batch, 3]',
      "─".repeat(53),
      "Layer (type)   Output shape  Parameters  Reads",
      "─".repeat(53),
      "dense (Dense)  [batch, 3]            15  a",
      "dense (Dense)  [batch, 3]        shared  b",
      "add (Add)      [batch, 3]             0  dense, dense",
      "─".repeat(53),
      "Parameters: 15 (0.1 KiB), 15 trained, 0 not",
    ]);
    expect(() => network.summary({ a: [4] })).toThrow(
      'summary: the shape of input "b" is not known; give it, as in summary({ b: [784] })',
    );
  });
});

describe("layers that do not fit", () => {
  const cases: readonly [layers: nn.Layer[], shape: number[], message: string][] = [
    [
      [nn.conv2d(64, 3, { padding: "same" }), nn.maxPooling2d(), nn.dense(32)],
      [1, 14, 14],
      "Dense(32) after MaxPooling2D: expected [batch, features], got [batch, 64, 7, 7]; put flatten() between them",
    ],
    [
      [nn.dense(8), nn.conv2d(8, 3)],
      [784],
      "Conv2D(8, 3) after Dense(8): expected [batch, channels, height, width], got [batch, 8]; put reshape([channels, height, width]) between them",
    ],
    [
      [nn.lstm(8), nn.lstm(4)],
      [5, 3],
      "LSTM(4) after LSTM(8): expected [batch, time, features], got [batch, 8]; set returnSequences: true on a recurrent layer before it, or put reshape([time, features]) between them",
    ],
    [
      [nn.conv2d(8, 7, { name: "stem" }), nn.reshape([3, 3])],
      [1, 8, 8],
      'Reshape([3, 3]) after Conv2D "stem": [batch, 8, 2, 2] has 32 elements per row, which do not fit [3, 3]; give sizes whose product is 32',
    ],
    [
      [nn.conv2d(8, 3), nn.maxPooling2d(9)],
      [1, 8, 8],
      'MaxPooling2D(9) after Conv2D(8, 3): a window of 9 does not fit [6, 6]; make it smaller, or set padding: "same"',
    ],
    [
      [nn.dense(8), nn.add()],
      [8],
      "Add after Dense(8): expected several inputs, got 1; apply it to a list, as in add().apply([a, b])",
    ],
    [
      [nn.dense(8), nn.cropping1d(3)],
      [5, 8],
      "Cropping1D(3) after Dense(8): nothing is left of [batch, 5, 8] without [3, 3]; crop less",
    ],
  ];

  test.each(cases)("%#: the message names both and the mend", (layers, shape, message) => {
    expect(() => nn.sequential(layers).summary(shape)).toThrow(message);
  });
});

describe("a model", () => {
  test("runs a layer once for all of its results, and shares what is applied twice", async () => {
    const x = nn.input({ shape: [5, 4] });
    const states = nn.lstm(3, { returnState: true }).apply(x);
    const shared = nn.dense(2);
    const network = nn.model({
      inputs: x,
      outputs: { h: states.result(1), c: states.result(2), a: shared.apply(states), b: shared.apply(states.result(1)) },
    });
    const input = randomTensor([2, 5, 4], 1);
    const { graph, specs } = layerGraph(network, [input]);
    expect(specs.map(({ name }) => name)).toEqual([
      "lstm/bias",
      "lstm/kernel",
      "lstm/recurrentKernel",
      "dense/kernel",
      "dense/bias",
    ]);
    const { y2, y3 } = await runOnnx(graph, { x0: input });
    expect(maxDifference(y2!, y3!)).toBe(0);
    expect(graph.nodes.filter(({ opType }) => opType === "LSTM").length).toBe(1);
  });

  test("names an input that is missing, one that nothing reads, and two of one name", () => {
    const [a, b] = [nn.input({ name: "a" }), nn.input({ name: "b" })];
    expect(() => nn.model({ inputs: a, outputs: nn.add().apply([a, b]) })).toThrow(
      'model: a result needs the input "b", which is not among inputs',
    );
    expect(() => nn.model({ inputs: [a, b], outputs: nn.dense(2).apply(a) })).toThrow(
      'model: no output reads the input "b"; leave it out of inputs, or apply a layer to it',
    );
    expect(() => nn.model({ inputs: [a, nn.input({ name: "a" })], outputs: a })).toThrow(
      'model: two inputs are called "a"; name them apart',
    );
    const loose = { inputs: { a }, outputs: a } as unknown as Parameters<typeof nn.model>[0];
    expect(() => nn.model(loose)).toThrow("model: inputs must be what nn.input() gives, or a list of such");
    const list = { inputs: a, outputs: [a] } as unknown as Parameters<typeof nn.model>[0];
    expect(() => nn.model(list)).toThrow(
      "model: outputs must be what a layer's apply gives, or several of it by name: { price, risk }",
    );
    expect(() => nn.sequential([])).toThrow("sequential: there are no layers; give at least one");
  });
});
