/** @file What a thread does for a training run whose steps several threads share, beside the tasks of thread.ts. */

import { breakUp } from "./exchange.js";
import { type GradientsMessage, largestOf, type StepsMessage, type StepsResult } from "./thread.js";
import {
  batchFor,
  keep,
  orderFor,
  rowsOf,
  sessionOf,
  tensorsOf,
  trainingOf,
  type WireProgram,
} from "./thread-state.js";

/** Steps of which each is done in parts. */
export interface SharedProgram {
  /** Of one part. */
  readonly gradients: WireProgram;
  readonly update: WireProgram;
  readonly lastUpdate: WireProgram;
  readonly shards: number;
}

export interface SharedStepsMessage extends Omit<StepsMessage, "program"> {
  readonly program: SharedProgram;
  readonly meeting: SharedArrayBuffer;
}

/** Trains, together with the other threads that get the same message. */
export async function steps(message: SharedStepsMessage): Promise<StepsResult> {
  const { program, steps: count, numbers, meeting, step } = message;
  const { shards } = program;
  const training = trainingOf(message.id);
  try {
    const rows = rowsOf(training, "train");
    const gradients = await sessionOf(training, program.gradients, 1);
    const { stats, done, failed, values, sound } = await training.sharer!.run(
      {
        ...{ steps: count, shards, meeting, gradients, numbers },
        update: await sessionOf(training, program.update, 1),
        lastUpdate: await sessionOf(training, program.lastUpdate, 1),
        order: orderFor(training, message, count * shards * program.gradients.batchSize),
        batch: batchFor(rows, gradients, program.gradients),
        random: (at, shard) => training.randoms.part(program.gradients, step + at, shards, shard),
      },
      training,
    );
    keep(training, values, sound);
    return { stats, done, failed };
  } catch (error) {
    breakUp(meeting);
    throw error;
  }
}

export interface SharedGradientsMessage extends Omit<GradientsMessage, "program"> {
  readonly program: Omit<SharedProgram, "update" | "lastUpdate">;
}

/** The largest gradient of each weight in the parts of one step; NaN where one is none. */
export async function gradients(message: SharedGradientsMessage): Promise<Record<string, number>> {
  const { program, step } = message;
  const { shards, gradients: part } = program;
  const training = trainingOf(message.id);
  const session = await sessionOf(training, part, 1);
  const batch = batchFor(rowsOf(training, "train"), session, part);
  const order = orderFor(training, message, shards * part.batchSize);
  const found: Record<string, number> = {};
  for (let shard = 0; shard < shards; shard++) {
    const made = await session.run({
      ...batch.fill(order.subarray(shard * part.batchSize, (shard + 1) * part.batchSize)),
      ...tensorsOf(message.values),
      ...training.randoms.part(part, step, shards, shard),
    });
    for (const [name, largest] of Object.entries(largestOf(made, "grad/"))) {
      // NaN stays
      found[name] = Math.max(found[name] ?? 0, largest);
    }
  }
  return found;
}
