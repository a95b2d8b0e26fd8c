/** @file A pretrained network with its preprocessing in front, from pixels to a tensor. */

import { GraphError, ParamError, type Who } from "../../errors.js";
import { Graph } from "../../graph/graph.js";
import { type Device, devices } from "../../runtime/device.js";
import { openSession, type Session } from "../../runtime/session.js";
import { Tensor } from "../../tensor/tensor.js";
import type { Asset } from "../../util/asset.js";
import { choice } from "../../util/params.js";
import { type ImageModel, loadModel } from "./models.js";
import { type Pixels, toChannels } from "./pixels.js";
import { preprocessingGraph } from "./preprocess.js";
import { resize } from "./resize.js";

/** The parameter of stages that run a network. */
export const deviceParam = choice("where the network runs", devices, { default: "cpu" });

/** Runs one picture of any size. On a CPU that is as fast per picture as a batch, and needs no equal sizes. */
export type RunPicture = (picture: Pixels) => Promise<Float32Array>;

/**
 * The network cut at `tensor`, behind the preprocessing that its description asks for: `image`, uint8 pictures of any
 * size, to that tensor.
 *
 * @param resized whether pictures come in the network's size already
 * @throws GraphError where the file has no such tensor, or takes more than the picture.
 */
export function networkGraph(model: ImageModel, bytes: Uint8Array, tensor: string, resized = false): Graph {
  const { name, size, channels = "RGB", layout = "NCHW", mean, std } = model;
  const network = Graph.fromBytes(bytes).cutAt([tensor]);
  const [input, ...others] = network.inputs;
  if (input === undefined || others.length > 0) {
    throw new GraphError(name, `expected a network with one input, got ${network.inputs.length}`);
  }
  const preprocessing = preprocessingGraph({ resize: resized ? undefined : size, channels, layout, mean, std });
  return preprocessing.append(network, { connect: { [input.name]: "pixels" } });
}

/** Loads the network; the function feeds it pictures and gives the tensor's numbers, as `networkGraph` would. */
export async function openNetwork(
  model: ImageModel | string,
  tensor: string,
  length: number | undefined,
  device: Device,
  who: Who,
): Promise<RunPicture> {
  if (typeof model === "string") throw new ParamError(who, `model ${JSON.stringify(model)} was not looked up`);
  const graph = keptGraph(model, await loadModel(model), tensor);
  const session: Session = await openSession(graph, { name: model.name, device });
  const order = model.channels === "L" ? "L" : "RGB"; // the graph itself turns RGB into BGR
  return async (picture) => {
    const { data, height, width, channels } = resize(toChannels(picture, order), model.size);
    const image = new Tensor("uint8", data, [1, height, width, channels]);
    const result = (await session.run({ image }))[tensor]!;
    if (!(result.data instanceof Float32Array) || (length !== undefined && result.size !== length)) {
      throw new GraphError(
        model.name,
        `expected ${length ?? "some"} float32 numbers of "${tensor}" per picture, got ${result.size} ${result.dtype}`,
      );
    }
    return result.data;
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
