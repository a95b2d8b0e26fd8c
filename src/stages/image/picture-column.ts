/** @file A column of pictures: encoded bytes or Spark's image struct, read row by row, with what becomes of bad ones. */

import { crc32 } from "node:zlib";
import { type RecordBatch, type StructRowProxy, Vector } from "apache-arrow";

import { type Column, stringColumn } from "../../data/columns.js";
import { dataOf } from "../../data/read-columns.js";
import type { Schema } from "../../data/schema.js";
import { type ColumnType, formatType } from "../../data/types.js";
import { DataError, messageOf, SchemaError, type Who } from "../../errors.js";
import type { StageContext } from "../../pipeline/stage.js";
import { choice, columnName, integer } from "../../util/params.js";
import { Scratch } from "../../util/scratch.js";
import { decodeImage, defaultMaxPixels } from "./decode.js";
import { type Pixels, swapRedBlue } from "./pixels.js";

/** Parameters that every stage on pictures has. */
export const pictureParams = {
  inputCol: columnName("column of pictures: encoded bytes, or Spark's image struct"),
  outputCol: columnName("column to add"),
  onError: choice(
    'what becomes of a picture that cannot be used: "fail" ends the job; "null" gives null, and the reason in <outputCol>_error',
    ["fail", "null"],
    { default: "fail" },
  ),
  maxPixels: integer("pictures with more pixels than this are refused undecoded", {
    default: defaultMaxPixels,
    min: 1,
  }),
};

interface PictureParams {
  readonly inputCol: string;
  readonly outputCol: string;
  readonly onError: "fail" | "null";
  readonly maxPixels: number;
}

/** Rows in one task: pictures are large, and few of them keep every thread busy to the end. */
export const picturesPerTask = 16;

/** Decoded ahead of the one in use, so that formats decoded on other threads do not wait. */
const lookahead = 4;

const scratch = new Scratch();

/** Checks the input column and adds the output column, and the one of errors where there is one. */
export function addPictureColumn(
  schema: Schema,
  { inputCol, outputCol, onError }: PictureParams,
  type: ColumnType,
  who: Who,
): Schema {
  const found = schema.require(inputCol, who);
  if (found !== "binary" && found !== "null" && !isImageStruct(found)) {
    throw new SchemaError(
      who,
      `column "${inputCol}" must hold pictures (binary, or Spark's image struct), but is ${formatType(found)}; ` +
        "read files with session.read.images() or binaryFiles()",
      { code: "COLUMN_TYPE", column: inputCol, found: formatType(found) },
    );
  }
  const added = schema.with(outputCol, type, who);
  return onError === "null" ? added.with(`${outputCol}_error`, "string", who) : added;
}

/** What `mapPictures` found: which rows have a result, and the columns to add beside it. */
export interface PictureResults {
  readonly valid: ((row: number) => boolean) | undefined;
  readonly errors: Readonly<Record<string, Column>>;
}

/** One picture of a column, and what is known of its row. */
export interface PictureRow {
  readonly row: number;
  /** The file it came from, where the data says so. */
  readonly origin: string;
  /** A number that depends on nothing but the picture's bytes. */
  readonly key: () => number;
}

/**
 * Decodes the pictures of a batch and hands them to `use` in order, one at a time; their pixels are theirs until `use` is
 * done, and overwritten then. Null pictures are skipped; pictures
 * for which decoding or `use` throws DataError follow `onError`.
 *
 * @throws DataError naming the row, its file and the reason, where onError is "fail".
 */
export async function mapPictures(
  batch: RecordBatch,
  { inputCol, outputCol, onError, maxPixels }: PictureParams,
  who: Who,
  context: StageContext,
  use: (picture: Pixels, at: PictureRow) => Promise<void> | void,
): Promise<PictureResults> {
  const column = new Vector([dataOf(batch, inputCol)]);
  const paths = batch.schema.fields.some(({ name }) => name === "path")
    ? new Vector([dataOf(batch, "path")])
    : undefined;
  const errors = new Array<string | null>(batch.numRows).fill(null);
  const failed = new Uint8Array(batch.numRows);
  const pending: Promise<Pixels | undefined>[] = [];
  const start = (row: number) => {
    const decoded = decodeValue(column.get(row), maxPixels);
    decoded.catch(() => {}); // it is awaited below, in turn
    pending[row] = decoded;
  };

  for (let row = 0; row < Math.min(lookahead, batch.numRows); row++) start(row);
  for (let row = 0; row < batch.numRows; row++) {
    const value = column.get(row);
    const origin = originOf(value, paths?.get(row));
    try {
      const picture = await pending[row]!;
      delete pending[row];
      if (picture === undefined) failed[row] = 1;
      else {
        await use(picture, { row, origin, key: () => crc32(bytesOf(value)) });
        scratch.give(picture.data);
      }
    } catch (cause) {
      if (!(cause instanceof DataError)) throw cause;
      // the reason alone: who decoded it is of no interest
      const reason = messageOf(cause).replace(/^decodeImage: /, "");
      const place = origin === "" ? `row ${row} of its batch` : JSON.stringify(origin);
      if (onError === "fail") {
        throw new DataError(
          who,
          `cannot use the picture in column "${inputCol}" of ${place}: ${reason}; ` +
            'set onError: "null" to go on without such pictures',
          { ...cause.fields, code: cause.code, column: inputCol, row, origin, cause },
        );
      }
      errors[row] = reason;
      failed[row] = 1;
    }
    if (row + lookahead < batch.numRows) start(row + lookahead);
  }

  const bad = errors.filter((error) => error !== null).length;
  if (bad > 0) context.warn(`${bad} of ${batch.numRows} pictures could not be used; see column "${outputCol}_error"`);
  return {
    valid: failed.includes(1) ? (row) => failed[row] === 0 : undefined,
    errors: onError === "null" ? { [`${outputCol}_error`]: stringColumn(errors) } : {},
  };
}

/** OpenCV's type numbers for 8-bit pictures, as Spark's image struct has them in `mode`. */
export const modes: Readonly<Record<number, number>> = { 1: 0, 3: 16, 4: 24 };

function isImageStruct(type: ColumnType): boolean {
  if (typeof type !== "object" || type.kind !== "struct") return false;
  const fields = new Map(type.fields.map(({ name, type }) => [name, type]));
  return ["height", "width", "nChannels"].every((name) => fields.has(name)) && fields.get("data") === "binary";
}

type Value = Uint8Array | StructRowProxy | null | undefined;

interface ImageStruct {
  readonly origin?: string | null;
  readonly height: number;
  readonly width: number;
  readonly nChannels: number;
  readonly mode?: number;
  readonly data: Uint8Array;
}

// rows of a struct column are proxies with a property per field, which the schema check has established
function structOf(value: StructRowProxy): ImageStruct {
  return value as unknown as ImageStruct;
}

function bytesOf(value: Value): Uint8Array {
  return value instanceof Uint8Array ? value : structOf(value as StructRowProxy).data;
}

function originOf(value: Value, path: unknown): string {
  const origin = value && !(value instanceof Uint8Array) ? structOf(value).origin : undefined;
  return typeof path === "string" ? path : (origin ?? "");
}

async function decodeValue(value: Value, maxPixels: number): Promise<Pixels | undefined> {
  if (value === null || value === undefined) return undefined;
  if (value instanceof Uint8Array) return decodeImage(value, maxPixels, (length) => scratch.take(length));
  const { height, width, nChannels, mode, data } = structOf(value);
  if (data === null) return undefined;
  if (modes[nChannels] === undefined || (mode ?? modes[nChannels]) !== modes[nChannels]) {
    throw new DataError(
      "image",
      `expected 8 bits per channel (mode 0, 16 or 24 with 1, 3 or 4 channels), got mode ${mode} with ${nChannels}`,
    );
  }
  if (height * width * nChannels !== data.length) {
    throw new DataError("image", `${height} x ${width} x ${nChannels} does not fit its ${data.length} bytes`);
  }
  return swapRedBlue({ data, height, width, channels: nChannels as Pixels["channels"] });
}
