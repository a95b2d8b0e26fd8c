import { expect, test } from "vitest";

import { layerGraph } from "../../../test/layers.js";
import { randomTensor, runOnnx } from "../../../test/run-onnx.js";
import * as nn from "../index.js";

test("Bidirectional begins each direction with its own half of the states", async () => {
  const layer = nn.bidirectional(nn.gru(3));
  const x = randomTensor([2, 4, 5], 1);
  const run = async (forward: number, backward: number) => {
    const fed = [x, randomTensor([2, 3], forward), randomTensor([2, 3], backward)];
    const { graph } = layerGraph(layer, fed);
    const { y0 } = await runOnnx(graph, Object.fromEntries(fed.map((tensor, i) => [`x${i}`, tensor])));
    const values = [...(y0!.data as Float32Array)];
    const halves = (from: number) => values.filter((_, i) => Math.floor(i / 3) % 2 === from);
    return { forward: halves(0), backward: halves(1) };
  };
  const one = await run(2, 3);
  const other = await run(2, 4);
  expect(other.forward).toEqual(one.forward);
  expect(other.backward).not.toEqual(one.backward);
  expect((await run(5, 3)).backward).toEqual(one.backward);
});

test("Bidirectional wants states for both directions", () => {
  const fed = [randomTensor([2, 4, 5], 1), randomTensor([2, 3], 2)];
  expect(() => layerGraph(nn.bidirectional(nn.gru(3)), fed)).toThrow(
    "Bidirectional(GRU(3)): expected states for both directions, got 1; give as many for each direction, the forward ones first",
  );
});
