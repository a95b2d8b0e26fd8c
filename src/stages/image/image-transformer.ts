/** @file ImageTransformer: pictures to float tensors, resized, cropped, augmented and normalised. */

import { tensorColumn, withColumns } from "../../data/columns.js";
import type { Schema } from "../../data/schema.js";
import { tensorOf } from "../../data/types.js";
import { DataError, ParamError } from "../../errors.js";
import { type BatchFunction, type StageContext, Transformer } from "../../pipeline/stage.js";
import { openSession } from "../../runtime/session.js";
import { sizeOf } from "../../tensor/shape.js";
import { Tensor } from "../../tensor/tensor.js";
import { boolean, choice, defineParams, type Input, integer, json, numbers, optional } from "../../util/params.js";
import { addPictureColumn, mapPictures, pictureParams, picturesPerTask } from "./picture-column.js";
import { type Pixels, toChannels } from "./pixels.js";
import { outputShape, type Preprocessing, preprocessingGraph, type Size } from "./preprocess.js";
import { resize } from "./resize.js";

/** How far each property may be scaled: 0.4 draws factors from 0.6 to 1.4. */
export interface ColorJitter {
  readonly brightness?: number;
  readonly contrast?: number;
  readonly saturation?: number;
}

const jitterNames = ["brightness", "contrast", "saturation"] as const;

const params = defineParams({
  ...pictureParams,
  resize: optional(
    json<Size | number>(
      "size the picture is stretched to, or its shorter side's with the shape kept; bilinear with antialiasing",
      "[height, width] or one number, whole numbers of at least 1",
      (value) => isLength(value) || isSize(value),
    ),
  ),
  centerCrop: optional(size("size of the middle that is kept after resizing")),
  randomCrop: optional(size("size of a window at a random place that is kept after resizing")),
  flip: boolean("mirrors every second picture, by chance, left to right", { default: false }),
  colorJitter: optional(
    json<ColorJitter>(
      "random changes of brightness, contrast and saturation, in this order",
      "an object of brightness, contrast and saturation, each a number of at least 0",
      isColorJitter,
    ),
  ),
  mean: numbers("subtracted, on the 0..255 scale: one number, or one per channel", { default: [0] }),
  std: numbers("divided by afterwards: one number, or one per channel", { default: [1] }),
  layout: choice("order of the tensor's dimensions", ["NCHW", "NHWC"], { default: "NCHW" }),
  channels: choice("channels of the tensor and their order", ["RGB", "BGR", "L"], { default: "RGB" }),
  seed: integer("what the random changes follow from", { default: 0 }),
});

/**
 * Turns pictures into float32 tensors of one shape: resize, crop, flip, colour jitter, (x - mean) / std, in that order,
 * as one ONNX graph. With one number, `resize` keeps the picture's shape, and a crop must follow. Random changes depend on
 * the seed and the picture's bytes alone, so neither batches nor engines change them; take another seed for another draw.
 *
 * @throws ParamError where no size is set or sizes do not fit; DataError for a picture that cannot be read or is smaller
 * than its crop, unless `onError` is "null".
 * @example
 * new ImageTransformer({
 *   inputCol: "image", outputCol: "pixels", resize: 256, centerCrop: [224, 224],
 *   mean: [123.675, 116.28, 103.53], std: [58.395, 57.12, 57.375],
 * });
 */
export class ImageTransformer extends Transformer<typeof params> {
  static readonly specs = params;

  constructor(values: Input<typeof params>) {
    super(params, values);
    const { resize, centerCrop, randomCrop, channels, mean, std } = this.params;
    const depth = channels === "L" ? 1 : 3;
    for (const [name, list] of Object.entries({ mean, std })) {
      if (list.length === 1 || list.length === depth) continue;
      throw new ParamError(this, `${name} must have 1 number or ${depth} (channels "${channels}"), got ${list.length}`);
    }
    if (std.includes(0)) throw new ParamError(this, "std must not hold 0");
    this.#shape();
    const fits = (outer: Size | undefined, inner: Size | undefined) =>
      outer === undefined || inner === undefined || (inner[0] <= outer[0] && inner[1] <= outer[1]);
    const smallest: Size | undefined = typeof resize === "number" ? [resize, resize] : resize;
    if (!fits(smallest, centerCrop) || !fits(centerCrop ?? smallest, randomCrop)) {
      throw new ParamError(this, "a crop must not be larger than what it is taken from; change resize or the crop");
    }
  }

  override get rowsPerTask(): number {
    return picturesPerTask;
  }

  transformSchema(schema: Schema): Schema {
    return addPictureColumn(schema, this.params, tensorOf("float", this.#shape()), this);
  }

  async open(_schema: Schema, context: StageContext): Promise<BatchFunction> {
    const shape = this.#shape();
    const count = sizeOf(shape);
    // resizing is done ahead of the graph, to the same bytes as in it
    const session = await openSession(preprocessingGraph({ ...this.#preprocessing(), resize: undefined }), {
      name: this.name,
    });
    return async (batch) => {
      const pixels = new Float32Array(batch.numRows * count);
      const { valid, errors } = await mapPictures(batch, this.params, this, context, async (picture, at) => {
        this.#checkSize(picture);
        const flat = toChannels(picture, this.params.channels === "L" ? "L" : "RGB");
        const sized = this.params.resize ? resize(flat, stretched(this.params.resize, flat)) : flat;
        const image = new Tensor("uint8", sized.data, [1, sized.height, sized.width, sized.channels]);
        const result = await session.run({ image, ...this.#draw(sized, at.key) });
        pixels.set(result.pixels!.data as Float32Array, at.row * count);
      });
      return withColumns(batch, { [this.params.outputCol]: tensorColumn("float", shape, pixels, valid), ...errors });
    };
  }

  #preprocessing(): Preprocessing {
    const { resize, colorJitter, ...others } = this.params;
    return {
      ...others,
      resize: typeof resize === "number" ? undefined : resize,
      colorJitter: colorJitter !== undefined,
    };
  }

  #shape(): number[] {
    const shape = outputShape(this.#preprocessing());
    if (shape !== undefined) return shape;
    const { resize } = this.params;
    const mend =
      resize === undefined
        ? "resize, centerCrop or randomCrop to [height, width]"
        : `centerCrop or randomCrop beside resize: ${resize}, which keeps the picture's shape`;
    throw new ParamError(this, `the tensor needs a size: set ${mend}`);
  }

  #checkSize({ height, width }: Pixels): void {
    const { resize, centerCrop, randomCrop } = this.params;
    if (resize !== undefined) return;
    for (const crop of [centerCrop, randomCrop]) {
      if (crop === undefined || (crop[0] <= height && crop[1] <= width)) continue;
      throw new DataError(
        this,
        `its ${height} x ${width} pixels are fewer than the crop of ${crop.join(" x ")}; set resize`,
      );
    }
  }

  /** The graph's random inputs for one resized picture; drawn in a fixed order, whatever is asked for. */
  #draw({ height, width }: Pixels, key: () => number): Record<string, Tensor> {
    const { centerCrop, randomCrop, flip, colorJitter, seed } = this.params;
    if (randomCrop === undefined && !flip && colorJitter === undefined) return {};
    const random = randomNumbers(Math.imul(seed, 0x9e3779b1) ^ key());
    const [rows, columns] = centerCrop ?? [height, width];
    const place = [random(), random()];
    const mirrored = random() < 0.5;
    const factors = jitterNames.map((name) => 1 + (2 * random() - 1) * (colorJitter?.[name] ?? 0));
    const ints = (values: number[]) =>
      new Tensor(
        "int64",
        BigInt64Array.from(values, (x) => BigInt(Math.floor(x))),
      );
    return {
      ...(randomCrop && {
        crop: ints([place[0]! * (rows - randomCrop[0] + 1), place[1]! * (columns - randomCrop[1] + 1)]),
      }),
      ...(flip && { flip: ints([mirrored ? 1 : 0]) }),
      ...(colorJitter && {
        jitter: new Tensor(
          "float32",
          Float32Array.from(factors, (x) => Math.max(0, x)),
        ),
      }),
    };
  }
}

function size(doc: string) {
  return json<Size>(doc, "[height, width], whole numbers of at least 1", isSize);
}

function isSize(value: unknown): boolean {
  return Array.isArray(value) && value.length === 2 && value.every(isLength);
}

function isLength(value: unknown): boolean {
  return Number.isInteger(value) && (value as number) > 0;
}

/** The size a picture is stretched to; with one number as in torchvision, whose longer side is rounded down. */
function stretched(size: Size | number, { height, width }: Pixels): Size {
  if (typeof size !== "number") return size;
  const shorter = Math.min(height, width);
  return [Math.floor((size * height) / shorter), Math.floor((size * width) / shorter)];
}

function isColorJitter(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  return Object.entries(value).every(
    ([name, x]) => jitterNames.includes(name as "contrast") && Number.isFinite(x) && x >= 0,
  );
}

/** Numbers from 0 to 1 that follow from the key alone (mulberry32). */
function randomNumbers(key: number): () => number {
  let state = key >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t ^= t + Math.imul(t ^ (t >>> 7), 61 | t);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}
