/** @file frozenPart: what of a network gives the same in every epoch, so that it needs to run only once. */

import { GraphBuilder } from "../graph/graph-builder.js";
import type { Dim } from "../graph/types.js";
import type { Value } from "../graph/value.js";
import { shapeRules } from "../ops/infer.js";
import { buildNetwork } from "./build.js";
import type { Layer, NetworkInput } from "./layer.js";
import { Network } from "./network.js";
import { OnnxNetwork } from "./onnx.js";
import { splitFrozen } from "./onnx-split.js";

export interface FrozenPart {
  /** What stays as it is: run it once per row, as for prediction. */
  readonly frozen: Network;
  /** What is trained, on the results of `frozen`; its weights have the names that they have in the whole network. */
  readonly rest: Network;
}

interface Step {
  readonly layer: Layer;
  /** Its place in the names of weights. */
  readonly path: string;
}

/**
 * Splits a chain before the first layer that training changes or that is random. The results of the first part can be kept
 * from epoch to epoch: the trick that makes transfer learning fast. Undefined where there is nothing worth keeping: the
 * network is no chain, or no weights lie in the part.
 *
 * @param shapes sizes of one row of each input, without the batch
 */
export function frozenPart(network: Network, shapes: readonly (readonly Dim[])[]): FrozenPart | undefined {
  const chain = network instanceof OnnxNetwork ? [network] : (network.params.layers as readonly Layer[] | undefined);
  if (chain === undefined || !network.trainable) return undefined;
  const steps: readonly Step[] = stepsOf(network, shapes);
  const g = new GraphBuilder({ rules: shapeRules() });
  let values: readonly Value[] = network.inputs.map(({ name, dtype }, i) =>
    g.input(name, dtype ?? "float32", [rows, ...(shapes[i] ?? [])]),
  );
  const done: Step[] = [];
  let weights = 0;
  for (const [i, step] of steps.entries()) {
    const found = inspect(g, step.layer, values);
    if (found.stays) {
      done.push(step);
      values = found.outputs;
      weights += found.weights;
      continue;
    }
    const parts = step.layer instanceof OnnxNetwork && step.layer.trainable ? splitFrozen(step.layer) : undefined;
    if (parts === undefined) {
      return weights === 0 ? undefined : { frozen: part(done, network), rest: part(steps.slice(i), values) };
    }
    const before = [...done, { layer: parts.frozen, path: step.path }];
    const after = [{ layer: parts.rest, path: step.path }, ...steps.slice(i + 1)];
    return { frozen: part(before, network), rest: part(after, inspect(g, parts.frozen, values).outputs) };
  }
  return undefined;
}

/** Any number of rows would do. */
const rows = 2;

function stepsOf(network: Network, shapes: readonly (readonly Dim[])[]): Step[] {
  const g = new GraphBuilder({ rules: shapeRules() });
  const xs = network.inputs.map(({ name, dtype }, i) =>
    g.input(name, dtype ?? "float32", [rows, ...(shapes[i] ?? [])]),
  );
  const steps: Step[] = [];
  buildNetwork(g, network, xs, {
    training: false,
    weight: ({ name, shape }) => g.bodyInput(name, "float32", shape),
    called: ({ layer, path }) => void steps.push({ layer, path }),
  });
  return steps;
}

/** Whether a layer gives the same for the same input at every step of training. */
function inspect(g: GraphBuilder, layer: Layer, inputs: readonly Value[]) {
  let stays = true;
  let weights = 0;
  const built = buildNetwork(g, layer, inputs, {
    training: true,
    weight({ name, shape, trainable }) {
      if (trainable) stays = false;
      weights++;
      return g.bodyInput(name, "float32", shape);
    },
    random(_, shape) {
      stays = false;
      return g.bodyInput("random", "float32", shape);
    },
  });
  // a mask would be lost on the way
  const carries = built.outputs.some((y) => built.maskOf(y) !== undefined);
  if (built.losses.length > 0 || built.updates.size > 0 || carries) stays = false;
  return { outputs: built.outputs, stays, weights };
}

/** Some of the steps as a network, of the whole one's inputs or of tensors between. */
function part(steps: readonly Step[], from: Network | readonly Value[]): Network {
  const inputs: readonly NetworkInput[] =
    from instanceof Network
      ? from.inputs
      : from.map(({ dtype, shape }, i) => ({
          name: from.length === 1 ? "features" : `features${i}`,
          dtype,
          shape: shape?.slice(1),
        }));
  const last = steps.at(-1)!.layer;
  return new Network({
    type: "Sequential",
    params: { layers: steps.map(({ layer }) => layer) },
    label: "Sequential",
    keepsMask: false,
    inputs,
    outputs: last instanceof Network ? last.outputs : ["output"],
    build: (context, xs) =>
      steps.reduce<readonly Value[]>((values, { layer, path }) => context.call(layer, values, path), xs),
  });
}
