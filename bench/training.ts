/**
 * @file Training against PyTorch and TensorFlow.js: the same networks, batches, optimizers and threads, each run in a process of
 * its own, in turn. Time excludes the start and the first epoch (but for the frozen part, where all of fit counts).
 */

import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { cpus } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { type Measurement, median, type Suite } from "./measure.js";
import { pythonWith, runPython } from "./python.js";
import { type TrainingCase, trainingCases } from "./training-cases.js";
import { perceptronByLbfgs, perceptronName } from "./training-mlp.js";

const run = promisify(execFile);
const rounds = 5;
const tensorflowTarget = 20;

interface Trained {
  readonly perSecond: number;
  readonly bytes: number;
}

type Runner = () => Promise<Trained>;

export const suite: Suite = {
  title: "rows per second and peak memory of training",
  async run(only = "") {
    const python = await pythonWith("torch", ["torch==2.15.0", "numpy==2.4.6"]);
    const tensorflow = await tensorflowFolder();
    const found: Measurement[] = [];
    for (const [id, each] of Object.entries(trainingCases).filter(([, { name }]) => name.includes(only)))
      found.push(...(await compare(id, each, python, tensorflow)));
    return [...found, ...(perceptronName.includes(only) ? await perceptronByLbfgs() : [])];
  },
};

async function compare(id: string, given: TrainingCase, python: string, tensorflow: string): Promise<Measurement[]> {
  const { name, targets } = given;
  const text = JSON.stringify({ id, ...given });
  const torch = (kind: string) => () => runPython<Trained>(python, "training.py", [text, String(cpus().length), kind]);
  const runners: Record<string, Runner> = {
    deepframe: () => runNode([resolve(import.meta.dirname, "training-run.js"), id]),
    PyTorch: torch("default"),
    ...(targets.fused !== undefined && { "PyTorch, fused": torch("fused") }),
  };
  const results = new Map<string, Trained[]>(Object.keys(runners).map((peer) => [peer, []]));
  for (let round = 0; round < rounds; round++) {
    for (const [peer, train] of Object.entries(runners)) results.get(peer)!.push(await train());
    // a suite of many minutes tells how it goes
    const last = [...results].map(([peer, runs]) => `${peer} ${Math.round(runs.at(-1)!.perSecond)}`);
    console.log(`  ${id}, round ${round + 1}: ${last.join(", ")} rows/s`);
  }
  const speed = (peer: string) => median(results.get(peer)!.map(({ perSecond }) => perSecond));
  const memory = (peer: string) => median(results.get(peer)!.map(({ bytes }) => bytes)) / 2 ** 20;
  const ours = speed("deepframe");
  const against = (peer: string, value: number, ratio: number): Measurement => {
    return { name, unit: "rows/s", ours, peer: { name: peer, value }, target: { ratio } };
  };
  const found = [against("PyTorch", speed("PyTorch"), targets.torch)];
  if (targets.fused !== undefined) found.push(against("PyTorch, fused", speed("PyTorch, fused"), targets.fused));
  // far apart, and slow: once is enough
  for (const backend of given.tensorflow?.backends ?? []) {
    const { perSecond } = await runNode([
      ...[join("bench", "training-tfjs.js"), tensorflow, text, backend],
      String(given.tensorflow!.steps),
    ]);
    found.push(against(`TensorFlow.js ${backend}`, perSecond, tensorflowTarget));
  }
  const peer = { name: "PyTorch", value: memory("PyTorch") };
  found.push({ name: "  peak memory", unit: "MiB", ours: memory("deepframe"), peer, smallerIsBetter: true });
  return found;
}

async function runNode(args: readonly string[]): Promise<Trained> {
  const { stdout } = await run(process.execPath, [...args], { maxBuffer: 1e8 });
  return JSON.parse(stdout.trim().split("\n").at(-1)!);
}

/** A scratch folder that holds TensorFlow.js, installed once. */
async function tensorflowFolder(): Promise<string> {
  const folder = resolve(".cache", "bench-tfjs");
  const packages = ["@tensorflow/tfjs@4.22.0", "@tensorflow/tfjs-backend-wasm@4.22.0"];
  const done = join(folder, "complete");
  if (existsSync(done)) return folder;
  console.log(`installing ${packages.join(" ")} into ${folder}`);
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, "package.json"), "{}\n");
  await run("npm", ["install", "--prefix", folder, "--ignore-scripts", "--no-audit", "--no-fund", ...packages]);
  await writeFile(done, "");
  return folder;
}
