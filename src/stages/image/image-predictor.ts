/** @file ImagePredictor: pictures to the classes that a pretrained network sees in them. */

import { listColumn, numberColumn, stringColumn, structColumn, withColumns } from "../../data/columns.js";
import type { Schema } from "../../data/schema.js";
import { arrayOf, structOf } from "../../data/types.js";
import { ParamError } from "../../errors.js";
import { type BatchFunction, type StageContext, Transformer } from "../../pipeline/stage.js";
import { defineParams, type Input, integer } from "../../util/params.js";
import { deviceParam, openNetwork } from "./image-network.js";
import { findModel, type ImageModel, imageModel, type Label } from "./models.js";
import { addPictureColumn, mapPictures, pictureParams, picturesPerTask } from "./picture-column.js";

const params = defineParams({
  ...pictureParams,
  device: deviceParam,
  model: imageModel("network that classifies: a name, or an ImageModel with scores and labels", "efficientnet-lite0"),
  topK: integer("how many classes are given, the most probable first", { default: 5, min: 1 }),
});

const predictionType = arrayOf(structOf({ class: "string", description: "string", probability: "float" }));

/**
 * Gives each picture the `topK` most probable classes of a pretrained classifier: an array of structs of class (its
 * short name), description (all its names) and probability, the most probable first.
 *
 * @throws ParamError for an unknown model, DataError for a picture that cannot be read unless `onError` is "null".
 * @example
 * const { seen } = await new ImagePredictor({ inputCol: "image", outputCol: "seen", topK: 3 }).predictOne({ image: bytes });
 * const [first] = seen as { class: string; description: string; probability: number }[];
 * first?.description; // "tabby, tabby cat"
 */
export class ImagePredictor extends Transformer<typeof params> {
  static readonly specs = params;

  constructor(values: Input<typeof params>) {
    super(params, { ...values, model: findModel(values.model ?? params.model.default!, new.target.name) });
    this.#classifier();
  }

  override get rowsPerTask(): number {
    return picturesPerTask;
  }

  transformSchema(schema: Schema): Schema {
    return addPictureColumn(schema, this.params, predictionType, this);
  }

  async open(_schema: Schema, context: StageContext): Promise<BatchFunction> {
    const { scores, labels } = this.#classifier();
    const scoresOf = await openNetwork(this.params.model, scores.tensor, labels.length, this.params.device, this);
    return async (batch) => {
      const best: number[] = [];
      const probabilities: number[] = [];
      const offsets = new Int32Array(batch.numRows + 1);
      const { valid, errors } = await mapPictures(batch, this.params, this, context, async (picture, { row }) => {
        const values = await scoresOf(picture);
        const all = scores.softmax ? softmax(values) : values;
        const top = topIndices(all, this.params.topK);
        best.push(...top);
        probabilities.push(...top.map((i) => all[i]!));
        offsets[row + 1] = top.length;
      });
      for (let row = 0; row < batch.numRows; row++) offsets[row + 1]! += offsets[row]!;
      const fields = {
        class: stringColumn(best.map((i) => labels[i]!.class)),
        description: stringColumn(best.map((i) => labels[i]!.description)),
        probability: numberColumn("float", Float32Array.from(probabilities)),
      };
      const column = listColumn(structColumn(fields, best.length), offsets, valid);
      return withColumns(batch, { [this.params.outputCol]: column, ...errors });
    };
  }

  #classifier(): { scores: NonNullable<ImageModel["scores"]>; labels: readonly Label[] } {
    const { name, scores, labels } = this.params.model as ImageModel; // names were looked up by the constructor
    if (scores !== undefined && labels !== undefined) return { scores, labels };
    const missing = scores === undefined ? "scores" : "labels";
    throw new ParamError(this, `model "${name}" has no ${missing}; set ${missing} in its ImageModel`);
  }
}

function softmax(scores: Float32Array): Float32Array {
  const highest = scores.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  const powers = scores.map((score) => Math.exp(score - highest));
  const sum = powers.reduce((a, b) => a + b, 0);
  return powers.map((power) => power / sum);
}

/** Indices of the k highest values, highest first; of equal ones the first comes first. */
function topIndices(values: Float32Array, k: number): number[] {
  const order = Array.from(values.keys()).sort((a, b) => values[b]! - values[a]! || a - b);
  return order.slice(0, k);
}
