/**
 * @file Forward plus backward of single operators and small blocks, against PyTorch with the same threads and tensors. As in
 * training, many rounds run inside one ONNX Loop: each makes the result and the gradients anew, nothing crosses the binding.
 */

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { gradient } from "../src/autodiff/gradient.js";
import { vjp } from "../src/autodiff/vjp.js";
import { Graph } from "../src/graph/graph.js";
import { GraphBuilder } from "../src/graph/graph-builder.js";
import type { Value } from "../src/graph/value.js";
import { shapeRules } from "../src/ops/infer.js";
import { loopOver } from "../src/ops/rounds.js";
import { extend } from "../src/ops/trace.js";
import { fitToMachine } from "../src/runtime/blocked.js";
import { Tensor } from "../src/tensor/tensor.js";
import { openOnnx, randomTensor } from "../test/run-onnx.js";
import { sharedData } from "../test/shared-data.js";
import { cases as allCases, type Case, resultOf, tensorsOf } from "./gradient-cases.js";
import { type Measurement, median, type Suite } from "./measure.js";
import { pythonWith, runPython } from "./python.js";

/** Milliseconds, and the largest difference of results and gradients to ours, relative to the largest of each. */
type Theirs = Readonly<Record<string, { readonly ms: number; readonly difference: number }>>;

export const suite: Suite = {
  title: "milliseconds of forward plus backward",
  async run(only = "") {
    const cases = allCases.filter(({ name }) => name.includes(only));
    const python = await pythonWith("torch", ["torch==2.15.0", "numpy==2.4.6"]);
    const threads = cpus().length;
    const folder = await mkdtemp(join(tmpdir(), "deepframe-gradients-"));
    const ours = new Map<string, number[]>(cases.map(({ name }) => [name, []]));
    const theirs = new Map<string, number[]>(cases.map(({ name }) => [name, []]));
    try {
      for (const [i, c] of cases.entries()) await writeTensors(c, join(folder, String(i)));
      for (let round = 0; round < 3; round++) {
        for (const c of cases) ours.get(c.name)!.push(await measure(c, threads));
        const args = [JSON.stringify(cases), String(threads), folder];
        const found = await runPython<Theirs>(python, "gradients.py", args);
        for (const { name } of cases) {
          const { ms, difference } = found[name]!;
          if (!(difference < 1e-4)) throw new Error(`${name}: gradients differ from PyTorch's by ${difference}`);
          theirs.get(name)!.push(ms);
        }
      }
    } finally {
      await rm(folder, { recursive: true });
    }
    const compared = cases.map(({ name, target }): Measurement => {
      const peer = { name: "PyTorch", value: median(theirs.get(name)!) };
      return {
        name,
        unit: "ms",
        ours: median(ours.get(name)!),
        peer,
        target: { ratio: target },
        smallerIsBetter: true,
      };
    });
    return [...compared, ...(buildTimeName.includes(only) ? await buildTime() : [])];
  },
};

const buildTimeName = "gradient graph of MobileNetV2";

/** Milliseconds to make the gradient graph of MobileNetV2, with respect to all of its weights. */
async function buildTime(): Promise<Measurement[]> {
  const path = sharedData("models/mobilenet_v2_1.0_224.onnx");
  if (path === undefined) return [];
  const model = (await Graph.load(path)).cutAt(["features"]).atOpset(18);
  const graph = extend(model, (t) => ({ loss: t("features").square().reduceMean() }));
  const wrt = [...graph.initializers].filter(([, { dtype, size }]) => dtype === "float32" && size > 1);
  const times: number[] = [];
  for (let i = 0; i < 5; i++) {
    const start = performance.now();
    gradient(graph, { of: "loss", wrt: wrt.map(([name]) => name) });
    times.push(performance.now() - start);
  }
  return [{ name: buildTimeName, unit: "ms", ours: median(times), target: { value: 500 }, smallerIsBetter: true }];
}

/** Writes the case's tensors, then our result and gradients, as raw files `folder-0`, `folder-1` and so on. */
async function writeTensors(c: Case, path: string): Promise<void> {
  const { graph, feeds, results } = build(c);
  const run = await openOnnx(await fitToMachine(graph));
  const found = await run({ ...feeds, rounds: rounds(1) });
  await run.release();
  const tensors = [...Object.values(feeds), ...results.map((name) => found[name]!)];
  for (const [i, { data }] of tensors.entries()) await writeFile(`${path}-${i}`, data as Float32Array);
}

/** Median milliseconds of a round, over runs of about 0.1 s. */
export async function measure(c: Case, threads: number): Promise<number> {
  const { graph, feeds } = build(c);
  // as the training engine does
  const run = await openOnnx(await fitToMachine(graph), { intraOpNumThreads: threads });
  const timed = async (count: number) => {
    const start = performance.now();
    // the rounds' number alone is handed back
    await run({ ...feeds, rounds: rounds(count) }, ["done"]);
    return (performance.now() - start) / count;
  };
  await timed(3);
  const count = Math.ceil(100 / (await timed(5)));
  const times: number[] = [];
  for (let i = 0; i < 5; i++) times.push(await timed(count));
  // what open sessions hold slows later cases down by up to three times
  await run.release();
  return median(times);
}

const rounds = (count: number) => new Tensor("int64", BigInt64Array.of(BigInt(count)), []);

/** A Loop whose rounds replace the result and the gradients of all tensors, for a random gradient of the result. */
export function build(c: Case): { graph: Graph; feeds: Record<string, Tensor>; results: string[] } {
  const g = new GraphBuilder({ rules: shapeRules() });
  const feeds: Record<string, Tensor> = {};
  const feed = (name: string, tensor: Tensor): Value => {
    feeds[name] = tensor;
    return g.input(name, tensor.dtype, tensor.shape);
  };
  const x = tensorsOf(c).map((tensor, i) => feed(`x${i}`, tensor));
  const wrt = x.filter(({ dtype }) => dtype === "float32");
  const shape = resultOf(g, c, x).shape as number[];
  const seed = shape.length === 0 ? g.constant(1) : feed("seed", randomTensor(shape, 9));
  const states = [seed, ...wrt].map((like) => g.zerosLike(like));
  const count = g.input("rounds", "int64", []);
  const last = loopOver(g, count, states, 0, (b) => {
    const y = resultOf(b, c, x);
    return [y, ...vjp(b, [...b.nodes], [[y, seed]], wrt).map((grad) => grad!)];
  });
  const results = ["y", ...wrt.map((_, i) => `grad/x${i}`)];
  const outputs = Object.fromEntries(results.map((name, i) => [name, last[i]!]));
  return { graph: g.finish({ ...outputs, done: count }), feeds, results };
}
