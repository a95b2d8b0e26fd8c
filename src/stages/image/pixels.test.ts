/** @file Tests of channel changes and of the eight EXIF orientations. */

import { expect, test } from "vitest";
import { orient, type Pixels, swapRedBlue, toChannels } from "./pixels.js";

function pixels(channels: Pixels["channels"], values: number[], width = values.length / channels): Pixels {
  return { data: Uint8Array.from(values), height: values.length / channels / width, width, channels };
}

test("transparency is composited on white, or on the colour given", () => {
  const rgba = pixels(4, [10, 20, 30, 255, 10, 20, 30, 0, 0, 100, 200, 51]);
  expect([...toChannels(rgba, "RGB").data]).toEqual([10, 20, 30, 255, 255, 255, 204, 224, 244]);
  expect([...toChannels(rgba, "BGR", [255, 0, 0]).data]).toEqual([30, 20, 10, 0, 0, 255, 40, 20, 204]);
  expect([...toChannels(pixels(2, [100, 255, 100, 0]), "L").data]).toEqual([100, 255]);
});

test("grey is repeated to three channels, and colour becomes grey as in Pillow", () => {
  expect([...toChannels(pixels(1, [7, 200]), "RGB").data]).toEqual([7, 7, 7, 200, 200, 200]);
  expect([...toChannels(pixels(3, [255, 0, 0, 0, 255, 0, 0, 0, 255, 9, 9, 9]), "L").data]).toEqual([76, 150, 29, 9]);
});

test("red and blue change places, alpha stays", () => {
  expect([...swapRedBlue(pixels(4, [1, 2, 3, 4])).data]).toEqual([3, 2, 1, 4]);
});

test("each EXIF orientation is turned upright", () => {
  const source = pixels(1, [1, 2, 3, 4, 5, 6], 3);
  const upright: Record<number, number[][]> = {
    1: [
      [1, 2, 3],
      [4, 5, 6],
    ],
    2: [
      [3, 2, 1],
      [6, 5, 4],
    ],
    3: [
      [6, 5, 4],
      [3, 2, 1],
    ],
    4: [
      [4, 5, 6],
      [1, 2, 3],
    ],
    5: [
      [1, 4],
      [2, 5],
      [3, 6],
    ],
    6: [
      [4, 1],
      [5, 2],
      [6, 3],
    ],
    7: [
      [6, 3],
      [5, 2],
      [4, 1],
    ],
    8: [
      [3, 6],
      [2, 5],
      [1, 4],
    ],
  };
  for (const [orientation, rows] of Object.entries(upright)) {
    const { data, height, width } = orient(source, Number(orientation));
    expect([height, width, [...data]]).toEqual([rows.length, rows[0]!.length, rows.flat()]);
  }
  expect(orient(source, 9)).toBe(source);
});
