/** @file What every case of the conformance table is put through. */

import { expect } from "vitest";
import { gradient } from "../../src/autodiff/gradient.js";
import type { Graph } from "../../src/graph/graph.js";
import { newestOpset } from "../../src/graph/opset.js";
import { isDifferentiable } from "../../src/ops/op.js";
import { extend } from "../../src/ops/trace.js";
import { type DType, isFloat } from "../../src/tensor/dtype.js";
import { maxDifference, openOnnx } from "../run-onnx.js";
import { caseGraph, feedsOf, flatInputs, type OpCase, wrtOf } from "./op-table.js";
import { compareWithReference } from "./torch-values.js";

/** The shape rule: what it says of the outputs is what the runtime makes, for fixed and for named sizes. */
export async function checkShapes(c: OpCase): Promise<void> {
  for (const dynamic of c.row.staticOnly === undefined ? [false, true] : [false]) {
    const graph = caseGraph(c, "float32", dynamic);
    const made = await (await openOnnx(graph))(feedsOf(c, "float32"));
    // axes and counts that are fed leave sizes open
    const isFed = flatInputs(c.row.op, c.inputs).some(({ sample }) => sample?.dtype === "int64" && !sample.constant);
    const open = dynamic || isFed || c.row.openShape !== undefined;
    for (const { name, dtype, shape } of graph.outputs) {
      expect([name, dtype], c.key).toEqual([name, made[name]!.dtype]);
      if (shape === undefined) {
        expect(open, `${c.key}: the shape of ${name} is known`).toBe(true);
        continue;
      }
      const found = made[name]!.shape;
      expect(shape.length, c.key).toBe(found.length);
      shape.forEach((dim, i) => {
        if (typeof dim === "number" || !open) expect(dim, `${c.key}: size ${i} of ${name}`).toBe(found[i]);
      });
    }
  }
}

/** The gradient against central differences, in float64 where the runtime has the kernels; gives the dtype that ran. */
export async function checkGradient(c: OpCase): Promise<DType | undefined> {
  const wrt = wrtOf(c);
  if (!isDifferentiable(c.row.op) || wrt.length === 0) return undefined;
  const float: DType = c.row.float32Only === undefined ? "float64" : "float32";
  const graph = caseGraph(c, float, false);
  if (!graph.outputs.some(({ name }) => name === "loss")) return undefined;
  const forward = await openOnnx(graph.cutAt(["loss"]));
  const feeds = feedsOf(c, float);
  const analytic = await (await openOnnx(gradient(graph, { of: "loss", wrt })))(feeds);
  compareWithReference(c, analytic, float);
  const step = float === "float64" ? 1e-5 : 1e-2;
  const tolerance = c.row.tolerance ?? (float === "float64" ? 1e-6 : 2e-2);
  for (const name of wrt) {
    const x = feeds[name]!;
    const data = x.data as Float64Array;
    const grad = analytic[`grad/${name}`]!;
    expect(grad.shape, `${c.key}: shape of grad/${name}`).toEqual(x.shape);
    for (let i = 0; i < data.length; i++) {
      const at = data[i]!;
      const loss = async (value: number) => {
        data[i] = value;
        return (await forward(feeds)).loss!.toNumbers()[0]!;
      };
      const numeric = ((await loss(at + step)) - (await loss(at - step))) / (2 * step);
      data[i] = at;
      const found = Number(grad.data[i]);
      const error = Math.abs(found - numeric) / (1 + Math.abs(numeric));
      expect(error, `${c.key}: grad/${name}[${i}] is ${found}, differences give ${numeric}`).toBeLessThan(tolerance);
    }
  }
  if (c.row.staticOnly === undefined) {
    const named = await (await openOnnx(gradient(caseGraph(c, float, true), { of: "loss", wrt })))(feeds);
    for (const name of wrt) {
      const [a, b] = [named[`grad/${name}`]!, analytic[`grad/${name}`]!];
      expect(a.shape, `${c.key}: shape of grad/${name} with named sizes`).toEqual(b.shape);
      a.toNumbers().forEach((value, i) => {
        expect(value, `${c.key}: grad/${name}[${i}] with named sizes`).toBeCloseTo(
          Number(b.data[i]),
          float === "float64" ? 9 : 3,
        );
      });
    }
  }
  return float;
}

/** The gradient at the newest operator set is the one at the oldest that the operator needs. */
export async function checkNewest(c: OpCase): Promise<void> {
  const wrt = wrtOf(c);
  const graph = caseGraph(c, "float32", false);
  if (wrt.length === 0 || !graph.outputs.some(({ name }) => name === "loss")) return;
  const feeds = feedsOf(c, "float32");
  const grads = async (g: Graph) => (await openOnnx(gradient(g, { of: "loss", wrt })))(feeds);
  const [old, raised] = [await grads(graph), await grads(graph.atOpset(c.row.until ?? newestOpset))];
  for (const name of wrt.map((x) => `grad/${x}`)) {
    const difference = maxDifference(old[name]!, raised[name]!);
    expect(difference, `${c.key}: ${name} at operator set ${newestOpset}`).toBeLessThan(1e-4);
  }
}

/** Where the derivative jumps, and at extreme values: the gradients are PyTorch's, without NaN where it has none. */
export async function checkSpecial(c: OpCase, float: DType): Promise<void> {
  const graph = caseGraph(c, float, false);
  const wrt = !isDifferentiable(c.row.op) ? [] : wrtOf(c);
  const results = await (await openOnnx(wrt.length === 0 ? graph : gradient(graph, { of: "loss", wrt })))(
    feedsOf(c, float),
  );
  const known = compareWithReference(c, results, float);
  for (const [name, tensor] of Object.entries(results)) {
    if (known || name === "loss" || !isFloat(tensor.dtype)) continue;
    expect(tensor.toNumbers().filter(Number.isNaN), `${c.key}: NaN in ${name}`).toEqual([]);
  }
}

/** The gradient of the gradient: of the sum of its squares, against central differences of that. */
export async function checkSecond(c: OpCase): Promise<void> {
  const wrt = wrtOf(c);
  const float: DType = c.row.float32Only === undefined ? "float64" : "float32";
  const graph = caseGraph(c, float, false);
  if (c.row.firstOnly !== undefined || wrt.length === 0 || !graph.outputs.some(({ name }) => name === "loss")) return;
  const once = extend(gradient(graph, { of: "loss", wrt }), (t, g) => {
    const squares = wrt.map((name) => g.reduceSum(g.square(t(`grad/${name}`))));
    return { squares: g.sum(squares[0]!, ...squares.slice(1)) };
  }).cutAt(["squares"]);
  const feeds = feedsOf(c, float);
  const found = await (await openOnnx(gradient(once, { of: "squares", wrt })))(feeds);
  const forward = await openOnnx(once);
  const step = float === "float64" ? 1e-5 : 1e-2;
  for (const name of wrt) {
    const data = feeds[name]!.data as Float64Array;
    // a few elements: the rules are those of the first gradient
    for (let i = 0; i < data.length; i += Math.max(1, Math.floor(data.length / 4))) {
      const at = data[i]!;
      const squares = async (value: number) => {
        data[i] = value;
        return (await forward(feeds)).squares!.toNumbers()[0]!;
      };
      const difference = ((await squares(at + step)) - (await squares(at - step))) / (2 * step);
      data[i] = at;
      const second = Number(found[`grad/${name}`]!.data[i]);
      const error = Math.abs(second - difference) / (1 + Math.abs(difference));
      const message = `${c.key}: second derivative by ${name}[${i}] is ${second}, differences give ${difference}`;
      expect(error, message).toBeLessThan(float === "float64" ? 1e-5 : 5e-2);
    }
  }
}

/** In float16 the gradient is that of float32, as far as half the digits go. */
export async function checkHalf(c: OpCase): Promise<void> {
  const wrt = wrtOf(c);
  const graphs = (["float32", "float16"] as const).map((inside) => caseGraph(c, "float32", false, inside));
  if (wrt.length === 0 || graphs.some(({ outputs }) => !outputs.some(({ name }) => name === "loss"))) return;
  const feeds = feedsOf(c, "float32");
  const [full, half] = await Promise.all(
    graphs.map(async (graph) => (await openOnnx(gradient(graph, { of: "loss", wrt })))(feeds)),
  );
  for (const name of wrt.map((x) => `grad/${x}`)) {
    const found = half![name]!.toNumbers();
    full![name]!.toNumbers().forEach((value, i) => {
      const message = `${c.key}: ${name}[${i}] in float16 is ${found[i]}, in float32 ${value}`;
      expect(Math.abs(found[i]! - value) / (1 + Math.abs(value)), message).toBeLessThan(2e-2);
    });
  }
}
