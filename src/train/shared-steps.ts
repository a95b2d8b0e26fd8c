/** @file Steps that several threads share: what each of them does. */

import type { Session } from "../runtime/session.js";
import { Tensor } from "../tensor/tensor.js";
import type { BatchBuffers } from "./batch-buffers.js";
import { Division, type Held, type Share } from "./division.js";

type Values = Readonly<Record<string, Tensor>>;

export interface SharedSteps {
  readonly steps: number;
  /** Parts of a step: as many as threads; or 1, which every thread does for itself. */
  readonly shards: number;
  readonly meeting: SharedArrayBuffer;
  readonly gradients: Session;
  readonly update: Session;
  /** Of the last step. */
  readonly lastUpdate: Session;
  /** Rows of all steps, part after part. */
  readonly order: Uint32Array;
  readonly batch: BatchBuffers;
  /** [steps, numberCount] */
  readonly numbers: Float32Array;
  /** What layers need of random numbers in a part of a step. */
  random(step: number, shard: number): Values;
}

export interface SharedResult {
  /** [parts done, statCount] */
  readonly stats: Float32Array;
  readonly done: number;
  /** Whether the last step had a loss that is not finite; the values are those before it. */
  readonly failed: boolean;
  readonly values: Values;
  /** What had been learned before the last step with a finite loss. */
  readonly sound: Values;
}

/** What a thread does of the steps that it shares. */
export class Sharer {
  readonly #share: Share;

  constructor(share: Share) {
    this.#share = share;
  }

  /** Runs steps from these values on, the same in every thread. */
  async run(given: SharedSteps, start: Pick<SharedResult, "values" | "sound">): Promise<SharedResult> {
    const { groups, shard, isDivided } = this.#share;
    const { steps, shards, gradients, order, batch, numbers, random } = given;
    const division = new Division(this.#share, isDivided && shards > 1, given.meeting);
    const rows = order.length / (steps * shards);
    const perStep = numbers.length / steps;
    const part = shards === 1 ? 0 : shard;
    const stats: number[] = [];
    let held: Held = { weights: start.values, own: division.ownOf(start.values) };
    let before: Held | undefined;
    const result = async (done: number, failed: boolean): Promise<SharedResult> => ({
      ...{ stats: Float32Array.from(stats), done, failed, values: await division.whole(held) },
      sound: before === undefined ? start.sound : await division.learned(before),
    });
    for (let step = 0; step < steps; step++) {
      const from = (step * shards + part) * rows;
      const made = await gradients.run({
        ...batch.fill(order.subarray(from, from + rows)),
        ...Object.fromEntries(groups.map(({ name }) => [name, held.weights[name]!])),
        ...random(step, part),
      });
      const parts = shards === 1 ? [division.gradientsIn(made)] : await division.swapGradients(made);
      for (const { stats: ofPart } of parts) stats.push(...ofPart);
      if (!parts.every(({ stats: [loss] }) => Number.isFinite(loss))) return result(step + 1, true);
      const update = step === steps - 1 ? given.lastUpdate : given.update;
      const next = await update.run({
        ...held.own,
        numbers: new Tensor("float32", numbers.slice(step * perStep, (step + 1) * perStep), [perStep]),
        ...Object.fromEntries(
          parts.flatMap(({ grads }, i) => grads.map(([name, grad]) => [`grad/${i}/${name}`, grad])),
        ),
      });
      before = held;
      held = await division.after(next);
    }
    return result(steps, false);
  }
}
