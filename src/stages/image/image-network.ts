/** @file A pretrained network with its preprocessing in front, from pixels to a tensor. */

import { GraphError, ParamError, type Who } from "../../errors.js";
import { Graph } from "../../graph/graph.js";
import { type Device, devices } from "../../runtime/device.js";
import { openSession, type Session } from "../../runtime/session.js";
import { Tensor } from "../../tensor/tensor.js";
import type { Asset } from "../../util/asset.js";
import { choice } from "../../util/params.js";
import { Scratch } from "../../util/scratch.js";
import { type ImageModel, loadModel } from "./models.js";
import { type Pixels, toChannels } from "./pixels.js";
import { planesGraph, preprocessingGraph } from "./preprocess.js";
import { resize, resizeToPlanes } from "./resize.js";

/** The parameter of stages that run a network. */
export const deviceParam = choice("where the network runs", devices, { default: "cpu" });

/**
 * The network cut at `tensor`, behind the preprocessing that its description asks for: `image`, uint8 pictures of any
 * size, to that tensor.
 *
 * @param isReady whether pictures come in the network's size already, and channel by channel where the network takes
 * them so
 * @throws GraphError where the file has no such tensor, or takes more than the picture.
 */
export function networkGraph(model: ImageModel, bytes: Uint8Array, tensor: string, isReady = false): Graph {
  const { name, size, channels = "RGB", layout = "NCHW", mean, std } = model;
  const network = Graph.fromBytes(bytes).cutAt([tensor]);
  const [input, ...others] = network.inputs;
  if (input === undefined || others.length > 0) {
    throw new GraphError(name, `expected a network with one input, got ${network.inputs.length}`);
  }
  const preprocessing =
    isReady && layout === "NCHW"
      ? planesGraph({ channels, mean, std })
      : preprocessingGraph({ resize: isReady ? undefined : size, channels, layout, mean, std });
  return preprocessing.append(network, { connect: { [input.name]: "pixels" } });
}

/**
 * Loads the network, to run on one picture at a time, which on a CPU is as fast as any number of them: the tensor's numbers
 * are those of `networkGraph`. A picture's pixels are not needed any more once the call has returned its promise.
 */
export async function openNetwork(
  model: ImageModel | string,
  tensor: string,
  length: number | undefined,
  device: Device,
  who: Who,
): Promise<(picture: Pixels) => Promise<Float32Array>> {
  if (typeof model === "string") throw new ParamError(who, `model ${JSON.stringify(model)} was not looked up`);
  const graph = keptGraph(model, await loadModel(model), tensor);
  const session: Session = await openSession(graph, { name: model.name, device });
  const order = model.channels === "L" ? "L" : "RGB"; // the graph itself turns RGB into BGR
  const [height, width] = model.size;
  const depth = order === "L" ? 1 : 3;
  const inPlanes = (model.layout ?? "NCHW") === "NCHW";
  const shape = inPlanes ? [depth, height, width] : [height, width, depth];
  const scratch = new Scratch();
  return async (picture) => {
    const pixels = scratch.take(height * width * depth);
    const flat = toChannels(picture, order);
    if (inPlanes) resizeToPlanes(flat, model.size, pixels);
    else pixels.set(resize(flat, model.size).data);
    const image = new Tensor("uint8", pixels, [1, ...shape]);
    const { data, dtype } = (await session.run({ image }))[tensor]!;
    scratch.give(pixels);
    if (!(data instanceof Float32Array) || (length !== undefined && data.length !== length)) {
      throw new GraphError(
        model.name,
        `expected ${length ?? "some"} float32 numbers of "${tensor}" per picture, got ${data.length} ${dtype}`,
      );
    }
    return data;
  };
}

// building and hashing takes 50 ms and more, and every pass over data opens its stages anew
const kept = new Map<string, Graph>();

function keptGraph(model: ImageModel, asset: Asset, tensor: string): Graph {
  const { size, channels, layout, mean, std } = model;
  const key = JSON.stringify([asset.sha256, tensor, size, channels, layout, mean, std]);
  const graph = kept.get(key) ?? networkGraph(model, asset.bytes, tensor, true);
  kept.delete(key);
  kept.set(key, graph);
  if (kept.size > 4) kept.delete(kept.keys().next().value!);
  return graph;
}
