/** @file Tests of Tensor and of shape arithmetic. */

import { describe, expect, test } from "vitest";
import { fromBytes } from "./dtype.js";
import { broadcast, stridesOf } from "./shape.js";
import { Tensor } from "./tensor.js";

describe("Tensor", () => {
  test("keeps its data and shape", () => {
    const x = new Tensor("float32", new Float32Array([1, 2, 3, 4, 5, 6]), [2, 3]);
    expect([x.size, x.shape, x.toNumbers(), String(x)]).toEqual([
      6,
      [2, 3],
      [1, 2, 3, 4, 5, 6],
      "Tensor(float32, [2, 3])",
    ]);
    expect(x.reshape([3, 2]).shape).toEqual([3, 2]);
  });

  test("refuses data that does not fit", () => {
    expect(() => new Tensor("float32", new Float32Array(3), [2, 2])).toThrow(
      "Tensor: shape [2, 2] holds 4 elements, got 3",
    );
    expect(() => new Tensor("int64", new Float32Array(3) as unknown as BigInt64Array)).toThrow(
      "Tensor: data of dtype int64 must be a BigInt64Array",
    );
    expect(() => new Tensor("float32", new Float32Array(0), [-1])).toThrow("sizes must be whole numbers");
  });

  test("makes zeros of every kind", () => {
    expect(Tensor.zeros("int64", [2]).data).toEqual(new BigInt64Array(2));
    expect(Tensor.zeros("string", [2]).data).toEqual(["", ""]);
  });
});

test("bytes that are not aligned are copied", () => {
  const bytes = new Uint8Array(9).subarray(1);
  bytes.set([0, 0, 128, 63], 0);
  expect([...fromBytes("float32", bytes)]).toEqual([1, 0]);
});

test("shapes broadcast as in NumPy", () => {
  expect(broadcast([4, 1], [3])).toEqual([4, 3]);
  expect(broadcast([], [2, 0])).toEqual([2, 0]);
  expect(() => broadcast([2], [3])).toThrow("broadcast: shapes [2] and [3] do not fit: 2 against 3");
  expect(stridesOf([2, 3, 4])).toEqual([12, 4, 1]);
});
