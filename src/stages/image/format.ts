/** @file What a picture file is, from its first bytes: its format, and for JPEG its size and orientation. */

export type ImageFormat = "JPEG" | "PNG" | "WebP" | "BMP" | "GIF" | "TIFF" | "AVIF" | "HEIC";

/** The format by its magic bytes, or undefined where they are those of no picture format known here. */
export function formatOf(bytes: Uint8Array): ImageFormat | undefined {
  const text = (start: number, end: number) => String.fromCharCode(...bytes.subarray(start, end));
  if (bytes[0] === 0xff && bytes[1] === 0xd8 && bytes[2] === 0xff) return "JPEG";
  if (text(0, 8) === "\x89PNG\r\n\x1a\n") return "PNG";
  if (text(0, 4) === "RIFF" && text(8, 12) === "WEBP") return "WebP";
  if (text(0, 6) === "GIF87a" || text(0, 6) === "GIF89a") return "GIF";
  if (["II*\0", "MM\0*", "II+\0", "MM\0+"].includes(text(0, 4))) return "TIFF";
  if (text(4, 8) === "ftyp") {
    // brands: the major one, a version, then the compatible ones, four characters each
    const brands = text(8, Math.min(bytes.length, (bytes[3] ?? 0) + (bytes[2] ?? 0) * 256));
    if (brands.includes("avif") || brands.includes("avis")) return "AVIF";
    if (brands.includes("heic") || brands.includes("heix") || brands.includes("mif1")) return "HEIC";
  }
  return text(0, 2) === "BM" && bytes.length >= 26 ? "BMP" : undefined;
}

/** Facts of a JPEG header: sizes in pixels, colour components, bits per sample, EXIF orientation (1 where absent). */
export interface JpegHeader {
  readonly height: number;
  readonly width: number;
  readonly components: number;
  readonly bits: number;
  readonly orientation: number;
}

/** Reads markers up to the frame header; undefined where the file ends or breaks before it. */
export function jpegHeader(bytes: Uint8Array): JpegHeader | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let orientation = 1;
  for (let at = 2; at + 4 <= bytes.length; ) {
    if (bytes[at] !== 0xff) return undefined;
    const marker = bytes[at + 1]!;
    if (marker === 0xff) {
      at++; // fill byte
      continue;
    }
    if (marker === 0x01 || (marker >= 0xd0 && marker <= 0xd8)) {
      at += 2; // markers without a length
      continue;
    }
    const length = view.getUint16(at + 2);
    const body = bytes.subarray(at + 4, at + 2 + length);
    if (marker === 0xe1) orientation = exifOrientation(body) ?? orientation;
    const isFrame = marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker);
    if (isFrame && body.length >= 6) {
      return {
        bits: body[0]!,
        height: view.getUint16(at + 5),
        width: view.getUint16(at + 7),
        components: body[5]!,
        orientation,
      };
    }
    if (marker === 0xda || marker === 0xd9) return undefined;
    at += 2 + length;
  }
  return undefined;
}

/** Orientation tag (0x0112) of the first directory of an EXIF segment. */
function exifOrientation(segment: Uint8Array): number | undefined {
  if (String.fromCharCode(...segment.subarray(0, 6)) !== "Exif\0\0" || segment.length < 14) return undefined;
  const tiff = new DataView(segment.buffer, segment.byteOffset + 6, segment.byteLength - 6);
  const little = tiff.getUint16(0) === 0x4949;
  const directory = tiff.getUint32(4, little);
  if (directory + 2 > tiff.byteLength) return undefined;
  const entries = tiff.getUint16(directory, little);
  for (let i = 0; i < entries; i++) {
    const at = directory + 2 + 12 * i;
    if (at + 12 > tiff.byteLength) return undefined;
    if (tiff.getUint16(at, little) === 0x0112) return tiff.getUint16(at + 8, little);
  }
  return undefined;
}
