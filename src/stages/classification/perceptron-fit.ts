/** @file Fits a multilayer perceptron: Spark MLlib's objective over the flat weights, minimised. */

import type { Graph } from "../../graph/graph.js";
import { gradientDescent } from "../../optim/gradient-descent.js";
import { lbfgs, type Minimum, type Objective, type OnIteration } from "../../optim/lbfgs.js";
import { Asset } from "../../util/asset.js";
import { isAbort } from "../../util/is-abort.js";
import { xorshift } from "../../util/xorshift.js";
import type { FeatureType } from "../objective/block.js";
import type { SumGraph } from "../objective/sums.js";
import type { TrainingRows } from "../objective/training-rows.js";
import { areBiases, layerShapes, lossGraph, type Perceptron, weightCount } from "./perceptron-graphs.js";

export interface PerceptronOptions extends Perceptron {
  readonly solver: "l-bfgs" | "gd";
  readonly maxIter: number;
  readonly tol: number;
  readonly stepSize: number;
  readonly regParam: number;
  readonly elasticNetParam: number;
  readonly precision: "auto" | FeatureType;
  readonly blockSize: number | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onIteration?: OnIteration | undefined;
}

/** Products of a pass (rows times weights) that doubles compute in a few hundredths of a second. */
const smallPass = 2 ** 28;

/** Reasons to end a search for good. */
const ends: ReadonlySet<Minimum["reason"]> = new Set(["maxIter", "stopped", "aborted", "notFinite"]);

/**
 * Minimises `sum(weight * cross entropy) / sum(weight) + regParam * sum(elasticNet * |w| + (1 - elasticNet) / 2 * w^2)` from a
 * starting point; biases are not penalised.
 *
 * Large problems are computed in float32 (more than twice as fast) until nothing more can be gained that way, and in
 * float64 from there on, so that the end is as exact as if all had been.
 */
export async function fitPerceptron(
  data: TrainingRows,
  start: Float64Array,
  options: PerceptronOptions,
): Promise<Minimum> {
  const { precision, solver, maxIter } = options;
  const search = solver === "gd" ? gradientDescent : lbfgs;
  const l1 = options.regParam * options.elasticNetParam;
  const isBias = areBiases(options.layers);
  const settings = { ...options, l1: l1 === 0 ? undefined : start.map((_, i) => (isBias[i] ? 0 : l1)) };

  const isSmall = data.summary.rows * start.length <= smallPass;
  const first = precision === "auto" ? (isSmall ? "float64" : "float32") : precision;
  const found = await search(objectiveOf(data, options, isBias, first), start, settings);
  if (precision !== "auto" || isSmall || ends.has(found.reason)) return found;
  const before = found.iterations;
  const onIteration: OnIteration = (i, ...rest) => options.onIteration?.(before + i, ...rest);
  const exact = objectiveOf(data, options, isBias, "float64");
  const rest = search(exact, found.point, { ...settings, maxIter: maxIter - before, onIteration });
  const end = await rest.catch((error) => {
    if (isAbort(error, options.signal)) return undefined;
    throw error;
  });
  // before a step in float64
  if (end === undefined) return { ...found, reason: "aborted" };
  return { ...end, history: [...found.history, ...end.history.slice(1)], iterations: before + end.iterations };
}

function objectiveOf(
  data: TrainingRows,
  options: PerceptronOptions,
  isBias: readonly boolean[],
  inside: FeatureType,
): Objective {
  const sums = lossSums(lossGraph(options, data.featureType, inside), options.layers, options.blockSize);
  const l2 = options.regParam * (1 - options.elasticNetParam);
  const { weight } = data.summary;
  return async (weights) => {
    const found = await data.sums(sums, { weights }, options.signal);
    let value = found.loss![0]! / weight;
    const gradient = found["grad/weights"]!;
    for (let i = 0; i < gradient.length; i++) {
      gradient[i]! /= weight;
      if (l2 === 0 || isBias[i]) continue;
      value += (l2 / 2) * weights[i]! ** 2;
      gradient[i]! += l2 * weights[i]!;
    }
    return { value, gradient };
  };
}

/** Tells the mean loss of the rows for any weights. */
export function perceptronLoss(
  data: TrainingRows,
  network: Perceptron,
  signal: AbortSignal | undefined,
): (weights: Float64Array) => Promise<number> {
  const sums = lossSums(lossGraph(network, data.featureType, "float64").cutAt(["loss"]), network.layers, undefined);
  return async (weights) => (await data.sums(sums, { weights }, signal)).loss![0]! / data.summary.weight;
}

function lossSums(graph: Graph, layers: readonly number[], blockSize: number | undefined): SumGraph {
  return {
    graph: new Asset(graph.toBytes()),
    name: "perceptron loss",
    rows: blockSize ?? Math.min(1024, Math.max(64, Math.floor(2 ** 20 / Math.max(...layers)))),
    parameters: { weights: [weightCount(layers)] },
  };
}

/** Spark MLlib's random weights for a seed: each layer's are even between -2.4 and 2.4 over the root of its inputs. */
export function randomWeights(layers: readonly number[], seed: number): Float64Array {
  const random = xorshift(seed);
  const weights = new Float64Array(weightCount(layers));
  let at = 0;
  for (const [ins, outs] of layerShapes(layers)) {
    for (const end = at + (ins + 1) * outs; at < end; at++) weights[at] = (random() * 4.8 - 2.4) / Math.sqrt(ins);
  }
  return weights;
}
