/** @file How many threads share each step of a training run, each with a part of the batch's rows. */

import type { Device } from "../runtime/device.js";
import { sizeOf } from "../tensor/shape.js";
import type { Layout } from "./layout.js";
import type { Form, Manifest } from "./problem.js";

/** Multiplications of a step, forward, from which it pays: below, threads wait for each other too often. */
const leastWork = 2e7;

/** The same for each trained weight, since gradients and updated weights are handed over. */
const leastWorkPerWeight = 300;

/** Rows of a thread's part at least: smaller products are slow. */
const leastRows = 8;

export interface ShardOptions {
  readonly form: Form;
  readonly manifest: Manifest;
  readonly layout: Layout;
  readonly batchSize: number;
  readonly recompute: boolean;
  readonly device: Device;
  /** Cores. */
  readonly threads: number;
}

/**
 * Threads for each step; 1 where it is not shared. Kernels scale badly over cores, parts of a batch well: each thread takes
 * its rows forward and backward, all update by the mean of the gradients. That is the same only where rows do not bear on
 * each other (no batch statistics) and weigh the same. Decided by sizes alone, never by time, so that a run can be repeated.
 */
export function shardsOf({ form, manifest, layout, batchSize, recompute, device, threads }: ShardOptions): number {
  const isApart =
    !manifest.mixesRows &&
    layout.states.length === 0 &&
    form.weight === undefined &&
    form.heads.every(({ loss }) => !loss.mixesRows);
  const { gradientAccumulationSteps } = layout.optimizer.params;
  if (!isApart || recompute || device !== "cpu" || gradientAccumulationSteps > 1) return 1;
  const weights = layout.groups.reduce((sum, { shape }) => sum + sizeOf(shape), 0);
  const work = manifest.multiplications * batchSize;
  if (work < leastWork || work < leastWorkPerWeight * weights) return 1;
  for (let shards = Math.min(threads, Math.floor(batchSize / leastRows)); shards > 1; shards--) {
    if (batchSize % shards === 0) return shards;
  }
  return 1;
}
