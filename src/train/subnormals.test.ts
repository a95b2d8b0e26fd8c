import { expect, test } from "vitest";
import { runOnnx } from "../../test/run-onnx.js";
import { differentiate } from "../autodiff/gradient.js";
import { GraphBuilder } from "../graph/graph-builder.js";
import { shapeRules } from "../ops/infer.js";
import { adam } from "../optim/adam.js";
import { Tensor } from "../tensor/tensor.js";
import { Layout } from "./layout.js";
import { updateGraph } from "./shard-graphs.js";
import { withoutNegligibleGradients } from "./subnormals.js";

const floats = (values: readonly number[]) => new Tensor("float32", Float32Array.from(values), [values.length]);

test("gradients near 0 end at the network's output, others pass", async () => {
  const g = new GraphBuilder({ rules: shapeRules() });
  const x = g.input("x", "float32", [4]);
  const factors = g.input("factors", "float32", [4]);
  const y = withoutNegligibleGradients(g, x);
  const loss = g.reduceSum(g.mul(y, factors));
  const [dx] = differentiate(g, [...g.nodes], loss, [x]);
  const graph = g.finish({ y, dx: dx! }, "gradients");
  const given = { x: floats([1, 2, 3, 4]), factors: floats([1, -1e-29, 1e-31, -1e-40]) };
  const found = await runOnnx(graph, given);
  expect(found.y).toEqual(given.x);
  const gradients = [...(found.dx!.data as Float32Array)].map((dx) => dx + 0); // not -0
  expect(gradients).toEqual([1, Math.fround(-1e-29), 0, 0]);
});

test("moments near 0 become 0, weights stay as they are", async () => {
  const spec = {
    name: "w",
    shape: [2],
    trainable: true,
    decays: true,
    lrMultiplier: 1,
    mayTurn: false,
    initial: () => floats([0, 0]),
  };
  const layout = new Layout([spec], new Set(), adam());
  const [group] = layout.groups;
  const found = await runOnnx(updateGraph(layout, { shards: 1, isDivided: false, isLast: true }).graph, {
    numbers: new Tensor("float32", layout.numbersOf(900, 1, 1), [layout.numberCount]),
    [group!.name]: floats([1e-33, 0.5]),
    [`m/${group!.name}`]: floats([1e-33, 1]),
    [`v/${group!.name}`]: floats([1e-35, 1]),
    [`grad/0/${group!.name}`]: floats([0, 0]),
  });
  const of = (name: string) => [...(found[`next/${name}`]!.data as Float32Array)];
  expect(of(`m/${group!.name}`)).toEqual([0, Math.fround(0.9)]);
  expect(of(`v/${group!.name}`)[0]).toBe(0);
  expect(of(group!.name)[0]).not.toBe(0);
});
