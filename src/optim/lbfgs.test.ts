/** @file Tests of L-BFGS and OWL-QN on functions whose minima are known. */

import { describe, expect, test } from "vitest";
import { type Evaluation, lbfgs } from "./lbfgs.js";

async function rosenbrock(p: Float64Array): Promise<Evaluation> {
  let value = 0;
  const gradient = new Float64Array(p.length);
  for (let i = 0; i + 1 < p.length; i += 2) {
    const [x, y] = [p[i]!, p[i + 1]!];
    value += 100 * (y - x * x) ** 2 + (1 - x) ** 2;
    gradient[i] = -400 * x * (y - x * x) - 2 * (1 - x);
    gradient[i + 1] = 200 * (y - x * x);
  }
  return { value, gradient };
}

/** 1/2 sum((x - target)^2): with an L1 penalty its minimum is the target moved towards 0 by the penalty. */
function distanceTo(target: readonly number[]) {
  return async (p: Float64Array): Promise<Evaluation> => {
    const gradient = p.map((x, i) => x - target[i]!);
    return { value: gradient.reduce((sum, d) => sum + (d * d) / 2, 0), gradient };
  };
}

describe("lbfgs", () => {
  test("finds the end of Rosenbrock's valley", async () => {
    const start = Float64Array.from({ length: 20 }, (_, i) => (i % 2 === 0 ? -1.2 : 1));
    const { point, value, history, iterations } = await lbfgs(rosenbrock, start, { tol: 1e-12, maxIter: 200 });
    for (const x of point) expect(x).toBeCloseTo(1, 6);
    expect(value).toBeLessThan(1e-12);
    expect(iterations).toBeLessThan(60);
    expect(history).toHaveLength(iterations + 1);
    for (let i = 1; i < history.length; i++) expect(history[i]!).toBeLessThanOrEqual(history[i - 1]!);
  });

  test("copes with scales that differ a million times", async () => {
    const scales = [1, 1e3, 1e6];
    const objective = async (p: Float64Array) => ({
      value: p.reduce((sum, x, i) => sum + (scales[i]! * (x - i) ** 2) / 2, 0),
      gradient: p.map((x, i) => scales[i]! * (x - i)),
    });
    const { point } = await lbfgs(objective, new Float64Array(3), { tol: 1e-14 });
    [0, 1, 2].forEach((expected, i) => {
      expect(point[i]).toBeCloseTo(expected, 6);
    });
  });

  test("steps back from places where the function is not finite", async () => {
    const objective = async ([x]: Float64Array) => ({
      value: x! > 0 ? x! - Math.log(x!) : Number.NaN,
      gradient: Float64Array.of(x! > 0 ? 1 - 1 / x! : Number.NaN),
    });
    const { point } = await lbfgs(objective, Float64Array.of(1e-3), { tol: 1e-12 });
    expect(point[0]).toBeCloseTo(1, 6);
  });

  test("stops after maxIter steps, at the start where that is the minimum, and at once for maxIter 0", async () => {
    const start = Float64Array.of(-1.2, 1);
    const seen: number[] = [];
    const stopped = await lbfgs(rosenbrock, start, { maxIter: 3, onIteration: (i) => seen.push(i) });
    expect([stopped.iterations, stopped.reason, seen]).toEqual([3, "maxIter", [1, 2, 3]]);
    expect(await lbfgs(rosenbrock, Float64Array.of(1, 1))).toMatchObject({ iterations: 0, reason: "gradient" });
    expect(await lbfgs(rosenbrock, start, { maxIter: 0 })).toMatchObject({ iterations: 0, point: start });
  });

  test("ends where the signal is aborted after a step, and passes on errors of the objective", async () => {
    const controller = new AbortController();
    const onIteration = (i: number) => i === 2 && controller.abort(new Error("enough"));
    const search = lbfgs(rosenbrock, Float64Array.of(-1.2, 1), { signal: controller.signal, onIteration });
    expect(await search).toMatchObject({ iterations: 2, reason: "aborted" });
    const { signal } = controller;
    await expect(lbfgs(rosenbrock, Float64Array.of(-1.2, 1), { signal })).rejects.toThrow("enough");
    const broken = async () => {
      throw new Error("lost executor");
    };
    await expect(lbfgs(broken, new Float64Array(1))).rejects.toThrow("lost executor");
  });

  test("refuses a start without a value and a penalty of another length", async () => {
    const nowhere = async () => ({ value: Number.NaN, gradient: new Float64Array(1) });
    await expect(lbfgs(nowhere, new Float64Array(1))).rejects.toThrow(
      "lbfgs: the objective must be finite at the start, got NaN",
    );
    await expect(lbfgs(rosenbrock, new Float64Array(2), { l1: new Float64Array(3) })).rejects.toThrow(
      "lbfgs: l1 must hold 2 numbers, one per coordinate, got 3",
    );
  });
});

describe("lbfgs with an L1 penalty", () => {
  test("moves each coordinate towards 0 by its penalty, and to exactly 0 where that is nearer", async () => {
    const l1 = Float64Array.of(1, 1, 1, 0, 5);
    const { point, value } = await lbfgs(distanceTo([3, -2, 0.5, 0.5, -4]), new Float64Array(5), { l1, tol: 1e-12 });
    expect([...point].map((x) => Math.round(x * 1e9) / 1e9)).toEqual([2, -1, 0, 0.5, 0]);
    expect([point[2], point[4]]).toEqual([0, 0]);
    expect(value).toBeCloseTo(0.5 + 2 + 0.5 + 1 + 0.125 + 8, 9);
  });

  test("finds the minimum of a function with coupled coordinates", async () => {
    // f = 1/2 x'Ax - b'x with A = [[2, 1], [1, 2]], b = (3, 1.2); with penalty 1: y = 0, then x = (3 - 1) / 2
    const objective = async ([x, y]: Float64Array) => ({
      value: x! * x! + x! * y! + y! * y! - 3 * x! - 1.2 * y!,
      gradient: Float64Array.of(2 * x! + y! - 3, x! + 2 * y! - 1.2),
    });
    const { point } = await lbfgs(objective, Float64Array.of(-3, 4), { l1: Float64Array.of(1, 1), tol: 1e-14 });
    expect(point[0]).toBeCloseTo(1, 7);
    expect(point[1]).toBe(0);
  });
});
