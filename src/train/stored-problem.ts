/** @file A problem and its optimizer as plain data and back, so that another thread can build its graphs. */

// what is known by name: layers, losses and metrics, optimizers
import "../nn/index.js";
import "../optim/index.js";
import { internal } from "../errors.js";
import { type Layer, layers } from "../nn/layer.js";
import { losses } from "../nn/losses/loss.js";
import { metrics } from "../nn/metrics/batch-metric.js";
import { networkOf } from "../nn/network.js";
import type { Optimizer } from "../optim/optimizer.js";
import { optimizers } from "../optim/optimizer.js";
import { Asset } from "../util/asset.js";
import { isRedefined } from "../util/kind.js";
import type { ReadStored } from "../util/params.js";
import { typesIn } from "../util/types-in.js";
import type { Field, Problem } from "./problem.js";

export interface StoredProblem {
  readonly network: unknown;
  readonly inputs: readonly Field[];
  readonly heads: readonly {
    readonly output: string;
    readonly target: Field;
    readonly loss: unknown;
    readonly lossWeight: number;
    readonly metrics: readonly unknown[];
  }[];
  readonly weight: Field | undefined;
  readonly optimizer: unknown;
  readonly assets: readonly Pick<Asset, "bytes" | "sha256">[];
}

/** Undefined where it holds what only this thread knows: functions, types that were defined under a name of ours. */
export function storeProblem(
  { network, inputs, heads, weight }: Problem,
  optimizer: Optimizer,
): StoredProblem | undefined {
  const assets = new Map<string, Asset>();
  try {
    const stored = {
      ...{ inputs, weight },
      network: layers.encode(network as Layer, assets),
      heads: heads.map(({ loss, metrics: own, ...head }) => ({
        ...head,
        loss: losses.encode(loss, assets),
        metrics: own.map((metric) => metrics.encode(metric, assets)),
      })),
      optimizer: optimizers.encode(optimizer, assets),
    };
    if ([...typesIn(stored)].some(isRedefined)) return undefined;
    return { ...stored, assets: [...assets.values()].map(({ bytes, sha256 }) => ({ bytes, sha256 })) };
  } catch {
    // a function in a layer, or a network that is no value
    return undefined;
  }
}

/** @throws ParamError for types that this thread does not know. */
export function restoreProblem(stored: StoredProblem): { problem: Problem; optimizer: Optimizer } {
  const assets = new Map(stored.assets.map(({ bytes, sha256 }) => [sha256, new Asset(bytes, sha256)]));
  const read: ReadStored = {
    asset: (json) => assets.get((json as { readonly $asset: string }).$asset)!,
    stage() {
      throw internal("a stage within a network");
    },
  };
  const { inputs, weight } = stored;
  const heads = stored.heads.map((head) => ({
    ...head,
    loss: losses.decode(head.loss, read, "loss"),
    metrics: head.metrics.map((metric) => metrics.decode(metric, read, "metric")),
  }));
  const network = networkOf(layers.decode(stored.network, read, "network"));
  return {
    problem: { network, inputs, heads, weight },
    optimizer: optimizers.decode(stored.optimizer, read, "optimizer"),
  };
}
