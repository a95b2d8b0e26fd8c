/** @file Small copies of pictures for people to look at. */

import sharp from "sharp";

import { decodeImage } from "./decode.js";
import { toChannels } from "./pixels.js";

/**
 * A WebP picture that fits a square of `edge` pixels.
 *
 * @throws DataError where the bytes are no picture.
 */
export async function thumbnail(bytes: Uint8Array, edge = 160): Promise<Uint8Array> {
  const { data, width, height } = toChannels(await decodeImage(bytes), "RGB");
  const picture = sharp(data, { raw: { width, height, channels: 3 } });
  return new Uint8Array(await picture.resize(edge, edge, { fit: "inside" }).webp({ quality: 70 }).toBuffer());
}
