/** @file Layer: a piece of a network, as parameters and a function that adds its operators to a graph. */

import { ParamError } from "../errors.js";
import type { ElementType } from "../graph/element-type.js";
import type { GraphBuilder } from "../graph/graph-builder.js";
import type { Dim } from "../graph/types.js";
import type { Value } from "../graph/value.js";
import { type Configured, Kind, type Maker } from "../util/kind.js";
import { boolean, type Input, number, optional, type ParamSpecs, text, type Values } from "../util/params.js";
import type { Fans, Initializer } from "./initializers.js";
import type { Regularizer } from "./regularizers.js";

/** A weight as a layer asks for it. */
export interface WeightOptions {
  /** First values; default "glorotUniform". */
  readonly initializer?: Initializer | string;
  /** First values that are known, as of a model from a file; `initializer` is not used then. */
  readonly values?: Float32Array;
  /** Default: of a matrix [inputs, outputs]. */
  readonly fans?: Fans;
  /** A penalty on the weight, added to the loss. */
  readonly regularizer?: Regularizer | undefined;
  /** Whether training changes it; default what the layer's `trainable` says. */
  readonly trainable?: boolean;
  /** Factor of the learning rate, beside the layer's own; default 1. */
  readonly lrMultiplier?: number;
  /** Whether weight decay applies; default true for weights of two and more dimensions, so not for biases and scales. */
  readonly decays?: boolean;
  /** Whether training may keep the matrix turned, since it is only read by `affine`; default false. */
  readonly mayTurn?: boolean;
}

/** What a layer may ask for while it adds its operators. */
export interface BuildContext {
  readonly g: GraphBuilder;
  /** Whether the graph is for training: Dropout drops then, and BatchNormalization takes the batch's statistics. */
  readonly training: boolean;
  /** Whether the layer, or one around it, has `trainable: false`. */
  readonly frozen: boolean;
  /** A weight of this layer, float32. Asked for again under the same name, by a shared layer, it is the same tensor. */
  weight(name: string, shape: readonly number[], options?: WeightOptions): Value;
  /** A tensor of this layer that training keeps from step to step without a gradient, such as a running mean. */
  state(name: string, shape: readonly number[], options?: Pick<WeightOptions, "initializer" | "values">): Value;
  /** Gives a state its value after this step; in a training graph only. */
  update(state: Value, next: Value): void;
  /** Adds a scalar to the loss; in a training graph only. */
  addLoss(loss: Value): void;
  /** New numbers in every step, float32, at least 0 and less than 1; in a training graph only. */
  uniform(shape: readonly number[]): Value;
  /** New numbers in every step, of mean 0 and variance 1; in a training graph only. */
  normal(shape: readonly number[]): Value;
  /** Which places of a sequence count, bool [batch, time]; undefined where all do. */
  maskOf(value: Value): Value | undefined;
  setMask(value: Value, mask: Value): void;
  /** Says that rows of the batch bear on each other's results, so that no step may take the batch in parts. */
  mixRows(): void;
  /** Adds another layer's operators, such as that which Bidirectional wraps; its weights are named under this layer's. */
  call(layer: Layer, inputs: readonly Value[], name?: string): readonly Value[];
}

/** Where a layer's result comes from, in a network with several inputs, outputs or branches. */
export class Connection {
  /** Undefined for an input of the network. */
  readonly layer: Layer | undefined;
  readonly inputs: readonly Connection[];
  /** Which of the layer's results. */
  readonly index: number;
  readonly input: NetworkInput | undefined;

  /** @internal Use `layer.apply` and `nn.input`. */
  constructor(layer: Layer | undefined, inputs: readonly Connection[], index = 0, input?: NetworkInput) {
    this.layer = layer;
    this.inputs = inputs;
    this.index = index;
    this.input = input;
  }

  /**
   * Another of the layer's results, such as the last states of a recurrent one.
   *
   * @example const [y, h] = [0, 1].map((i) => nn.gru(8, { returnState: true }).apply(x).result(i));
   */
  result(index: number): Connection {
    return index === this.index ? this : new Connection(this.layer, this.inputs, index, this.input);
  }
}

/** What is fed: sizes of one row, without the batch. */
export interface NetworkInput {
  readonly name: string;
  /** Default: that of the column it is fed from. */
  readonly shape?: readonly Dim[] | undefined;
  /** Default: float32 for columns of floats and doubles, else the column's own. */
  readonly dtype?: ElementType | undefined;
}

/** A layer: its type, its parameters, and how it becomes operators. */
export class Layer implements Configured {
  readonly type: string;
  readonly params: Readonly<Record<string, unknown>>;
  readonly #build: (context: BuildContext, inputs: readonly Value[]) => Value | readonly Value[];
  readonly #label: string;
  /** Whether a mask of the input holds for the result too. */
  readonly keepsMask: boolean;

  constructor(definition: {
    readonly type: string;
    readonly params: Readonly<Record<string, unknown>>;
    readonly label: string;
    readonly keepsMask: boolean;
    readonly build: (context: BuildContext, inputs: readonly Value[]) => Value | readonly Value[];
  }) {
    this.type = definition.type;
    this.params = definition.params;
    this.#label = definition.label;
    this.#build = definition.build;
    this.keepsMask = definition.keepsMask;
  }

  /** As messages show it: `Dense(32)`. */
  get label(): string {
    return this.#label;
  }

  get trainable(): boolean {
    return this.params.trainable !== false;
  }

  /** Adds the layer's operators; networks call it through `BuildContext.call`. */
  build(context: BuildContext, inputs: readonly Value[]): readonly Value[] {
    const built = this.#build(context, inputs);
    return isList(built) ? built : [built];
  }

  /**
   * Connects the layer to results of others, for networks that are no chain. Applied several times, it shares its weights.
   *
   * @example
   * const a = nn.input({ name: "a", shape: [4] });
   * const network = nn.model({ inputs: [a], outputs: { y: nn.dense(1).apply(nn.dense(8).apply(a)) } });
   */
  apply(inputs: Connection | readonly Connection[]): Connection {
    const list = inputs instanceof Connection ? [inputs] : inputs;
    if (!Array.isArray(list) || list.length === 0 || !list.every((each) => each instanceof Connection)) {
      const advice = "apply it to nn.input({ ... }) or to what another layer's apply gave, or to a list of those";
      throw new ParamError(this.label, `it cannot be applied to ${String(inputs)}; ${advice}`);
    }
    return new Connection(this, list as readonly Connection[]);
  }
}

export const layers = new Kind<Layer>("layer");

/** Parameters that every layer has. */
const common = {
  name: optional(
    text("name of the layer, in summaries and in the names of its weights; default its type and a number"),
  ),
  trainable: boolean("whether training changes the layer's weights", { default: true }),
  lrMultiplier: number("factor of the learning rate for the layer's weights", { default: 1, min: 0 }),
};

export interface LayerDefinition<P extends ParamSpecs, K extends readonly (keyof P)[]> {
  /** As Keras has it. */
  readonly type: string;
  readonly params: P;
  /** Parameters that may be given without their names, in this order. */
  readonly positional?: K;
  /** Whether a mask of the input holds for the result too; default false. */
  readonly keepsMask?: boolean;
  build(context: BuildContext, inputs: readonly Value[], params: Values<P & typeof common>): Value | readonly Value[];
}

/**
 * Defines a type of layer: one record says its parameters and its operators, for training and for prediction.
 *
 * @example
 * export const scale = nn.defineLayer({
 *   type: "Scale",
 *   params: { start: params.number("first value of the factors", { default: 1 }) },
 *   positional: ["start"],
 *   build: ({ weight }, [x], { start }) =>
 *     x!.mul(weight("factors", [Number(x!.shape!.at(-1))], { initializer: nn.initializers.constant({ value: start }) })),
 * });
 */
export function defineLayer<const P extends ParamSpecs, const K extends readonly (keyof P)[] = readonly []>(
  definition: LayerDefinition<P, K>,
): Maker<Layer, P & typeof common, K> {
  const { type, positional = [] as unknown as K, keepsMask = false } = definition;
  return layers.define<P & typeof common, K>({
    type,
    specs: { ...definition.params, ...common },
    positional,
    make(params) {
      const given = params as Readonly<Record<string, unknown>>;
      const told = positional.filter((key) => given[String(key)] !== definition.params[key]?.default);
      const shown = told.map((key) => show(given[String(key)])).join(", ");
      return new Layer({
        type,
        params: given,
        label:
          given.name === undefined ? `${type}${shown === "" ? "" : `(${shown})`}` : `${type} "${String(given.name)}"`,
        keepsMask,
        build: (context, inputs) => definition.build(context, inputs, params),
      });
    },
  });
}

export type LayerInput<P extends ParamSpecs> = Input<P & typeof common>;

function show(value: unknown): string {
  if (value instanceof Layer) return value.label;
  return Array.isArray(value)
    ? `[${value.map(show).join(", ")}]`
    : typeof value === "function"
      ? "function"
      : String(value);
}

function isList(value: Value | readonly Value[]): value is readonly Value[] {
  return Array.isArray(value);
}
