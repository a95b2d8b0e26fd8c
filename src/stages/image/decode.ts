/** @file Encoded pictures to pixels: JPEG by libjpeg-turbo, BMP by our reader, the rest by sharp. */

import { DataError, messageOf } from "../../errors.js";
import { bmpHeader, decodeBmp } from "./bmp.js";
import { formatOf, type ImageFormat, jpegHeader } from "./format.js";
import { orient, type Pixels } from "./pixels.js";

// loaded with the first picture that needs them: programs without pictures never do
const loadJpegTurbo = once(async () => (await import("./libjpeg-turbo.js")).openJpegTurbo());
const loadSharp = once(async () => {
  const { default: sharp } = await import("sharp");
  // several pictures are decoded at a time, one per thread of the pool: each by one thread, none kept
  sharp.concurrency(1);
  sharp.cache(false);
  return sharp;
});

type Allocate = (length: number) => Uint8Array;

/** Pictures with more pixels than this are refused unless the caller raises the limit. */
export const defaultMaxPixels = 100_000_000;

/**
 * Decodes the bytes of a JPEG, PNG, WebP, BMP, GIF (first frame), TIFF (first page) or AVIF file to 8 bits per channel,
 * turned upright by its EXIF orientation. Grey pictures keep 1 channel, transparent ones their alpha; 16 bits per
 * channel are scaled to 8, CMYK becomes RGB.
 *
 * @param allocate gives room for the pixels of a JPEG, whatever it holds; a caller may use the same again
 * @param maxPixels limit on height x width, checked on the header before anything is decoded
 * @throws DataError where the bytes are no picture, are truncated or corrupt, or exceed `maxPixels`.
 * @example
 * const { data, height, width, channels } = await decodeImage(await readFile("cat.jpg"));
 */
export async function decodeImage(
  bytes: Uint8Array,
  maxPixels: number = defaultMaxPixels,
  allocate: Allocate = (length) => new Uint8Array(length),
): Promise<Pixels> {
  const format = formatOf(bytes);
  if (format === undefined) throw notAPicture(bytes);
  try {
    if (format === "JPEG")
      return (await decodeJpeg(bytes, maxPixels, allocate)) ?? (await decodeOther(bytes, format, maxPixels));
    if (format === "BMP") {
      const header = bmpHeader(bytes);
      checkSize(format, header.width, header.height, maxPixels);
      return decodeBmp(bytes, header);
    }
    return await decodeOther(bytes, format, maxPixels);
  } catch (cause) {
    if (cause instanceof DataError) throw cause;
    // sharp's own words, less the names of its parts
    const reason = messageOf(cause)
      .split("\n")[0]!
      .replace(/^(Input buffer has corrupt header: ?)?(Vips\w+: )?/, "");
    throw new DataError(
      who,
      `this ${format} of ${bytes.length} bytes is truncated or corrupt (${reason || "bad header"})`,
      { cause },
    );
  }
}

const who = "decodeImage";

/** Undefined for what libjpeg-turbo refuses: CMYK, 12 bits, or data it warns of, which sharp may still accept. */
async function decodeJpeg(bytes: Uint8Array, maxPixels: number, allocate: Allocate): Promise<Pixels | undefined> {
  const header = jpegHeader(bytes);
  if (header === undefined) throw new Error("it ends before its frame header");
  const { width, height, components: channels, bits, orientation } = header;
  checkSize("JPEG", width, height, maxPixels);
  const turbo = await loadJpegTurbo();
  if (turbo === undefined || bits !== 8 || (channels !== 1 && channels !== 3)) return undefined;
  try {
    const data = allocate(height * width * channels);
    await turbo.decode(bytes, height, width, channels, data);
    return orient({ data, height, width, channels }, orientation);
  } catch {
    return undefined;
  }
}

async function decodeOther(bytes: Uint8Array, format: ImageFormat, maxPixels: number): Promise<Pixels> {
  if (format === "HEIC") {
    throw new DataError(who, "expected a JPEG, PNG, WebP, BMP, GIF, TIFF or AVIF, got a HEIC; convert it first");
  }
  // "truncated": harmless slips of encoders pass, missing pixels do not
  const sharp = await loadSharp();
  const image = sharp(bytes, { failOn: "truncated", limitInputPixels: false });
  const { width, height, space, hasAlpha } = await image.metadata();
  checkSize(format, width, height, maxPixels);
  const grey = space === "b-w" || space === "grey16";
  const { data, info } = await image
    .autoOrient()
    .toColourspace(grey && !hasAlpha ? "b-w" : "srgb")
    .raw({ depth: "uchar" })
    .toBuffer({ resolveWithObject: true });
  const picture = { data: plain(data), height: info.height, width: info.width, channels: info.channels };
  return grey && hasAlpha ? withoutColor(picture) : picture;
}

/** A Buffer as what its type says it is: Buffer's own slice() would share its bytes. */
function plain({ buffer, byteOffset, length }: Buffer): Uint8Array {
  return new Uint8Array(buffer, byteOffset, length);
}

/** Grey with alpha, from the RGBA that sharp makes of it (its own grey form would drop the alpha). */
function withoutColor({ data, height, width }: Pixels): Pixels {
  const out = new Uint8Array(height * width * 2);
  for (let i = 0, o = 0; o < out.length; i += 4, o += 2) {
    out[o] = data[i]!;
    out[o + 1] = data[i + 3]!;
  }
  return { data: out, height, width, channels: 2 };
}

function checkSize(format: ImageFormat, width: number, height: number, maxPixels: number): void {
  if (width * height <= maxPixels) return;
  throw new DataError(
    who,
    `this ${format} has ${width} x ${height} = ${width * height} pixels, expected at most ${maxPixels}; ` +
      "shrink it, or raise maxPixels",
    { width, height, maxPixels },
  );
}

function notAPicture(bytes: Uint8Array): DataError {
  const wanted = "expected a JPEG, PNG, WebP, BMP, GIF, TIFF or AVIF picture";
  if (bytes.length === 0) return new DataError(who, `${wanted}, got 0 bytes; is the file empty?`);
  const head = bytes.subarray(0, 8);
  const hex = [...head].map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
  const text = String.fromCharCode(...head).replace(/[^ -~]/g, ".");
  return new DataError(who, `${wanted}, got ${bytes.length} bytes that begin with ${hex} (${JSON.stringify(text)})`);
}

function once<T>(load: () => Promise<T>): () => Promise<T> {
  let loaded: Promise<T> | undefined;
  return () => {
    loaded ??= load();
    return loaded;
  };
}
