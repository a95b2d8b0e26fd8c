/** @file Pretrained networks for pictures by name: where the file lies, and how pictures are fed to it. */

import { existsSync, readFileSync, statSync } from "node:fs";
import { fileURLToPath } from "node:url";

import { DataError, didYouMean, listNames, ParamError, type Who } from "../../errors.js";
import { findModelsWith } from "../../nn/onnx.js";
import { readAsset } from "../../runtime/load-asset.js";
import { Asset } from "../../util/asset.js";
import type { Param } from "../../util/params.js";
import { json } from "../../util/params.js";
import { cachedPath, download } from "../download.js";
import type { ChannelOrder } from "./pixels.js";
import type { Size } from "./preprocess.js";

/** A class of a classifier: its short name, and what else it is called. */
export interface Label {
  readonly class: string;
  readonly description: string;
}

/** A network that takes pictures, and everything that must be known to feed it. */
export interface ImageModel {
  readonly name: string;
  /** The ONNX file: in memory, a path, or an http(s) URL that is downloaded once (needs `sha256`). */
  readonly model: Asset | string;
  /** Of the file, in hex; checked after a download. */
  readonly sha256?: string | undefined;
  /** Height and width of the pictures it takes; others are stretched to it. */
  readonly size: Size;
  /** Default RGB. */
  readonly channels?: ChannelOrder | undefined;
  /** Default NCHW. */
  readonly layout?: "NCHW" | "NHWC" | undefined;
  /** What is subtracted from bytes of 0..255, one number or one per channel. */
  readonly mean: readonly number[];
  /** What is divided by afterwards. */
  readonly std: readonly number[];
  /** The tensor before the classifier: its name, and how many numbers it has per picture. */
  readonly features?: { readonly tensor: string; readonly length: number } | undefined;
  /** Scores per class; with `softmax: true` they are raw and become probabilities. */
  readonly scores?: { readonly tensor: string; readonly softmax: boolean } | undefined;
  /** One per score, in their order. */
  readonly labels?: readonly Label[] | undefined;
}

const models = new Map<string, () => ImageModel>();

/**
 * Makes a network known by its name, for ImageFeaturizer and ImagePredictor; a model of the same name is replaced.
 *
 * @throws ParamError where a field is missing or does not fit.
 * @example
 * registerModel({
 *   name: "my-net", model: "models/my-net.onnx", size: [224, 224], mean: [123.7, 116.3, 103.5], std: [58.4, 57.1, 57.4],
 *   features: { tensor: "pooled", length: 512 },
 * });
 */
export function registerModel(model: ImageModel): void {
  const problem = problemOf(model);
  if (problem !== undefined) throw new ParamError("registerModel", `${problem}; see ImageModel for the fields`);
  models.set(model.name, () => model);
}

// nn.fromOnnx("efficientnet-lite0") reads the same file
findModelsWith((name) => {
  const model = models.get(name);
  return model === undefined ? undefined : loadModel(model());
}, modelNames);

/** Names of the registered networks. */
export function modelNames(): string[] {
  return [...models.keys()];
}

/** The network of that name; a value that is no string is returned for the parameter's own check. @throws ParamError */
export function findModel<T>(model: T | string, who: Who): T | ImageModel {
  if (typeof model !== "string") return model;
  const found = models.get(model);
  if (found !== undefined) return found();
  const names = modelNames();
  const hint = didYouMean(model, names) || "; register it with registerModel() first";
  throw new ParamError(who, `no model ${JSON.stringify(model)} (there are ${listNames(names)})${hint}`, {
    code: "NO_MODEL",
    param: "model",
    models: names,
  });
}

/**
 * The network's file, downloaded first where it is a URL that the cache lacks.
 *
 * @throws DataError where it cannot be read or downloaded, or its hash differs.
 */
export async function loadModel({ name, model, sha256 }: ImageModel): Promise<Asset> {
  if (model instanceof Asset) return model;
  const path = isUrl(model) ? await download(model, sha256!) : model;
  const kept = keptAsset(path);
  if (kept !== undefined) return kept;
  const asset = await readAsset(path);
  checkHash(name, asset, sha256);
  return keep(path, asset);
}

/** A network as a parameter: saved and sent to workers with its file, where that is on this machine. */
export function imageModel(doc: string, defaultName: string): Param<ImageModel | string, true> {
  const fits = (value: unknown) => typeof value === "string" || problemOf(value) === undefined;
  const expected = `one of ${listNames(modelNames())}, or an ImageModel`;
  return {
    ...json<ImageModel | string>(doc, expected, fits, { default: defaultName }),
    encode(value, assets) {
      if (typeof value === "string") return value;
      const asset = localAsset(value);
      if (asset === undefined) return value;
      assets.set(asset.sha256, asset);
      return { ...value, model: { $asset: asset.sha256 }, sha256: undefined };
    },
    decode(stored, read) {
      const { model } = stored as { model?: unknown };
      return typeof model === "object"
        ? { ...(stored as ImageModel), model: read.asset(model) }
        : (stored as ImageModel);
    },
  };
}

// files read once per thread, while they stay as they are
const files = new Map<string, { readonly asset: Asset; readonly changed: number }>();

function keptAsset(path: string): Asset | undefined {
  const kept = files.get(path);
  return kept !== undefined && kept.changed === statSync(path, { throwIfNoEntry: false })?.mtimeMs
    ? kept.asset
    : undefined;
}

function keep(path: string, asset: Asset): Asset {
  files.set(path, { asset, changed: statSync(path).mtimeMs });
  return asset;
}

/** The file's bytes where they need no download; read at once, since stages become data synchronously. */
function localAsset({ name, model, sha256 }: ImageModel): Asset | undefined {
  if (model instanceof Asset) return model;
  const path = isUrl(model) ? cachedPath(model, sha256!) : model;
  if (isUrl(model) && !existsSync(path)) return undefined;
  const kept = keptAsset(path);
  if (kept !== undefined) return kept;
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(path);
  } catch (cause) {
    throw new DataError(name, `cannot read its model file ${JSON.stringify(path)}`, { path, cause });
  }
  const asset = new Asset(bytes);
  checkHash(name, asset, sha256);
  return keep(path, asset);
}

function checkHash(name: string, { sha256 }: Asset, expected: string | undefined): void {
  if (expected === undefined || sha256 === expected) return;
  throw new DataError(name, `its model file has sha256 ${sha256}, expected ${expected}; get the file again`, {
    code: "HASH",
  });
}

function isUrl(model: string): boolean {
  return /^https?:/.test(model);
}

/** What is wrong with a description of a model, or undefined. */
function problemOf(value: unknown): string | undefined {
  if (typeof value !== "object" || value === null) return "a model must be an object";
  const { name, model, sha256, size, channels, mean, std, features, scores, labels } = value as Partial<ImageModel>;
  if (typeof name !== "string" || name === "") return "name must be a string";
  const isPlace = (typeof model === "string" && model !== "") || model instanceof Asset;
  if (!isPlace) return `model of "${name}" must be a path, a URL or an Asset`;
  if (typeof model === "string" && isUrl(model) && !/^[0-9a-f]{64}$/.test(sha256 ?? "")) {
    return `sha256 of "${name}" must be 64 hex digits, since its model is a URL`;
  }
  const isSize = Array.isArray(size) && size.length === 2 && size.every((n) => Number.isInteger(n) && n > 0);
  if (!isSize) return `size of "${name}" must be [height, width]`;
  const depths = channels === "L" ? [1] : [1, 3];
  const perChannel = (list: unknown) =>
    Array.isArray(list) && depths.includes(list.length) && list.every((n) => Number.isFinite(n));
  if (!perChannel(mean)) return `mean of "${name}" must be one number or one per channel, in a list`;
  if (!perChannel(std) || std!.includes(0)) return `std of "${name}" must be one number or one per channel, none 0`;
  if (features === undefined && scores === undefined) return `"${name}" must have features or scores`;
  if (features && !(features.length > 0)) return `features of "${name}" must be { tensor, length }`;
  if (labels !== undefined && !Array.isArray(labels)) return `labels of "${name}" must be a list`;
  return undefined;
}

/** The package's assets/models, three folders above this file in the package and four in a test build. */
function shipped(file: string): string {
  const paths = ["../../../", "../../../../"].map((up) =>
    fileURLToPath(new URL(`${up}assets/models/${file}`, import.meta.url)),
  );
  return paths.find((path) => existsSync(path)) ?? paths[0]!;
}

let imagenet: readonly Label[] | undefined;

models.set("efficientnet-lite0", () => {
  imagenet ??= JSON.parse(readFileSync(shipped("imagenet-1k.json"), "utf8")) as Label[];
  return {
    name: "efficientnet-lite0",
    model: shipped("efficientnet-lite0.onnx"),
    sha256: "4247c8808a93e78e525304a550f7d701cae5bd2386c579af3e42d09a1a444e4f",
    size: [224, 224],
    channels: "RGB",
    layout: "NCHW",
    mean: [127],
    std: [128],
    features: { tensor: "features", length: 1280 },
    scores: { tensor: "logits", softmax: true },
    labels: imagenet,
  };
});
