import { describe, expect, test } from "vitest";
import { layerGraph } from "../../../test/layers.js";
import { randomTensor, runOnnx } from "../../../test/run-onnx.js";
import type { Tensor } from "../../tensor/tensor.js";
import * as nn from "../index.js";
import type { Layer } from "../layer.js";

type Penalty = { readonly activityRegularizer?: nn.regularizers.Regularizer };

const sequence = randomTensor([2, 5, 4], 2);
const picture = randomTensor([2, 4, 6, 5], 3);
const sumOfSquares = (values: Iterable<number>) => [...values].reduce((sum, value) => sum + value * value, 0);

/** Results and `loss` of a layer, in a training graph or outside training. */
async function run(layer: Layer, x: Tensor, training: boolean) {
  const { graph, specs } = layerGraph(layer, [x], { training });
  return { specs, results: await runOnnx(graph, { x0: x }) };
}

/** What the penalty adds to the loss. */
async function added(make: (given: Penalty) => Layer, x: Tensor, training: boolean): Promise<number> {
  const [plain, penalized] = [await run(make({}), x, training), await run(make(penalty), x, training)];
  return penalized.results.loss!.toNumbers()[0]! - plain.results.loss!.toNumbers()[0]!;
}

const penalty = { activityRegularizer: nn.regularizers.l2(10) };

describe.each<[name: string, make: (given: Penalty) => Layer, x: Tensor]>([
  ["Dense", (given) => nn.dense(3, given), sequence],
  ["Conv2D", (given) => nn.conv2d(3, 2, given), picture],
  ["SimpleRNN", (given) => nn.simpleRNN(3, given), sequence],
  ["GRU", (given) => nn.gru(3, { returnSequences: true, ...given }), sequence],
  ["LSTM with its states", (given) => nn.lstm(3, { returnState: true, ...given }), sequence],
  ["Bidirectional", (given) => nn.bidirectional(nn.gru(3), { mergeMode: "sum", ...given }), sequence],
  [
    "Bidirectional of layers with their states",
    (given) => nn.bidirectional(nn.lstm(3, { returnState: true }), given),
    sequence,
  ],
  ["TransformerEncoder", (given) => nn.transformerEncoder(6, 2, given), sequence],
])("activityRegularizer of %s", (_, make, x) => {
  test("is a penalty on each of its results, per row, while training", async () => {
    const { results } = await run(make({}), x, true);
    const ys = Object.entries(results).flatMap(([name, y]) => (/^y\d/.test(name) ? [y.toNumbers()] : []));
    const wanted = ys.reduce((sum, y) => sum + (10 * sumOfSquares(y)) / 2, 0);
    expect(await added(make, x, true)).toBeCloseTo(wanted, 3);
    expect(await added(make, x, false)).toBe(0);
  });
});

test("activityRegularizer of the layer in Bidirectional holds for both directions", async () => {
  const make = (given: Penalty) => nn.bidirectional(nn.lstm(3, given));
  const { results } = await run(make({}), sequence, true);
  expect(await added(make, sequence, true)).toBeCloseTo((10 * sumOfSquares(results.y0!.toNumbers())) / 2, 3);
});

test("activityRegularizer of MultiHeadAttention is a penalty on queries, keys, values and the result", async () => {
  const make = (given: Penalty) => nn.multiHeadAttention(2, 3, given);
  const { results, specs } = await run(make({}), sequence, true);
  const projections = specs.filter(({ name }) => /(query|key|value)\/kernel$/.test(name));
  expect(projections).toHaveLength(3);
  const rows = Array.from({ length: 10 }, (_, i) => sequence.toNumbers().slice(4 * i, 4 * i + 4));
  const products = projections.flatMap((spec) => {
    const kernel = spec.initial(1).toNumbers();
    return rows.flatMap((row) =>
      Array.from({ length: 6 }, (_, to) => row.reduce((sum, value, from) => sum + value * kernel[6 * from + to]!, 0)),
    );
  });
  const wanted = (10 * sumOfSquares([...products, ...results.y0!.toNumbers()])) / 2;
  expect(await added(make, sequence, true)).toBeCloseTo(wanted, 3);
});
