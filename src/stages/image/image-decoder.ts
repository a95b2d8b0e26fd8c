/** @file ImageDecoder: encoded pictures to Spark's image struct. */

import { binaryColumn, numberColumn, stringColumn, structColumn, withColumns } from "../../data/columns.js";
import type { Schema } from "../../data/schema.js";
import { structOf } from "../../data/types.js";
import { type BatchFunction, type StageContext, Transformer } from "../../pipeline/stage.js";
import { defineParams, type Input } from "../../util/params.js";
import { addPictureColumn, mapPictures, modes, pictureParams, picturesPerTask } from "./picture-column.js";
import { swapRedBlue, toChannels } from "./pixels.js";

const params = defineParams(pictureParams);

/** Spark's image struct, as its image data source gives it. */
export const imageStruct = structOf({
  origin: "string",
  height: "int",
  width: "int",
  nChannels: "int",
  mode: "int",
  data: "binary",
});

/**
 * Decodes pictures to Spark's image struct: origin, height, width, nChannels (1, 3 or 4), mode (OpenCV's type: 0, 16 or
 * 24) and data (rows of interleaved bytes, blue first). `origin` is the row's `path`, or empty.
 *
 * @throws DataError for a picture that cannot be read, unless `onError` is "null".
 * @example
 * new ImageDecoder({ inputCol: "image", outputCol: "decoded" }).transform(photos).selectExpr("decoded.height", "decoded.width");
 */
export class ImageDecoder extends Transformer<typeof params> {
  static readonly specs = params;

  constructor(values: Input<typeof params>) {
    super(params, values);
  }

  override get rowsPerTask(): number {
    return picturesPerTask;
  }

  transformSchema(schema: Schema): Schema {
    return addPictureColumn(schema, this.params, imageStruct, this);
  }

  open(_schema: Schema, context: StageContext): BatchFunction {
    return async (batch) => {
      const rows = batch.numRows;
      const origins = new Array<string | null>(rows).fill(null);
      const data = new Array<Uint8Array | null>(rows).fill(null);
      const numbers = ["height", "width", "nChannels", "mode"].map(() => new Int32Array(rows));
      const { valid, errors } = await mapPictures(batch, this.params, this, context, (picture, { row, origin }) => {
        // grey with alpha has no mode of its own: its alpha goes onto white
        const bgr = swapRedBlue(picture.channels === 2 ? toChannels(picture, "L") : picture);
        origins[row] = origin;
        data[row] = bgr.data === picture.data ? bgr.data.slice() : bgr.data;
        [bgr.height, bgr.width, bgr.channels, modes[bgr.channels]!].forEach((value, i) => {
          numbers[i]![row] = value;
        });
      });
      const [height, width, nChannels, mode] = numbers.map((values) => numberColumn("int", values, valid));
      const fields = {
        origin: stringColumn(origins),
        height: height!,
        width: width!,
        nChannels: nChannels!,
        mode: mode!,
        data: binaryColumn(data),
      };
      return withColumns(batch, { [this.params.outputCol]: structColumn(fields, rows, valid), ...errors });
    };
  }
}
