import { expect, test } from "vitest";
import { runOnnx } from "../../test/run-onnx.js";
import { GraphBuilder } from "../graph/graph-builder.js";
import type { Value } from "../graph/value.js";
import { shapeRules } from "../ops/infer.js";
import { Tensor } from "../tensor/tensor.js";
import { differentiate } from "./gradient.js";
import { withGradient } from "./own-gradient.js";

/** The gradient of sum(3 x^2) at 2, where the square says that its own is 100 dy. */
async function gradientAt2(nodesOf: (g: GraphBuilder) => GraphBuilder["nodes"]): Promise<number> {
  const g = new GraphBuilder({ rules: shapeRules() });
  const x = g.input("x", "float32", [1]);
  const [y] = withGradient(g, [x], () => {
    const square = g.mul(g.identity(x), x);
    return { outputs: [square], rule: (b, [dy]) => [b.mul(dy!, 100)] };
  });
  const loss = g.reduceSum(g.mul(y!, 3));
  const [grad] = differentiate(g, nodesOf(g), loss, [x]);
  const { d } = await runOnnx(g.finish({ d: grad! }), { x: new Tensor("float32", Float32Array.of(2), [1]) });
  return d!.toNumbers()[0]!;
}

test("nodes that belong together are differentiated by their own rule", async () => {
  expect(await gradientAt2((g) => [...g.nodes])).toBe(300);
});

test("a tensor that is an output twice has its gradient at the first", async () => {
  const g = new GraphBuilder({ rules: shapeRules() });
  const x = g.input("x", "float32", [1]);
  const [y, same] = withGradient(g, [x], () => {
    const square = g.mul(x, x);
    const given = (dys: readonly (Value | undefined)[]) => dys.filter((dy) => dy !== undefined);
    return {
      outputs: [square, square],
      rule: (b, dys) => [given(dys).reduce((sum, dy) => b.add(sum, b.mul(dy, 100)), b.constant(0))],
    };
  });
  const loss = g.reduceSum(g.add(y!, same!));
  const [grad] = differentiate(g, [...g.nodes], loss, [x]);
  const { d } = await runOnnx(g.finish({ d: grad! }), { x: new Tensor("float32", Float32Array.of(2), [1]) });
  expect(d!.toNumbers()).toEqual([200]);
});

test("where only some of the nodes are there, they are differentiated one by one", async () => {
  // without the first one, Identity, x counts once
  expect(await gradientAt2((g) => g.nodes.slice(1))).toBe(6);
});
