/** @file build: a network becomes operators of a graph; its weights come from whoever asks for it. */

import { internal, ShapeError } from "../errors.js";
import type { GraphBuilder } from "../graph/graph-builder.js";
import type { Value } from "../graph/value.js";
import { Tensor } from "../tensor/tensor.js";
import { Random } from "../util/random.js";
import { type Initializer, initializers, initialValues } from "./initializers.js";
import type { BuildContext, Layer, WeightOptions } from "./layer.js";

/** A weight or state of a network. */
export interface WeightSpec {
  /** Path of layer names and the weight's own: `dense_1/kernel`. */
  readonly name: string;
  readonly shape: readonly number[];
  /** False for states such as running means, and for weights that are frozen. */
  readonly trainable: boolean;
  readonly decays: boolean;
  readonly lrMultiplier: number;
  /** See WeightOptions; never with a regularizer, which reads it as it is. */
  readonly mayTurn: boolean;
  /** The first values; the same for one seed whatever else is in the network. */
  initial(seed: number): Tensor<"float32">;
}

export interface BuildOptions {
  readonly training: boolean;
  /** The tensor that stands for a weight. */
  weight(spec: WeightSpec): Value;
  /** Random numbers of a training step. */
  random?(kind: "uniform" | "normal", shape: readonly number[]): Value;
  /** Told of each layer of the network itself, once its operators are there; not of layers inside those. */
  called?(call: Call): void;
  /** Which places of each input count, bool [batch, time]. */
  readonly masks?: readonly (Value | undefined)[];
}

/** A layer that was applied. */
export interface Call {
  readonly layer: Layer;
  /** What the names of its weights begin with. */
  readonly path: string;
  readonly inputs: readonly Value[];
  readonly outputs: readonly Value[];
}

export interface Built {
  readonly outputs: readonly Value[];
  /** Scalars to be added to the loss: penalties on weights and results. */
  readonly losses: readonly Value[];
  /** Next values of states, by the states' names. */
  readonly updates: ReadonlyMap<string, Value>;
  readonly maskOf: (value: Value) => Value | undefined;
  /** Whether rows of the batch bear on each other's results. */
  readonly mixesRows: boolean;
}

/** Adds a network's operators to a graph. @throws ShapeError where layers do not fit each other, naming both. */
export function buildNetwork(g: GraphBuilder, network: Layer, inputs: readonly Value[], options: BuildOptions): Built {
  const losses: Value[] = [];
  const updates = new Map<string, Value>();
  const names = new Map<string, string>();
  const masks = new Map<string, Value>();
  const paths = new Map<Layer, string>();
  const taken = new Map<string, number>();
  const made = new Map<string, Value>();
  const makers = new Map<string, Layer>();
  let mixesRows = false;
  for (const [i, mask] of options.masks?.entries() ?? []) if (mask !== undefined) masks.set(inputs[i]!.name, mask);

  const pathOf = (layer: Layer, under: string, given: string | undefined): string => {
    const known = paths.get(layer);
    if (known !== undefined) return known;
    const base = `${under}${given ?? layer.params.name ?? snake(layer.type)}`;
    const count = taken.get(base) ?? 0;
    taken.set(base, count + 1);
    const path = count === 0 ? base : `${base}_${count}`;
    paths.set(layer, path);
    return path;
  };

  const contextOf = (layer: Layer, path: string, frozen: boolean, rate: number): BuildContext => {
    const under = path === "" ? "" : `${path}/`;
    const isFrozen = frozen || !layer.trainable;
    const lrMultiplier = rate * ((layer.params.lrMultiplier as number | undefined) ?? 1);
    const tensorOf = (name: string, shape: readonly number[], given: WeightOptions, trainable: boolean): Value => {
      const full = `${under}${name}`;
      const known = made.get(full);
      if (known !== undefined) return known;
      const spec: WeightSpec = {
        name: full,
        shape,
        trainable,
        decays: given.decays ?? shape.length > 1,
        lrMultiplier: lrMultiplier * (given.lrMultiplier ?? 1),
        mayTurn: given.mayTurn === true && given.regularizer === undefined,
        initial: (seed) => firstValues(full, shape, given, seed),
      };
      const value = g.unscoped(() => options.weight(spec));
      made.set(full, value);
      names.set(value.name, full);
      if (trainable && options.training && given.regularizer !== undefined) {
        losses.push(given.regularizer.penalty(value));
      }
      return value;
    };
    return {
      g,
      training: options.training,
      frozen: isFrozen,
      weight: (name, shape, given = {}) => tensorOf(name, shape, given, (given.trainable ?? true) && !isFrozen),
      state: (name, shape, given = {}) => tensorOf(name, shape, { initializer: "zeros", ...given }, false),
      update(state, next) {
        if (options.training && !isFrozen) updates.set(names.get(state.name) ?? state.name, next);
      },
      addLoss: (loss) => void losses.push(loss),
      uniform: (shape) => randomOf("uniform", shape),
      normal: (shape) => randomOf("normal", shape),
      maskOf: (value) => masks.get(value.name),
      setMask: (value, mask) => void masks.set(value.name, mask),
      mixRows() {
        mixesRows = true;
      },
      call: (inner, xs, name) => {
        const innerPath = pathOf(inner, under, name);
        const ys = g.scope(innerPath.slice(under.length), () => {
          try {
            return inner.build(contextOf(inner, innerPath, isFrozen, lrMultiplier), xs);
          } catch (error) {
            throw placed(error, inner, xs, makers);
          }
        });
        for (const y of ys) if (!makers.has(y.name)) makers.set(y.name, inner);
        if (path === "") options.called?.({ layer: inner, path: innerPath, inputs: xs, outputs: ys });
        const mask = inner.keepsMask ? xs.map((x) => masks.get(x.name)).find((each) => each !== undefined) : undefined;
        if (mask !== undefined) for (const y of ys) if (!masks.has(y.name)) masks.set(y.name, mask);
        return ys;
      },
    };
  };

  const randomOf = (kind: "uniform" | "normal", shape: readonly number[]): Value => {
    if (options.random === undefined) throw internal("a layer asks for random numbers outside training");
    return options.random(kind, shape);
  };

  // a single layer is called as one of a network is, so that its weights and errors carry its name
  const whole = contextOf(network, "", false, 1);
  const isChain = network.type === "Sequential" || network.type === "Model";
  const outputs = isChain ? network.build(whole, inputs) : whole.call(network, inputs);
  return { outputs, losses, updates, maskOf: (value) => masks.get(value.name), mixesRows };
}

/** A ShapeError that says which layer does not fit, and after which other one. */
function placed(error: unknown, layer: Layer, inputs: readonly Value[], makers: ReadonlyMap<string, Layer>): unknown {
  if (!(error instanceof ShapeError) || error.fields.layer !== undefined) return error;
  const before = inputs.flatMap((x) => makers.get(x.name)?.label ?? []);
  const own = `${layer.type}: `;
  const message = error.message.startsWith(own) ? error.message.slice(own.length) : error.message;
  const who = before.length === 0 ? layer.label : `${layer.label} after ${before.join(" and ")}`;
  return new ShapeError(who, message, { ...error.fields, layer: layer.label, cause: error });
}

function firstValues(
  name: string,
  shape: readonly number[],
  { values, initializer = "glorotUniform", fans }: WeightOptions,
  seed: number,
): Tensor<"float32"> {
  if (values !== undefined) return new Tensor("float32", values, shape);
  const [fanIn = 1, fanOut = fanIn] = shape;
  const given: Initializer = initializers.of(initializer, name);
  return initialValues(given, shape, fans ?? { fanIn, fanOut }, new Random(seed, name));
}

/** `MaxPooling2D` as `max_pooling2d`, as Keras names layers. */
function snake(type: string): string {
  return type
    .replaceAll(/(.)([A-Z][a-z]+)/g, "$1_$2")
    .replaceAll(/([a-z])([A-Z])/g, "$1_$2")
    .toLowerCase();
}
