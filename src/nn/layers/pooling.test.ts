import { describe, expect, test } from "vitest";
import { runOnnx } from "../../../test/run-onnx.js";
import { GraphBuilder } from "../../graph/graph-builder.js";
import { shapeRules } from "../../ops/infer.js";
import { Tensor } from "../../tensor/tensor.js";
import { buildNetwork } from "../build.js";
import { sequential } from "../network.js";
import { activation } from "./activation.js";
import { maxPooling2d } from "./pooling.js";

describe("MaxPooling2D", () => {
  const build = (training: boolean) => {
    const g = new GraphBuilder({ rules: shapeRules() });
    const x = g.input("x", "float32", ["batch", 1, 2, 4]);
    const { outputs } = buildNetwork(g, sequential([activation("relu"), maxPooling2d(2)]), [x], {
      training,
      weight: (spec) => g.parameter(spec.name, spec.initial(1)),
    });
    return g.finish({ y: outputs[0]! });
  };

  test("comes before Relu while training, where fewer elements are left", () => {
    expect(build(false).nodes.map(({ opType }) => opType)).toEqual(["Relu", "MaxPool"]);
    expect(build(true).nodes.map(({ opType }) => opType)).toEqual(["MaxPool", "Relu"]);
  });

  test("gives the same in either order", async () => {
    const x = new Tensor("float32", Float32Array.of(-1, -2, 3, 1, -4, -3, -5, 2), [1, 1, 2, 4]);
    for (const training of [true, false]) {
      expect([...(await runOnnx(build(training), { x })).y!.data]).toEqual([0, 3]);
    }
  });
});
