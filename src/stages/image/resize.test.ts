/** @file Tests that resizing outside the graph gives the bytes of the graph's Resize node. */

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { openOnnx, randomNumbers, runOnnx } from "../../../test/run-onnx.js";
import { sharedData } from "../../../test/shared-data.js";
import { Tensor } from "../../tensor/tensor.js";
import { decodeImage } from "./decode.js";
import type { Pixels } from "./pixels.js";
import { preprocessingGraph, type Size } from "./preprocess.js";
import { resize, resizeToPlanes } from "./resize.js";

const graphOf = (size: Size, channels: 1 | 3) =>
  preprocessingGraph({
    resize: size,
    channels: channels === 1 ? "L" : "RGB",
    mean: [0],
    std: [1],
    layout: "NHWC",
  });

const feedsOf = ({ data, height, width, channels }: Pixels) => ({
  image: new Tensor("uint8", data, [1, height, width, channels]),
});

function noise(height: number, width: number, channels: 1 | 3): Pixels {
  const random = randomNumbers(height * 1000 + width);
  return {
    data: Uint8Array.from({ length: height * width * channels }, () => random() * 256),
    height,
    width,
    channels,
  };
}

/** How many bytes differ; comparing element by element would take the test runner seconds. */
function differences(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let count = a.length === b.length ? 0 : Number.POSITIVE_INFINITY;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) count++;
  return count;
}

const sizes = [1, 2, 3, 5, 17, 64, 99, 224, 230, 333, 500];

test("every ratio gives the graph's bytes", async () => {
  const random = randomNumbers(7);
  const pick = () => sizes[Math.floor(random() * sizes.length)]!;
  for (let i = 0; i < 60; i++) {
    const channels = random() < 0.7 ? 3 : 1;
    const [picture, to] = [noise(pick(), pick(), channels), [pick(), pick()] as const];
    const { pixels } = await runOnnx(graphOf(to, channels), feedsOf(picture));
    const resized = resize(picture, to);
    expect([resized.height, resized.width, resized.channels]).toEqual([...to, channels]);
    const found = differences(resized.data, pixels!.data as Float32Array);
    expect(`${picture.height} x ${picture.width} to ${to}: ${found} bytes differ`).toMatch(/: 0 bytes differ/);
  }
});

test("planes hold the same bytes, channel by channel", () => {
  for (const [height, width, channels, to] of [
    [40, 30, 3, [17, 23]],
    [17, 23, 3, [17, 23]],
    [5, 9, 3, [16, 16]],
    [40, 30, 1, [17, 23]],
    [8, 8, 1, [8, 8]],
  ] as const) {
    const picture = noise(height, width, channels);
    const { data } = resize(picture, to);
    const planes = new Uint8Array(data.length);
    resizeToPlanes(picture, to, planes);
    const pixels = to[0] * to[1];
    const expected = Uint8Array.from(data, (_, i) => data[(i % pixels) * channels + Math.floor(i / pixels)]!);
    expect(differences(planes, expected)).toBe(0);
  }
});

const folder = sharedData("flowers");

test.skipIf(folder === undefined)("real pictures of many sizes give the graph's bytes", async () => {
  const run = await openOnnx(graphOf([224, 224], 3));
  const files = readdirSync(folder!, { recursive: true, encoding: "utf8" }).filter((file) => file.endsWith(".jpg"));
  for (const file of files) {
    const picture = await decodeImage(readFileSync(join(folder!, file)));
    const { pixels } = await run(feedsOf(picture));
    expect([file, differences(resize(picture, [224, 224]).data, pixels!.data as Float32Array)]).toEqual([file, 0]);
  }
});

test("a picture of that size is not touched, and a large one needs little memory", () => {
  const picture = noise(8, 8, 3);
  expect(resize(picture, [8, 8])).toBe(picture);
  const large = noise(3000, 4000, 1);
  const { data } = resize(large, [3, 4]);
  expect(data.every((value) => Math.abs(value - 127) < 3)).toBe(true);
});

test("a picture that would need gigabytes on the way is refused", () => {
  const long = { data: new Uint8Array(5_000_000), height: 5_000_000, width: 1, channels: 1 } as const;
  expect(() => resize(long, [224, 224])).toThrow(
    "resize: 5000000 x 1 pixels are too long a picture to resize; crop it first",
  );
});
