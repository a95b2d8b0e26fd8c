/** @file Layout: the tensors that training carries from step to step, and how weights are joined to fewer of them. */

import { ParamError } from "../errors.js";
import type { GraphBuilder } from "../graph/graph-builder.js";
import type { Value } from "../graph/value.js";
import type { WeightSpec } from "../nn/build.js";
import { lrAt, type Optimizer } from "../optim/optimizer.js";
import { sizeOf } from "../tensor/shape.js";
import { Tensor } from "../tensor/tensor.js";
import { transposeTo } from "../tensor/transpose.js";
import { Turns } from "../util/turns.js";

/** One tensor that is carried: a weight or several joined, a slot of the optimizer, a running statistic. */
export interface Part {
  readonly name: string;
  readonly shape: readonly number[];
}

/** Weights that are carried as one tensor: one in its own shape or turned, or several joined. */
export interface Group extends Part {
  readonly weights: readonly WeightSpec[];
  /** Whether its only weight is carried transposed; see `affine`. */
  readonly isTurned: boolean;
  readonly lrMultiplier: number;
  readonly decay: number;
}

/**
 * Weights up to this size are joined where the optimizer allows: an operator costs a microsecond or two however small its
 * tensor, copying an element in and out 0.3 ns. (Cutting large weights to pieces that stay in the cache did not pay.)
 */
const joinedSize = 2 ** 14;

export const emaSlot = "ema";

export class Layout {
  readonly weights: readonly WeightSpec[];
  readonly groups: readonly Group[];
  /** Running statistics and the like. */
  readonly states: readonly WeightSpec[];
  readonly frozen: readonly WeightSpec[];
  /** What is carried: of each group the weights, then its slots; then the states. */
  readonly parts: readonly Part[];
  readonly slots: readonly string[];
  readonly optimizer: Optimizer;
  readonly #multipliers: readonly number[];
  readonly #numberNames: readonly string[];

  /** @param mayJoin false where memory is short: joined gradients keep what each of them comes from until all are there */
  constructor(weights: readonly WeightSpec[], states: ReadonlySet<string>, optimizer: Optimizer, mayJoin = true) {
    this.weights = weights;
    this.optimizer = optimizer;
    this.states = weights.filter(({ name }) => states.has(name));
    this.frozen = weights.filter(({ name, trainable }) => !trainable && !states.has(name));
    this.groups = groupsOf(
      weights.filter(({ trainable }) => trainable),
      optimizer,
      mayJoin,
    );
    this.slots = [...Object.keys(optimizer.slots), ...(optimizer.params.useEma ? [emaSlot] : [])];
    this.parts = [
      ...this.groups.flatMap(({ name, shape }) => [
        { name, shape },
        ...this.slots.map((slot) => ({ name: `${slot}/${name}`, shape })),
      ]),
      ...this.states.map(({ name, shape }) => ({ name, shape })),
    ];
    this.#multipliers = [...new Set(this.groups.map(({ lrMultiplier }) => lrMultiplier))];
    this.#numberNames = ["lr", ...Object.keys(optimizer.numbers(1, 1))];
  }

  /** Weights and states that training changes. */
  get learned(): readonly WeightSpec[] {
    return [...this.groups.flatMap(({ weights }) => weights), ...this.states];
  }

  /** Whether an element is updated without a look at others. */
  get isByElement(): boolean {
    const { clipNorm, globalClipNorm } = this.optimizer.params;
    return this.optimizer.scope === "element" && clipNorm === undefined && globalClipNorm === undefined;
  }

  /** What the names of groups begin with where what is learned is an average. */
  get averaged(): string {
    return this.slots.includes(emaSlot) ? `${emaSlot}/` : "";
  }

  /** Names of the parts that a model is made of. */
  get learnedParts(): string[] {
    return this.parts.filter((part) => !this.isMoment(part)).map(({ name }) => name);
  }

  /** Whether a part is a slot that only the optimizer reads. */
  isMoment({ name }: Part): boolean {
    return this.slots.some((slot) => slot !== emaSlot && name.startsWith(`${slot}/`));
  }

  /** Numbers of each step. */
  get numberCount(): number {
    return this.#multipliers.length * this.#numberNames.length;
  }

  /** The numbers of `count` steps from `step` (counted from 0), one row per step. */
  numbersOf(step: number, count: number, lrFactor: number): Float32Array {
    const rows = Array.from({ length: count }, (_, i) => {
      const lr = lrAt(this.optimizer, step + i) * lrFactor;
      return this.#multipliers.flatMap((multiplier) => [
        lr * multiplier,
        ...Object.values(this.optimizer.numbers(step + i + 1, lr * multiplier)),
      ]);
    });
    return Float32Array.from(rows.flat());
  }

  /** A group's numbers among those of a step, each [1]. */
  numbersIn(row: readonly Value[], group: Group): Record<"lr", Value> & Record<string, Value> {
    const from = this.#multipliers.indexOf(group.lrMultiplier) * this.#numberNames.length;
    return Object.fromEntries(this.#numberNames.map((name, i) => [name, row[from + i]!])) as Record<"lr", Value>;
  }

  /** Values before the first step, in shared memory. */
  async first(seed: number, known: ReadonlyMap<string, Tensor> = new Map()): Promise<Map<string, Tensor>> {
    const values = new Map<string, Tensor>();
    const turns = new Turns();
    const firstOf = (spec: WeightSpec) => (known.get(spec.name) ?? spec.initial(seed)).data as Float32Array;
    const put = (name: string, shape: readonly number[], parts: readonly Float32Array[]) => {
      const elements = new Float32Array(new SharedArrayBuffer(4 * sizeOf(shape)));
      let at = 0;
      for (const part of parts) {
        elements.set(part, at);
        at += part.length;
      }
      values.set(name, new Tensor("float32", elements, shape));
      return elements;
    };
    for (const { name, shape, weights, isTurned } of this.groups) {
      await turns.give();
      const elements = put(name, shape, isTurned ? [] : weights.map(firstOf));
      if (isTurned) await transposeTo(elements, firstOf(weights[0]!), weights[0]!.shape as [number, number], turns);
      for (const slot of this.slots) {
        await turns.give();
        const start = put(`${slot}/${name}`, shape, slot === emaSlot ? [elements] : []);
        if (slot !== emaSlot && this.optimizer.slots[slot] !== 0) start.fill(this.optimizer.slots[slot]!);
      }
    }
    for (const spec of this.states) put(spec.name, spec.shape, [firstOf(spec)]);
    return values;
  }

  /** Every weight by its own name, out of carried values; averaged ones where an average is kept and asked for. */
  async weightsIn(values: ReadonlyMap<string, Tensor>, averaged = false): Promise<Map<string, Tensor>> {
    const turns = new Turns();
    const found = new Map<string, Tensor>();
    const prefix = averaged ? this.averaged : "";
    for (const group of this.groups) {
      const carried = values.get(`${prefix}${group.name}`)!.data as Float32Array;
      const elements = group.isTurned ? new Float32Array(carried.length) : carried;
      if (group.isTurned) await transposeTo(elements, carried, group.shape as [number, number], turns);
      let at = 0;
      for (const { name, shape } of group.weights) {
        const size = sizeOf(shape);
        const own = group.weights.length === 1 ? elements : elements.slice(at, at + size);
        found.set(name, new Tensor("float32", own, shape));
        at += size;
      }
    }
    for (const { name } of this.states) found.set(name, values.get(name)!);
    return found;
  }

  /** A group's weights as tensors of a graph. */
  weightsOf(g: GraphBuilder, { weights, isTurned }: Group, carried: Value): Value[] {
    if (isTurned) return [g.transpose(carried, [1, 0])];
    if (weights.length === 1) return [g.reshape(carried, weights[0]!.shape)];
    const sizes = weights.map(({ shape }) => sizeOf(shape));
    return g.split(carried, sizes).map((part, i) => g.reshape(part, weights[i]!.shape));
  }
}

function groupsOf(weights: readonly WeightSpec[], optimizer: Optimizer, allowed: boolean): Group[] {
  const { clipNorm, excludeFromWeightDecay, weightDecay } = optimizer.params;
  const mayJoin = allowed && optimizer.scope === "element" && clipNorm === undefined;
  const decayOf = ({ name, decays }: WeightSpec) =>
    weightDecay > 0 && decays && !excludeFromWeightDecay.some((part) => name.includes(part)) ? 1 : 0;
  if (optimizer.scope === "all") return weights.length === 0 ? [] : [wholeOf(weights, optimizer)];
  const groups: Group[] = [];
  const joined = new Map<string, WeightSpec[]>();
  for (const spec of weights) {
    const { name, shape, lrMultiplier } = spec;
    const isSmall = sizeOf(shape) <= joinedSize;
    if (mayJoin && isSmall) {
      const key = `joined/${lrMultiplier}/${decayOf(spec)}`;
      joined.set(key, [...(joined.get(key) ?? []), spec]);
    } else {
      const isTurned = spec.mayTurn && !isSmall;
      const own = isTurned ? { name: `turned/${name}`, shape: shape.toReversed() } : { name, shape };
      groups.push({ ...own, weights: [spec], isTurned, lrMultiplier, decay: decayOf(spec) });
    }
  }
  for (const [name, members] of joined) groups.push(joinedOf(name, members, decayOf(members[0]!)));
  return groups;
}

/** @throws ParamError where layers have learning rates of their own. */
function wholeOf(weights: readonly WeightSpec[], { type }: Optimizer): Group {
  const rates = [...new Set(weights.map(({ lrMultiplier }) => lrMultiplier))];
  if (rates.length === 1) return joinedOf("joined/all", weights, 0);
  const message = `all weights take one step together, but layers have lrMultiplier ${rates.join(", ")}; give all the same, or choose another optimizer`;
  throw new ParamError(type, message, { param: "lrMultiplier" });
}

function joinedOf(name: string, weights: readonly WeightSpec[], decay: number): Group {
  const shape = [weights.reduce((sum, member) => sum + sizeOf(member.shape), 0)];
  return { name, weights, shape, isTurned: false, lrMultiplier: weights[0]!.lrMultiplier, decay };
}
