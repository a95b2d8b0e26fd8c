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

/** Pictures of any size are made ready one by one, then run together. */
export interface PictureRun {
  /** Takes a picture in; its pixels may be overwritten afterwards. */
  add(picture: Pixels): void;
  /** The tensor's numbers of all pictures that were added, in order. */
  results(): Promise<Float32Array[]>;
}

/**
 * Pictures in one run of the network: on a CPU two take a fiftieth less time than one after the other, more of them no
 * less; and decoding all of a task's pictures first leaves the processor's caches to the network.
 */
const picturesPerRun = 2;

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

/** Loads the network; each call of the function begins a batch of pictures. Numbers are those of `networkGraph`. */
export async function openNetwork(
  model: ImageModel | string,
  tensor: string,
  length: number | undefined,
  device: Device,
  who: Who,
): Promise<(rows: number) => PictureRun> {
  if (typeof model === "string") throw new ParamError(who, `model ${JSON.stringify(model)} was not looked up`);
  const graph = keptGraph(model, await loadModel(model), tensor);
  const session: Session = await openSession(graph, { name: model.name, device });
  const order = model.channels === "L" ? "L" : "RGB"; // the graph itself turns RGB into BGR
  const [height, width] = model.size;
  const depth = order === "L" ? 1 : 3;
  const inPlanes = (model.layout ?? "NCHW") === "NCHW";
  const shape = inPlanes ? [depth, height, width] : [height, width, depth];
  const size = height * width * depth;
  const run = async (pixels: Uint8Array): Promise<Float32Array[]> => {
    const count = pixels.length / size;
    const image = new Tensor("uint8", pixels, [count, ...shape]);
    const { data, dtype } = (await session.run({ image }))[tensor]!;
    if (!(data instanceof Float32Array) || (length !== undefined && data.length !== count * length)) {
      throw new GraphError(
        model.name,
        `expected ${length ?? "some"} float32 numbers of "${tensor}" per picture, got ${data.length / count} ${dtype}`,
      );
    }
    const each = data.length / count;
    return Array.from({ length: count }, (_, i) => data.subarray(i * each, (i + 1) * each));
  };
  const scratch = new Scratch();
  return (rows) => {
    const pixels = scratch.take(rows * size);
    let added = 0;
    return {
      add(picture) {
        const place = pixels.subarray(size * added, size * ++added);
        const flat = toChannels(picture, order);
        if (inPlanes) resizeToPlanes(flat, model.size, place);
        else place.set(resize(flat, model.size).data);
      },
      async results() {
        const found: Float32Array[] = [];
        for (let from = 0; from < added; from += picturesPerRun) {
          const to = Math.min(added, from + picturesPerRun);
          found.push(...(await run(pixels.subarray(from * size, to * size))));
        }
        scratch.give(pixels);
        return found;
      },
    };
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
