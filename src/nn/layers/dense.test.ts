import { describe, expect, test } from "vitest";
import { runOnnx } from "../../../test/run-onnx.js";
import { GraphBuilder } from "../../graph/graph-builder.js";
import { shapeRules } from "../../ops/infer.js";
import { Tensor } from "../../tensor/tensor.js";
import { buildNetwork } from "../build.js";
import { sequential } from "../network.js";
import { dense } from "./dense.js";
import { dropout } from "./dropout.js";

describe("Dense", () => {
  test("is a weighted sum with an activation, under Keras's names of weights", async () => {
    const network = sequential([
      dense(3, { activation: "relu", kernelInitializer: "ones", biasInitializer: "ones" }),
      dropout(0.5),
      dense({ units: 1, kernelInitializer: "ones" }),
    ]);
    const g = new GraphBuilder({ rules: shapeRules() });
    const x = g.input("x", "float32", ["batch", 2]);
    const names: string[] = [];
    const { outputs } = buildNetwork(g, network, [x], {
      training: false,
      weight(spec) {
        names.push(spec.name);
        return g.parameter(spec.name, spec.initial(1));
      },
    });
    const found = await runOnnx(g.finish({ y: outputs[0]! }), {
      x: new Tensor("float32", Float32Array.of(1, 2, -5, 1), [2, 2]),
    });
    expect(names).toEqual(["dense/kernel", "dense/bias", "dense_1/kernel", "dense_1/bias"]);
    expect([...found.y!.data]).toEqual([12, 0]);
  });

  test("names a wrong parameter", () => {
    expect(() => dense(0)).toThrow("Dense: units must be a whole number of at least 1, got 0");
    expect(() => dense(3, { activation: "rellu" })).toThrow(
      /^Dense: activation must be an activation or the name of one/,
    );
  });
});
