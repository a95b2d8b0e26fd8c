/** @file A model loaded by ONNX Runtime in this thread: loading and running it, tensors in and out. */

import type { InferenceSession, Tensor as OrtTensor } from "onnxruntime-common";

import { type DeepframeError, GraphError, messageOf } from "../errors.js";
import { Tensor } from "../tensor/tensor.js";
import { currentPoolThread } from "./context.js";
import { chooseDevice, type Device, type RealDevice } from "./device.js";
import type { WireModel } from "./model-source.js";
import { native } from "./native.js";
import { uninterruptedAsync } from "./uninterrupted.js";
import { checkFeeds, checkFetches, copyOf, type Tensors, type ValueInfo } from "./values.js";

export interface Loaded {
  readonly session: InferenceSession;
  readonly device: RealDevice;
  readonly inputs: readonly ValueInfo[];
  readonly outputs: readonly ValueInfo[];
}

export interface LoadOptions {
  readonly name: string;
  readonly device: Device;
  readonly threads: number;
  /** See SessionOptions. */
  readonly fixedShapes: boolean;
  /** Start of the file name of the profile to write, when one is wanted. */
  readonly profile?: string;
}

let loads = 0;

/** Models loaded by this thread so far; for tests. */
export function countLoads(): number {
  return loads;
}

/** @throws GraphError when the runtime refuses the model; EngineError when the device is not there. */
export async function loadModel(model: WireModel, options: LoadOptions): Promise<Loaded> {
  const { name } = options;
  const { device, notice } = await chooseDevice(name, options.device);
  if (notice !== undefined) currentPoolThread()?.warn(notice);
  const { InferenceSession } = await native();
  const settings = sessionOptions(model, device, options);
  loads++;
  let session: InferenceSession;
  try {
    session = await uninterruptedAsync(() =>
      typeof model.content === "string"
        ? InferenceSession.create(model.content, settings)
        : InferenceSession.create(model.content.slice(), settings),
    );
  } catch (error) {
    throw failure(name, "cannot be loaded", error);
  }
  const inputs = session.inputMetadata.map((info) => valueInfo(name, info));
  const outputs = session.outputMetadata.map((info) => valueInfo(name, info));
  return { session, device, inputs, outputs };
}

/** @throws GraphError and ShapeError for feeds that do not fit; GraphError when the runtime fails. */
export async function runModel(
  name: string,
  { session, inputs, outputs }: Loaded,
  feeds: Tensors,
  fetches: readonly string[] = outputs.map((output) => output.name),
): Promise<Record<string, Tensor>> {
  checkFeeds(name, inputs, feeds);
  checkFetches(name, outputs, fetches);
  const ort = await native();
  const fed: Record<string, OrtTensor> = {};
  for (const input of inputs) {
    const tensor = feeds[input.name]!;
    const { dtype, shape } = tensor;
    fed[input.name] = new ort.Tensor(dtype as OrtTensor.Type, unshared(tensor) as OrtTensor.DataType, shape);
  }
  let results: InferenceSession.ReturnType;
  try {
    results = await uninterruptedAsync(() => session.run(fed, fetches, { logSeverityLevel: 4 }));
  } catch (error) {
    throw failure(name, "failed to run", error);
  }
  return Object.fromEntries(fetches.map((fetch) => [fetch, fromOrt(results[fetch] as OrtTensor)]));
}

function sessionOptions(
  model: WireModel,
  device: RealDevice,
  { threads, fixedShapes, profile }: LoadOptions,
): InferenceSession.SessionOptions {
  const external = Object.entries(model.externalData);
  return {
    executionProviders: [device],
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    executionMode: "sequential",
    graphOptimizationLevel: "all",
    // The arena makes runs a quarter faster; plans of memory per input shape are never freed, so varying shapes leak
    enableCpuMemArena: true,
    enableMemPattern: fixedShapes,
    logSeverityLevel: 4,
    ...(profile !== undefined && { enableProfiling: true, profileFilePrefix: profile }),
    // The binding does not take shared memory: the copy is garbage once the model is loaded
    ...(external.length > 0 && { externalData: external.map(([path, data]) => ({ path, data: data.slice() })) }),
  };
}

function valueInfo(model: string, info: InferenceSession.ValueMetadata): ValueInfo {
  if (!info.isTensor) {
    throw new GraphError(
      model,
      `"${info.name}" is a sequence, map or optional value; only tensors can be fed and fetched`,
    );
  }
  return {
    name: info.name,
    dtype: info.type as ValueInfo["dtype"],
    shape: info.shape.map((dim) => (dim === "" ? undefined : dim)),
  };
}

function fromOrt({ type, data, dims }: OrtTensor): Tensor {
  return new Tensor(type as ValueInfo["dtype"], data as Tensor["data"], dims);
}

/** The binding takes no shared memory. */
function unshared({ dtype, data }: Tensor): Tensor["data"] {
  return !Array.isArray(data) && data.buffer instanceof SharedArrayBuffer ? copyOf(dtype, data) : data;
}

/** The binding knows dtypes by number only. */
const bfloat16Advice = "(bfloat16); put a Cast to or from float32 into the graph";

/** Of Gather, as an Embedding is in a file; which takes numbers below 0 further down, out of every table. */
function noRow(_: string, row: string, rows: string, last: string): string {
  const found = row.startsWith("-") ? "a row below 0" : `row ${row}`;
  return `a table of ${rows} rows was asked for ${found}; the numbers that look up a row, as those of an Embedding, go from 0 to ${last}`;
}

function failure(model: string, what: string, error: unknown): DeepframeError {
  const reason = messageOf(error)
    .trim()
    .replace(/^(Unsupported data type: 16)$/, `$1 ${bfloat16Advice}`)
    .replace(
      /^.*indices element out of data bounds, idx=(-?\d+) must be within the inclusive range \[-(\d+),(\d+)\]$/s,
      noRow,
    );
  return new GraphError(model, `${what}: ${reason}`, { cause: error });
}
