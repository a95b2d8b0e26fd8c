/** @file Tests of files that are broken or made to harm: each gives a GraphError, never a crash or memory without bound. */

import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { create, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { GraphError } from "../errors.js";
import { Graph } from "./graph.js";
import { type GraphProtoSchema, ModelProtoSchema } from "./proto/onnx_pb.js";

type GraphInit = MessageInitShape<typeof GraphProtoSchema>;

function bytesOf(graph: GraphInit): Uint8Array {
  return toBinary(
    ModelProtoSchema,
    create(ModelProtoSchema, { irVersion: 8n, opsetImport: [{ version: 18n }], graph }),
  );
}

const relu = (input: string, output: string) => ({ opType: "Relu", input: [input], output: [output] });
const x = { input: [{ name: "x" }], output: [{ name: "y" }] };

describe("a broken file", () => {
  test.each<[string, GraphInit, string]>([
    [
      "with a cycle",
      { ...x, node: [relu("b", "a"), relu("a", "b"), relu("b", "y")] },
      'Graph.load: tensor "a" depends on itself through Relu "b"',
    ],
    [
      "that reads what nothing makes",
      { ...x, node: [relu("xx", "y")] },
      'Graph.load: Relu "y" reads tensor "xx", which nothing makes; did you mean "x"?',
    ],
    [
      "that makes a tensor twice",
      { ...x, node: [relu("x", "y"), relu("x", "y")] },
      'Graph.load: tensor "y" is made twice: by Relu "y" and by Relu "y"',
    ],
    ["whose output nothing makes", { ...x, name: "g" }, 'Graph.load: output "y" of graph "g" is made by nothing'],
    [
      "with a weight of 2^40 elements",
      {
        ...x,
        node: [relu("x", "y")],
        initializer: [{ name: "w", dims: [2n ** 40n], dataType: 1, rawData: new Uint8Array(4) }],
      },
      'Graph.load: tensor "w": float32 of shape [1099511627776] takes 4398046511104 bytes, the file holds 4',
    ],
    [
      "with a weight of 2^80 elements",
      { ...x, node: [relu("x", "y")], initializer: [{ name: "w", dims: [2n ** 40n, 2n ** 40n], dataType: 1 }] },
      'Graph.load: tensor "w": float32 of shape [1099511627776, 1099511627776] takes 4.835703278458517e+24 bytes, the file holds 0',
    ],
    [
      "with a weight of a negative size",
      {
        ...x,
        node: [relu("x", "y")],
        initializer: [{ name: "w", dims: [-4n], dataType: 1, rawData: new Uint8Array(16) }],
      },
      'Graph.load: tensor "w": a constant\'s sizes must be at least 0, got [-4]',
    ],
    [
      "whose data lies elsewhere, given as bytes",
      {
        ...x,
        node: [relu("x", "y")],
        initializer: [
          { name: "w", dims: [1n], dataType: 1, dataLocation: 1, externalData: [{ key: "location", value: "w.bin" }] },
        ],
      },
      'Graph.fromBytes: the data of tensor "w" lies in the file "w.bin"; use Graph.load with the model\'s path',
    ],
  ])("%s is refused", (_, graph, message) => {
    expect(() => Graph.fromBytes(bytesOf(graph))).toThrow(message);
  });

  test("with inputs of 2^40 elements is read: nothing is allocated for them", () => {
    const dim = [{ value: { case: "dimValue" as const, value: 2n ** 40n } }];
    const info = {
      name: "x",
      type: { value: { case: "tensorType" as const, value: { elemType: 1, shape: { dim } } } },
    };
    expect(Graph.fromBytes(bytesOf({ ...x, input: [info], node: [relu("x", "y")] })).inputs[0]!.shape).toEqual([
      2 ** 40,
    ]);
  });

  test("with bodies nested a thousand deep is refused", () => {
    let body: GraphInit = { output: [{ name: "x" }] };
    for (let i = 0; i < 1000; i++) {
      body = {
        node: [
          { opType: "If", input: ["x"], output: [`y${i}`], attribute: [{ name: "then_branch", type: 5, g: body }] },
        ],
        output: [{ name: `y${i}` }],
      };
    }
    let bytes: Uint8Array | undefined;
    try {
      bytes = bytesOf({ ...body, input: [{ name: "x" }] });
    } catch {
      // the writer refuses as well where its own stack ends
    }
    if (bytes !== undefined) expect(() => Graph.fromBytes(bytes)).toThrow(GraphError);
  });

  test("with a chain of 100,000 nodes is read", () => {
    const node = Array.from({ length: 100_000 }, (_, i) =>
      relu(i === 0 ? "x" : `t${i - 1}`, i === 99_999 ? "y" : `t${i}`),
    );
    expect(Graph.fromBytes(bytesOf({ ...x, node: node.reverse() })).nodes[0]!.inputs).toEqual(["x"]);
  });
});

test("any bytes, cut or changed anywhere, give a graph or a GraphError", () => {
  const good = bytesOf({
    ...x,
    node: [relu("x", "a"), relu("a", "y")],
    initializer: [{ name: "w", dims: [2n], dataType: 1, rawData: new Uint8Array(8) }],
  });
  const attempt = (bytes: Uint8Array) => {
    try {
      Graph.fromBytes(bytes).toBytes();
    } catch (error) {
      expect(error).toBeInstanceOf(GraphError);
    }
  };
  for (let end = 0; end < good.length; end++) attempt(good.slice(0, end));
  const change = fc.tuple(fc.nat(good.length - 1), fc.nat(255));
  fc.assert(
    fc.property(fc.array(change, { minLength: 1, maxLength: 6 }), (changes) => {
      const bytes = good.slice();
      for (const [at, value] of changes) bytes[at] = value;
      attempt(bytes);
    }),
    { numRuns: 3000, seed: 7 },
  );
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), attempt), { numRuns: 2000, seed: 7 });
});

describe("data in other files", () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "graph-"));
    await mkdir(join(folder, "model"));
    await writeFile(join(folder, "secret.bin"), new Uint8Array(8));
    await writeFile(join(folder, "model", "w.bin"), new Uint8Array(new Float32Array([1, 2, 3]).buffer));
    await symlink(join(folder, "secret.bin"), join(folder, "model", "link.bin"));
  });
  afterAll(() => rm(folder, { recursive: true }));

  async function load(entries: Record<string, string>): Promise<Graph> {
    const externalData = Object.entries(entries).map(([key, value]) => ({ key, value }));
    const initializer = [{ name: "w", dims: [2n], dataType: 1, dataLocation: 1, externalData }];
    const path = join(folder, "model", "m.onnx");
    await writeFile(path, bytesOf({ ...x, node: [relu("x", "y")], initializer }));
    return Graph.load(path);
  }

  test("is read from the model's folder", async () => {
    const graph = await load({ location: "w.bin", offset: "4", length: "8" });
    expect(graph.initializers.get("w")!.tensor.toNumbers()).toEqual([2, 3]);
  });

  test.each([
    [
      { location: "../secret.bin" },
      'its data file "../secret.bin" lies outside the model\'s folder; copy it beside the model',
    ],
    [
      { location: "/etc/hostname" },
      'its data file "/etc/hostname" lies outside the model\'s folder; copy it beside the model',
    ],
    [{ location: "link.bin" }, 'its data file "link.bin" lies outside the model\'s folder; copy it beside the model'],
    [{ location: "none.bin" }, 'its data file "none.bin" is missing from the model\'s folder'],
    [{ location: "." }, 'its data file "." is no regular file'],
    [
      { location: "w.bin", length: "99999999999" },
      'its data ends at byte 99999999999 of "w.bin", which holds 12 bytes',
    ],
    [{ location: "w.bin", offset: "-1" }, 'its place in "w.bin" is no range of bytes'],
    [{ location: "w.bin", offset: "x" }, 'its place in "w.bin" is no range of bytes'],
  ])("at %o is refused", async (entries, message) => {
    await expect(load(entries as Record<string, string>)).rejects.toThrow(`Graph.load: tensor "w": ${message}`);
  });
});
