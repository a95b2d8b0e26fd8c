/** @file ImageFeaturizer: pictures to the features of a pretrained network. */

import { tensorColumn, withColumns } from "../../data/columns.js";
import type { Schema } from "../../data/schema.js";
import { tensorOf } from "../../data/types.js";
import { ParamError } from "../../errors.js";
import { type BatchFunction, type StageContext, Transformer } from "../../pipeline/stage.js";
import { defineParams, type Input } from "../../util/params.js";
import { deviceParam, openNetwork } from "./image-network.js";
import { findModel, type ImageModel, imageModel } from "./models.js";
import { addPictureColumn, mapPictures, pictureParams, picturesPerTask } from "./picture-column.js";

const params = defineParams({
  ...pictureParams,
  device: deviceParam,
  model: imageModel("network whose features are taken: a name, or an ImageModel", "efficientnet-lite0"),
});

/**
 * Gives each picture the features that a pretrained network computes before its classifier: a float32 vector, 1280
 * numbers for efficientnet-lite0. Decoding, resizing (as Pillow's bilinear), normalisation and the network run in one
 * thread, several threads at once.
 *
 * @throws ParamError for an unknown model, DataError for a picture that cannot be read unless `onError` is "null".
 * @example
 * new ImageFeaturizer({ inputCol: "image", outputCol: "features", model: "efficientnet-lite0" }).transform(photos);
 */
export class ImageFeaturizer extends Transformer<typeof params> {
  static readonly specs = params;

  constructor(values: Input<typeof params>) {
    const model = findModel(values.model ?? params.model.default!, new.target.name);
    // labels are of no use here, and thousands of strings with every task would be
    super(params, { ...values, model: typeof model === "object" ? { ...model, labels: undefined } : model });
    this.#features();
  }

  override get rowsPerTask(): number {
    return picturesPerTask;
  }

  transformSchema(schema: Schema): Schema {
    return addPictureColumn(schema, this.params, tensorOf("float", [this.#features().length]), this);
  }

  async open(_schema: Schema, context: StageContext): Promise<BatchFunction> {
    const { tensor, length } = this.#features();
    const featuresOf = await openNetwork(this.params.model, tensor, length, this.params.device, this);
    return async (batch) => {
      const features = new Float32Array(batch.numRows * length);
      const { valid, errors } = await mapPictures(batch, this.params, this, context, async (picture, { row }) => {
        features.set(await featuresOf(picture), row * length);
      });
      const column = tensorColumn("float", [length], features, valid);
      return withColumns(batch, { [this.params.outputCol]: column, ...errors });
    };
  }

  #features(): NonNullable<ImageModel["features"]> {
    const model = this.params.model as ImageModel; // names were looked up by the constructor
    if (model.features !== undefined) return model.features;
    throw new ParamError(this, `model "${model.name}" names no features tensor; set features in its ImageModel`);
  }
}
