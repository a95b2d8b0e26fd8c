/** @file Division: which part of the weights each thread updates that shares steps, and how the parts come together. */

import { sizeOf } from "../tensor/shape.js";
import { Tensor } from "../tensor/tensor.js";
import { Exchange, type SharedExchange } from "./exchange.js";
import { emaSlot, type Part } from "./layout.js";

type Values = Readonly<Record<string, Tensor>>;

/** A thread's share in a run. */
export interface Share {
  /** The thread's number among those that share the steps. */
  readonly shard: number;
  readonly exchange: SharedExchange;
  /** Groups of weights in the order in which they are handed over. */
  readonly groups: readonly Part[];
  /** What the optimizer keeps of each group. */
  readonly slots: readonly string[];
  readonly statCount: number;
  /** Whether each thread updates its part of every group and takes the rest from the others, or each all of them. */
  readonly isDivided: boolean;
}

/** Floats that a thread hands over in each step: statistics, then gradients. */
export function widthOf(groups: readonly Part[], statCount: number): number {
  return groups.reduce((sum, { shape }) => sum + sizeOf(shape), statCount);
}

/** A group as threads divide it. */
interface Piece {
  readonly name: string;
  readonly shape: readonly number[];
  /** Where the group begins among the numbers handed over. */
  readonly at: number;
  readonly size: number;
  /** What this thread updates of it: elements from `begin` to before `end`, in the form in which the update takes them. */
  readonly begin: number;
  readonly end: number;
  readonly updated: readonly number[];
}

/** What a thread holds between steps. */
export interface Held {
  /** All weights. */
  readonly weights: Values;
  /** Weights and slots of the pieces that it updates. */
  readonly own: Values;
}

/** Gradients of a part of a step, of the pieces that this thread updates. */
export interface PartOfStep {
  readonly stats: Float32Array;
  readonly grads: readonly (readonly [group: string, grad: Tensor])[];
}

/** One call of steps, as one thread sees it. */
export class Division {
  readonly #share: Share;
  readonly #isDivided: boolean;
  readonly #pieces: readonly Piece[];
  readonly #exchange: Exchange;
  /** Gradients that came from each thread, piece by piece: new arrays in each step cost as much as what goes into them. */
  readonly #received: (readonly Float32Array[])[] = [];
  /** Weights of this step and of the one before, in turn. */
  readonly #weights: [now: readonly Float32Array[], before: readonly Float32Array[]];

  constructor(share: Share, isDivided: boolean, meeting: SharedArrayBuffer) {
    this.#share = share;
    this.#isDivided = isDivided;
    this.#pieces = piecesOf(share, isDivided);
    this.#exchange = new Exchange(share.exchange, meeting, share.shard);
    this.#weights = [this.#newArrays(), this.#newArrays()];
  }

  /** This thread's pieces of all that is carried. */
  ownOf(values: Values): Values {
    if (!this.#isDivided) return values;
    const prefixes = ["", ...this.#share.slots.map((slot) => `${slot}/`)];
    return Object.fromEntries(
      this.#pieces.flatMap((piece) =>
        prefixes.map((prefix) => [prefix + piece.name, cut(piece, values[prefix + piece.name]!)]),
      ),
    );
  }

  gradientsIn(made: Values): PartOfStep {
    const grads = this.#pieces.map((piece) => [piece.name, cut(piece, made[`grad/${piece.name}`]!)] as const);
    return { stats: made.stats!.data as Float32Array, grads };
  }

  /** Hands over the gradients of this thread's rows, and takes those of all rows for its pieces. */
  async swapGradients(made: Values): Promise<readonly PartOfStep[]> {
    const { statCount, shard } = this.#share;
    const all = await this.#exchange.swap((own) => {
      own.set(made.stats!.data as Float32Array);
      for (const piece of this.#pieces) {
        const grad = made[`grad/${piece.name}`]!.data as Float32Array;
        for (const [from, to] of this.#readByOthers(piece)) own.set(grad.subarray(from, to), piece.at + from);
      }
    });
    return all.map((numbers, i) => {
      if (i === shard) return this.gradientsIn(made);
      // copies, since the runtime reads no shared memory
      this.#received[i] ??= this.#pieces.map(({ begin, end }) => new Float32Array(end - begin));
      const received = this.#received[i];
      const grads = this.#pieces.map(({ name, at, begin, end, updated }, j) => {
        const data = received[j]!;
        data.set(numbers.subarray(at + begin, at + end));
        return [name, new Tensor("float32", data, updated)] as const;
      });
      return { stats: numbers.slice(0, statCount), grads };
    });
  }

  /** What a model is made of. */
  learned(held: Held): Promise<Values> {
    return this.whole(
      held,
      this.#share.slots.filter((slot) => slot === emaSlot),
    );
  }

  /** What is held after an update, with the others' weights. */
  async after(next: Values): Promise<Held> {
    const own = Object.fromEntries(Object.entries(next).map(([name, value]) => [name.slice("next/".length), value]));
    if (!this.#isDivided) return { own, weights: own };
    this.#weights.reverse();
    return { own, weights: await this.#joined(own, "", this.#weights[0]) };
  }

  /** All that is carried, or of what the optimizer keeps these slots. */
  async whole({ weights, own }: Held, slots = this.#share.slots): Promise<Values> {
    if (!this.#isDivided) return own;
    const values = { ...weights };
    for (const slot of slots) {
      Object.assign(values, await this.#joined(own, `${slot}/`, this.#newArrays()));
    }
    return values;
  }

  #newArrays(): readonly Float32Array[] {
    return this.#isDivided ? this.#pieces.map(({ size }) => new Float32Array(size)) : [];
  }

  /** The elements of a piece's gradient that other threads read. */
  #readByOthers({ begin, end, size }: Piece): readonly (readonly [from: number, to: number])[] {
    if (!this.#isDivided) return [[0, size]];
    return [
      [0, begin],
      [end, size],
    ];
  }

  /** What the groups' names stand for behind this prefix, out of the pieces of all threads, put into these arrays. */
  async #joined(own: Values, prefix: string, arrays: readonly Float32Array[]): Promise<Values> {
    const all = await this.#exchange.swap((numbers) => {
      for (const { name, at, begin } of this.#pieces) {
        numbers.set(own[prefix + name]!.data as Float32Array, at + begin);
      }
    });
    const joined = this.#pieces.map(({ name, shape, at, size }, j) => {
      const data = arrays[j]!;
      for (const [shard, numbers] of all.entries()) {
        const [begin, end] = portion(size, shard, all.length);
        data.set(numbers.subarray(at + begin, at + end), begin);
      }
      return [prefix + name, new Tensor("float32", data, shape)];
    });
    return Object.fromEntries(joined);
  }
}

function piecesOf({ groups, statCount, shard, exchange: { shards } }: Share, isDivided: boolean): readonly Piece[] {
  let at = statCount;
  return groups.map(({ name, shape }) => {
    const size = sizeOf(shape);
    const [begin, end] = isDivided ? portion(size, shard, shards) : [0, size];
    const piece = { name, shape, at, size, begin, end, updated: isDivided ? [end - begin] : shape };
    at += size;
    return piece;
  });
}

/** Part `number` of `size` elements that `count` threads divide. */
function portion(size: number, number: number, count: number): readonly [begin: number, end: number] {
  return [Math.floor((size * number) / count), Math.floor((size * (number + 1)) / count)];
}

function cut({ begin, end, updated }: Piece, { data }: Tensor): Tensor {
  return new Tensor("float32", (data as Float32Array).subarray(begin, end), updated);
}
