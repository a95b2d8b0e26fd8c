/** @file Tests of the preprocessing graph: Pillow's numbers, crops, mirrors, colours, layouts. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { runOnnx } from "../../../test/run-onnx.js";
import { Tensor } from "../../tensor/tensor.js";
import { outputShape, type Preprocessing, planesGraph, preprocessingGraph } from "./preprocess.js";

const plain: Preprocessing = { channels: "RGB", mean: [0], std: [1], layout: "NHWC" };

/** The pictures of test/reference/pillow_resize.py. */
function pattern(height: number, width: number): Tensor {
  const data = Uint8Array.from({ length: height * width * 3 }, (_, i) => {
    const [c, x, y] = [i % 3, Math.floor(i / 3) % width, Math.floor(i / 3 / width)];
    return (x * 37 + y * y * 11 + c * 53 + x * y * (c + 1)) % 256;
  });
  return new Tensor("uint8", data, [1, height, width, 3]);
}

function picture(rows: number[][][]): Tensor {
  const shape = [1, rows.length, rows[0]!.length, rows[0]![0]!.length];
  return new Tensor("uint8", Uint8Array.from(rows.flat(2)), shape);
}

async function pixelsOf(options: Partial<Preprocessing>, image: Tensor, feeds: Record<string, Tensor> = {}) {
  const { pixels } = await runOnnx(preprocessingGraph({ ...plain, ...options }), { image, ...feeds });
  return pixels!;
}

const ints = (...values: number[]) => new Tensor("int64", BigInt64Array.from(values, BigInt));

interface Reference {
  cases: { from: [number, number]; to: [number, number]; base64: string }[];
}

test("resizing gives Pillow's bytes, at most one level apart on one in a hundred", async () => {
  const file = join(import.meta.dirname, "../../../../test/reference/pillow_resize.json");
  const { cases } = JSON.parse(readFileSync(file, "utf8")) as Reference;
  let [bytes, different] = [0, 0];
  for (const { from, to, base64 } of cases) {
    const expected = Buffer.from(base64, "base64");
    const { shape, data } = await pixelsOf({ resize: to }, pattern(...from));
    expect(shape).toEqual([1, ...to, 3]);
    const differences = [...expected].map((value, i) => Math.abs(value - (data[i] as number)));
    expect(Math.max(...differences)).toBeLessThanOrEqual(1);
    bytes += expected.length;
    different += differences.filter((d) => d > 0).length;
  }
  expect(different / bytes).toBeLessThan(0.01);
});

const sixteen = picture([0, 1, 2, 3].map((y) => [0, 1, 2, 3].map((x) => [10 * y + x, 0, 0])));
const red = (pixels: Tensor) => pixels.toNumbers().filter((_, i) => i % 3 === 0);

test("the middle is kept, with margins as in torchvision", async () => {
  expect(red(await pixelsOf({ centerCrop: [2, 2] }, sixteen))).toEqual([11, 12, 21, 22]);
  // margins of 3 / 2 = 1.5 round to 2, of 1 / 2 to 0
  expect(red(await pixelsOf({ centerCrop: [1, 3] }, sixteen))).toEqual([20, 21, 22]);
});

test("a crop is where it is told, a mirror when it is told", async () => {
  expect(red(await pixelsOf({ randomCrop: [1, 2] }, sixteen, { crop: ints(3, 1) }))).toEqual([31, 32]);
  const mirrored = { flip: true, randomCrop: [1, 4] } as const;
  expect(red(await pixelsOf(mirrored, sixteen, { crop: ints(1, 0), flip: ints(1) }))).toEqual([13, 12, 11, 10]);
  expect(red(await pixelsOf(mirrored, sixteen, { crop: ints(1, 0), flip: ints(0) }))).toEqual([10, 11, 12, 13]);
});

test("channels, layout, mean and std are as asked", async () => {
  const two = picture([
    [
      [10, 20, 30],
      [40, 50, 60],
    ],
  ]);
  expect((await pixelsOf({ layout: "NCHW" }, two)).toNumbers()).toEqual([10, 40, 20, 50, 30, 60]);
  const bgr = await pixelsOf({ channels: "BGR", mean: [30, 20, 10], std: [1, 2, 5] }, two);
  expect(bgr.toNumbers()).toEqual([0, 0, 0, 30, 15, 6]);
  expect((await pixelsOf({ mean: [127], std: [128] }, two)).toNumbers()).toEqual(
    [10, 20, 30, 40, 50, 60].map((x) => (x - 127) / 128),
  );
  const grey = await pixelsOf({ channels: "L", layout: "NCHW" }, picture([[[7], [9]]]));
  expect([grey.shape, grey.toNumbers()]).toEqual([
    [1, 1, 1, 2],
    [7, 9],
  ]);
});

test("colours are jittered by brightness, contrast and saturation, within 0..255", async () => {
  const two = picture([
    [
      [100, 100, 100],
      [200, 200, 200],
    ],
  ]);
  const jittered = async (...factors: number[]) =>
    red(await pixelsOf({ colorJitter: true }, two, { jitter: new Tensor("float32", Float32Array.from(factors)) }));
  expect(await jittered(1, 1, 1)).toEqual([100, 200]);
  expect(await jittered(1.5, 1, 1)).toEqual([150, 255]);
  expect((await jittered(1, 0.5, 1)).map(Math.round)).toEqual([125, 175]);
  const saturated = await pixelsOf({ colorJitter: true }, picture([[[100, 0, 0]]]), {
    jitter: new Tensor("float32", Float32Array.of(1, 1, 0)),
  });
  expect(saturated.toNumbers().map(Math.round)).toEqual([30, 30, 30]);
});

test("the output's shape is known where a size is set", () => {
  expect(outputShape({ ...plain, resize: [5, 6], centerCrop: [2, 3] })).toEqual([2, 3, 3]);
  expect(outputShape({ ...plain, resize: [5, 6], layout: "NCHW", channels: "L" })).toEqual([1, 5, 6]);
  expect(outputShape(plain)).toBeUndefined();
});

test("pictures that come in planes give the same numbers", async () => {
  const image = pattern(5, 7);
  for (const [channels, mean, std] of [
    ["RGB", [127], [128]],
    ["RGB", [123.7, 116.3, 103.5], [58, 57, 56]],
    ["BGR", [103.5, 116.3, 123.7], [1, 2, 3]],
    ["L", [127], [128]],
  ] as const) {
    const options: Preprocessing = { channels, mean, std, layout: "NCHW" };
    const depth = channels === "L" ? 1 : 3;
    const rows = new Tensor("uint8", (image.data as Uint8Array).slice(0, 35 * depth), [1, 5, 7, depth]);
    const planes = Uint8Array.from(rows.data as Uint8Array, (_, i) => {
      return rows.data[(i % 35) * depth + Math.floor(i / 35)] as number;
    });
    const { pixels } = await runOnnx(planesGraph(options), { image: new Tensor("uint8", planes, [1, depth, 5, 7]) });
    const expected = await pixelsOf(options, rows);
    expect([pixels!.shape, [...pixels!.data]]).toEqual([expected.shape, [...expected.data]]);
  }
});
