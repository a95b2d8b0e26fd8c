/** @file Tests of constants: every element type in every form that files have, and weights in a second file. */

import { mkdtemp, readdir, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { describe, expect, test } from "vitest";
import { randomTensor } from "../../test/run-onnx.js";
import { fromHalf, toHalf } from "../tensor/half.js";
import { Tensor } from "../tensor/tensor.js";
import { Graph } from "./graph.js";
import { GraphBuilder } from "./graph-builder.js";
import { TensorProtoSchema } from "./proto/onnx_pb.js";
import { StoredTensor } from "./stored-tensor.js";

type Init = MessageInitShape<typeof TensorProtoSchema>;

function read(init: Init): StoredTensor {
  return StoredTensor.fromProto(create(TensorProtoSchema, init), "test");
}

describe("a constant", () => {
  test.each<[string, Init, unknown[]]>([
    ["float32", { dataType: 1, dims: [2n], floatData: [1.5, -2] }, [1.5, -2]],
    ["uint8", { dataType: 2, dims: [2n], int32Data: [0, 255] }, [0, 255]],
    ["int8", { dataType: 3, dims: [2n], int32Data: [-128, 127] }, [-128, 127]],
    ["uint16", { dataType: 4, dims: [1n], int32Data: [65535] }, [65535]],
    ["int16", { dataType: 5, dims: [1n], int32Data: [-2] }, [-2]],
    ["int32", { dataType: 6, dims: [1n], int32Data: [-7] }, [-7]],
    ["int64", { dataType: 7, dims: [1n], int64Data: [-(2n ** 60n)] }, [-(2n ** 60n)]],
    ["string", { dataType: 8, dims: [1n], stringData: [new TextEncoder().encode("né")] }, ["né"]],
    ["bool", { dataType: 9, dims: [2n], int32Data: [1, 0] }, [1, 0]],
    ["float16", { dataType: 10, dims: [1n], int32Data: [0x3c00] }, [0x3c00]],
    ["float64", { dataType: 11, dims: [1n], doubleData: [1e300] }, [1e300]],
    ["uint32", { dataType: 12, dims: [1n], uint64Data: [2n ** 32n - 1n] }, [2 ** 32 - 1]],
    ["uint64", { dataType: 13, dims: [1n], uint64Data: [2n ** 63n] }, [2n ** 63n]],
    ["bfloat16", { dataType: 16, dims: [1n], int32Data: [0x3f80] }, [0x3f80]],
    ["float32", { dataType: 1, dims: [0n, 3n] }, []],
  ])("of %s is read, and written as bytes that read the same", (dtype, init, values) => {
    const stored = read(init);
    const again = StoredTensor.fromProto(stored.toProto("again"), "test");
    expect([stored.dtype, [...stored.tensor.data], [...again.tensor.data]]).toEqual([dtype, values, values]);
  });

  test.each([
    [14, 16], // complex64
    [17, 2], // float8e4m3fn
    [22, 1], // int4, two in a byte
    [23, 1],
  ])("of a type without a typed array (code %i) passes through", (dataType, bytes) => {
    const rawData = Uint8Array.from({ length: bytes }, (_, i) => i + 1);
    const stored = read({ dataType, dims: [2n], rawData });
    expect(stored.toProto("x").rawData).toEqual(rawData);
    expect(() => stored.tensor).toThrow("have no typed array; cast the tensor in the graph");
  });
});

test("half precision rounds to nearest, ties to even", () => {
  const values = [
    0,
    -0,
    1,
    65504,
    65519,
    65520,
    1e-8,
    2 ** -24,
    2 ** -25,
    1 + 2 ** -11,
    1 + 3 * 2 ** -11,
    Number.POSITIVE_INFINITY,
    Number.NaN,
  ];
  const expected = [
    0,
    -0,
    1,
    65504,
    65504,
    Number.POSITIVE_INFINITY,
    0,
    2 ** -24,
    0,
    1,
    1 + 2 ** -9,
    Number.POSITIVE_INFINITY,
    Number.NaN,
  ];
  expect([...fromHalf(toHalf(values))]).toEqual(expected);
});

test("weights in a second file come back as they were", async () => {
  const folder = await mkdtemp(join(tmpdir(), "graph-"));
  const g = new GraphBuilder();
  const [a, b] = [randomTensor([40, 30]), randomTensor([50, 10], 2)];
  const graph = g.finish({
    y: g.parameter("a", a),
    z: g.parameter("b", b),
    k: g.constant(new Tensor("int64", new BigInt64Array([3n]))),
  });
  const path = join(folder, "model.onnx");
  await graph.save(path, { externalData: true });
  expect((await readdir(folder)).sort()).toEqual(["model.onnx", "model.onnx.data"]);
  expect((await stat(path)).size).toBeLessThan(1000);
  const back = await Graph.load(path);
  expect([...back.initializers.keys()]).toEqual([...graph.initializers.keys()]);
  expect(back.initializers.get("a")!.tensor.data).toEqual(a.data);
  expect(back.initializers.get("b")!.tensor.data).toEqual(b.data);
  await graph.save(path);
  expect((await Graph.load(path)).sha256).toBe(graph.sha256);
  await rm(folder, { recursive: true });
});
