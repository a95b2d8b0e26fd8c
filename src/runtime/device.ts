/** @file Devices that can run models: which exist, why the others do not, what "auto" means here. */

import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

import { EngineError, messageOf } from "../errors.js";
import { native } from "./native.js";
import { uninterruptedAsync } from "./uninterrupted.js";

/** Where a model runs. "auto" is the first of the platform's accelerators that works, else the CPU. */
export const devices = ["cpu", "cuda", "webgpu", "coreml", "dml", "auto"] as const;

export type Device = (typeof devices)[number];

export type RealDevice = Exclude<Device, "auto">;

/** The order in which "auto" tries them, by platform. */
const accelerators: Partial<Record<NodeJS.Platform, readonly RealDevice[]>> = {
  linux: ["cuda", "webgpu"],
  darwin: ["coreml", "webgpu"],
  win32: ["dml", "webgpu"],
};

/** y = Identity(x), float32 [1], opset 13: loading it shows whether a device works. */
const smallestModel = Buffer.from(
  "CAk6NwoQCgF4EgF5IghJZGVudGl0eRIBZ1oPCgF4EgoKCAgBEgQKAggBYg8KAXkSCgoICAESBAoCCAFCAhAN",
  "base64",
);

const missing = new Map<RealDevice, Promise<string | undefined>>();

/** Why a device cannot be used in this thread's process; undefined when it can. Found out once per thread. */
export function whyMissing(device: RealDevice): Promise<string | undefined> {
  let why = missing.get(device);
  if (!why) {
    why = probe(device);
    missing.set(device, why);
  }
  return why;
}

/**
 * The device to use, and for "auto" on the CPU the reasons.
 *
 * @throws EngineError when an explicit device cannot be used.
 */
export async function chooseDevice(who: string, device: Device): Promise<{ device: RealDevice; notice?: string }> {
  if (device === "cpu") return { device };
  if (device === "auto") {
    const reasons: string[] = [];
    for (const candidate of accelerators[process.platform] ?? []) {
      const why = noGpu(candidate) ?? (await whyMissing(candidate));
      if (why === undefined) return { device: candidate };
      reasons.push(`${candidate}: ${why}`);
    }
    return { device: "cpu", notice: `device "auto" uses the CPU here (${reasons.join("; ")})` };
  }
  const why = await whyMissing(device);
  if (why === undefined) return { device };
  const found: string[] = [];
  for (const name of accelerators[process.platform] ?? []) {
    if (name !== device && noGpu(name) === undefined && (await whyMissing(name)) === undefined) found.push(`"${name}"`);
  }
  const exist = [`"cpu"`, ...found].join(", ");
  throw new EngineError(who, `device "${device}" cannot be used: ${why}; this machine has ${exist}`, {
    code: "DEVICE_MISSING",
    device,
  });
}

async function probe(device: RealDevice): Promise<string | undefined> {
  const { InferenceSession, listSupportedBackends } = await native();
  const backend = listSupportedBackends().find(({ name }) => name === device);
  if (!backend) return `ONNX Runtime has no such device on ${process.platform} ${process.arch}`;
  if (device === "cuda" && !cudaInstalled()) return "onnxruntime-node's CUDA libraries are not installed";
  try {
    await uninterruptedAsync(async () => {
      const session = await InferenceSession.create(smallestModel, {
        executionProviders: [device],
        logSeverityLevel: 4,
      });
      await session.release();
    });
    return undefined;
  } catch (error) {
    // The runtime puts its source file and condition before the reason
    return messageOf(error).trim().split("was false. ").at(-1);
  }
}

/** "auto" does not try WebGPU where Linux shows no GPU: the attempt writes to stderr and a software GPU is no gain. */
function noGpu(device: RealDevice): string | undefined {
  if (device !== "webgpu" || process.platform !== "linux") return undefined;
  return existsSync("/dev/dri") || existsSync("/dev/nvidia0") ? undefined : "no GPU found";
}

function cudaInstalled(): boolean {
  const dist = dirname(createRequire(import.meta.url).resolve("onnxruntime-node"));
  const folder = join(dist, "..", "bin", "napi-v6", process.platform, process.arch);
  return existsSync(
    join(folder, process.platform === "win32" ? "onnxruntime_providers_cuda.dll" : "libonnxruntime_providers_cuda.so"),
  );
}
