/** @file frozenPart: what of a network gives the same in every epoch, so that it needs to run only once. */

import { GraphBuilder } from "../graph/graph-builder.js";
import type { Dim } from "../graph/types.js";
import type { Value } from "../graph/value.js";
import { shapeRules } from "../ops/infer.js";
import { buildNetwork } from "./build.js";
import { cutBefore, type Maker } from "./cut.js";
import type { BuildContext, Layer, NetworkInput } from "./layer.js";
import { Network } from "./network.js";
import { OnnxNetwork } from "./onnx.js";
import { type OnnxParts, splitFrozen } from "./onnx-split.js";

export interface FrozenPart {
  /** What stays as it is: run it once per row, as for prediction. */
  readonly frozen: Network;
  /**
   * What is trained, on the results of `frozen` and then on inputs of the whole network; its weights have the names that they
   * have in the whole network.
   */
  readonly rest: Network;
  /** Which inputs of the whole network `rest` reads, by number. */
  readonly through: readonly number[];
}

/** A layer that is applied, in the order in which that is done. */
interface Step extends Maker {
  readonly layer: Layer;
  /** Its place in the names of weights. */
  readonly path: string;
  readonly isTrained: boolean;
  readonly isFrozen: boolean;
}

/**
 * Splits a network before the layers that training changes or that are random. The results of the first part can be kept
 * from epoch to epoch: the trick that makes transfer learning fast. Undefined where there is nothing worth keeping, as no
 * weights lie in the part.
 *
 * @param shapes sizes of one row of each input, without the batch
 */
export function frozenPart(network: Network, shapes: readonly (readonly Dim[])[]): FrozenPart | undefined {
  if (!network.trainable) return undefined;
  const { steps, results, tensors } = traced(network, shapes);
  const cut = cutBefore({
    makers: steps,
    inputs: new Set(network.inputs.map((_, i) => inputName(i))),
    results,
    isTrained: (step) => step.isTrained,
    isFrozen: (step) => step.isFrozen,
    isPerRow: (name) => tensors.get(name)!.value.dtype !== undefined,
  });
  if (cut.between.length === 0) return undefined;
  const { before, between, after } = cut;
  const through = cut.through.map((name) => network.inputs.findIndex((_, i) => inputName(i) === name));
  const inputs: NetworkInput[] = [];
  const add = ({ dtype, shape }: Value) =>
    inputs.push({ name: `frozen/${inputs.length}`, dtype, shape: shape?.slice(1) }) - 1;
  /** Places of the tensors, and of their masks, among the results. */
  const places = between.map((name) => {
    const { value, mask } = tensors.get(name)!;
    return { name, value: add(value), mask: mask && add(mask) };
  });
  const common = { type: "Sequential", label: "Sequential", keepsMask: false };
  // a model of a file is one of the steps itself
  const { lrMultiplier = 1 } = network instanceof OnnxNetwork ? {} : network.params;
  const paramsOf = (own: readonly Step[]) => ({ lrMultiplier, layers: own.map(({ layer }) => layer) });
  return {
    through,
    frozen: new Network({
      ...{ ...common, params: paramsOf(before), inputs: network.inputs, outputs: inputs.map(({ name }) => name) },
      build(context, xs) {
        const values = new Map(xs.map((x, i) => [inputName(i), x]));
        apply(context, before, values);
        return places.flatMap(({ name, mask }) => {
          const value = values.get(name)!;
          return mask === undefined ? [value] : [value, context.maskOf(value)!];
        });
      },
    }),
    rest: new Network({
      ...{ ...common, params: paramsOf(after), outputs: network.outputs },
      inputs: [...inputs, ...through.map((i) => network.inputs[i]!)],
      build(context, xs) {
        const values = new Map(through.map((i, at) => [inputName(i), xs[inputs.length + at]!]));
        for (const { name, value, mask } of places) {
          values.set(name, xs[value]!);
          if (mask !== undefined) context.setMask(xs[value]!, xs[mask]!);
        }
        apply(context, after, values);
        return results.map((name) => values.get(name)!);
      },
    }),
  };
}

/** Adds the steps to a graph, and what they make to the values. */
function apply(context: BuildContext, steps: readonly Step[], values: Map<string, Value>): void {
  for (const { layer, path, reads, makes } of steps) {
    const made = context.call(
      layer,
      reads.map((name) => values.get(name)!),
      path,
    );
    for (const [i, name] of makes.entries()) values.set(name, made[i]!);
  }
}

const inputName = (number: number) => `input ${number}`;

/** Any number of rows would do. */
const rows = 2;

/** The layers as they are applied in training, and the tensors between them by names that differ, even where a layer gives what it is fed. */
function traced(network: Network, shapes: readonly (readonly Dim[])[]) {
  const g = new GraphBuilder({ rules: shapeRules() });
  const fed = network.inputs.map(({ name, dtype }, i) =>
    g.input(name, dtype ?? "float32", [rows, ...(shapes[i] ?? [])]),
  );
  const calls: { layer: Layer; path: string; inputs: readonly Value[]; outputs: readonly Value[] }[] = [];
  const built = buildNetwork(g, network, fed, {
    training: true,
    weight: ({ name, shape }) => g.bodyInput(name, "float32", shape),
    random: (_, shape) => g.bodyInput("random", "float32", shape),
    called: (call) => void calls.push(call),
  });
  const tensors = new Map<string, { readonly value: Value; readonly mask: Value | undefined }>();
  const names = new Map<string, string>();
  const name = (value: Value, as: string): string => {
    names.set(value.name, as);
    tensors.set(as, { value, mask: built.maskOf(value) });
    return as;
  };
  for (const [i, value] of fed.entries()) name(value, inputName(i));
  const trained = new Set<string>();
  const applied = calls.map(({ layer, path, inputs, outputs }, number) => {
    const reads = inputs.map((value) => names.get(value.name)!);
    const makes = outputs.map((value, i) => name(value, `${number} ${i}`));
    // what comes after training need not be looked at
    const isLate = reads.some((read) => trained.has(read));
    const found = isLate ? { isTrained: true, isFrozen: false } : inspect(g, layer, inputs, built.maskOf);
    if (found.isTrained) for (const make of makes) trained.add(make);
    return { layer, path, reads, makes, inputs, isLate, isTrained: found.isTrained, isFrozen: found.isFrozen };
  });
  const results = built.outputs.map((value) => names.get(value.name)!);
  const splits = new Map<Layer, OnnxParts | undefined>();
  for (const { layer, isTrained } of applied) {
    const isInside = isTrained && layer instanceof OnnxNetwork && layer.trainable;
    const isEarly = applied.every((other) => other.layer !== layer || !other.isLate);
    if (isInside && isEarly && !splits.has(layer)) splits.set(layer, splitFrozen(layer));
  }
  const steps = applied.flatMap(({ inputs, isLate, ...step }, number): Step[] => {
    const parts = splits.get(step.layer);
    if (parts === undefined) return [step];
    const between = inspect(g, parts.frozen, inputs, built.maskOf).outputs.map((value, i) =>
      name(value, `${number} between ${i}`),
    );
    const read = [...between, ...parts.through.map((i) => step.reads[i]!)];
    return [
      { layer: parts.frozen, path: step.path, reads: step.reads, makes: between, isTrained: false, isFrozen: true },
      { ...step, layer: parts.rest, reads: read, isFrozen: false },
    ];
  });
  return { steps, tensors, results };
}

/** Whether a layer gives the same for the same input at every step of training, and whether it has weights that stay. */
function inspect(g: GraphBuilder, layer: Layer, inputs: readonly Value[], maskOf: (value: Value) => Value | undefined) {
  let isTrained = false;
  let isFrozen = false;
  const built = buildNetwork(g, layer, inputs, {
    training: true,
    masks: inputs.map(maskOf),
    weight({ name, shape, trainable }) {
      if (trainable) isTrained = true;
      else isFrozen = true;
      return g.bodyInput(name, "float32", shape);
    },
    random(_, shape) {
      isTrained = true;
      return g.bodyInput("random", "float32", shape);
    },
  });
  if (built.losses.length > 0 || built.updates.size > 0) isTrained = true;
  return { outputs: built.outputs, isTrained, isFrozen };
}
