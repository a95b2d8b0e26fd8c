/** @file Steps that several threads share: what each of them does. */

import type { Session } from "../runtime/session.js";
import { sizeOf } from "../tensor/shape.js";
import { Tensor } from "../tensor/tensor.js";
import type { BatchBuffers } from "./batch-buffers.js";
import { Exchange, type SharedExchange } from "./exchange.js";
import type { Part } from "./layout.js";

type Values = Readonly<Record<string, Tensor>>;

/** A thread's share in a run. */
export interface Share {
  /** The thread's number among those that share the steps. */
  readonly shard: number;
  readonly exchange: SharedExchange;
  /** Groups of weights in the order in which their gradients are handed over. */
  readonly groups: readonly Part[];
  readonly statCount: number;
}

/** Floats that a thread hands over in each step: statistics, then gradients. */
export function widthOf(groups: readonly Part[], statCount: number): number {
  return groups.reduce((sum, { shape }) => sum + sizeOf(shape), statCount);
}

export interface SharedSteps {
  readonly steps: number;
  /** Parts of a step: as many as threads; or 1, which every thread does for itself. */
  readonly shards: number;
  readonly meeting: SharedArrayBuffer;
  readonly gradients: Session;
  readonly update: Session;
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
  /** Those before the last step with a finite loss. */
  readonly sound: Values;
}

/** What a thread does of the steps that it shares. */
export class Sharer {
  readonly #share: Share;
  /** What each part handed over: statistics, then gradients. */
  readonly #parts: readonly Float32Array[];
  /** The gradients among it, as the update's graph is fed them. */
  readonly #grads: readonly Values[];

  constructor(share: Share) {
    this.#share = share;
    const { shards, width } = share.exchange;
    this.#parts = Array.from({ length: shards }, () => new Float32Array(width));
    this.#grads = this.#parts.map((part, i) => gradientsIn(part, i, share));
  }

  /** Runs steps from these values on, the same in every thread. */
  async run(given: SharedSteps, start: Pick<SharedResult, "values" | "sound">): Promise<SharedResult> {
    const { groups, statCount, shard } = this.#share;
    const { steps, shards, gradients, update, order, batch, numbers, random } = given;
    const place = new Exchange(this.#share.exchange, given.meeting);
    const rows = order.length / (steps * shards);
    const perStep = numbers.length / steps;
    const own = shards === 1 ? 0 : shard;
    const stats: number[] = [];
    let { values, sound } = start;
    const result = (done: number, failed: boolean) => ({
      stats: Float32Array.from(stats),
      done,
      failed,
      values,
      sound,
    });
    for (let step = 0; step < steps; step++) {
      const from = (step * shards + own) * rows;
      const made = await gradients.run({
        ...batch.fill(order.subarray(from, from + rows)),
        ...Object.fromEntries(groups.map(({ name }) => [name, values[name]!])),
        ...random(step, own),
      });
      put(this.#parts[own]!, [made.stats!, ...groups.map(({ name }) => made[`grad/${name}`]!)]);
      if (shards > 1) await this.#swap(place, step);
      const parts = this.#parts.slice(0, shards);
      for (const part of parts) stats.push(...part.subarray(0, statCount));
      if (!parts.every(([loss]) => Number.isFinite(loss))) return result(step + 1, true);
      const next = await update.run({
        ...values,
        numbers: new Tensor("float32", numbers.slice(step * perStep, (step + 1) * perStep), [perStep]),
        ...Object.assign({}, ...this.#grads.slice(0, shards)),
      });
      sound = values;
      values = Object.fromEntries(Object.entries(next).map(([name, value]) => [name.slice("next/".length), value]));
    }
    return result(steps, false);
  }

  /** Hands over this thread's part and takes those of the others. */
  async #swap(place: Exchange, step: number): Promise<void> {
    const { shard } = this.#share;
    place.of(shard, step).set(this.#parts[shard]!);
    await place.meet(step);
    for (const [i, part] of this.#parts.entries()) if (i !== shard) part.set(place.of(i, step));
  }
}

function put(part: Float32Array, tensors: readonly Tensor[]): void {
  let at = 0;
  for (const { data } of tensors) {
    part.set(data as Float32Array, at);
    at += data.length;
  }
}

/** Views of a part's gradients. */
function gradientsIn(part: Float32Array, number: number, { groups, statCount }: Share): Values {
  let at = statCount;
  return Object.fromEntries(
    groups.map(({ name, shape }) => {
      const from = at;
      at += sizeOf(shape);
      return [`grad/${number}/${name}`, new Tensor("float32", part.subarray(from, at), shape)];
    }),
  );
}
