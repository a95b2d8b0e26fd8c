/** @file ZIP archives of files in memory. */

import { promisify } from "node:util";
import { crc32, deflateRaw } from "node:zlib";

export interface ZipEntry {
  /** Path within the archive. */
  readonly name: string;
  readonly bytes: Uint8Array;
}

const compress = promisify(deflateRaw);

/** The archive; the same entries give the same bytes. */
export async function zip(entries: readonly ZipEntry[]): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  const directory: Uint8Array[] = [];
  let at = 0;
  for (const { name, bytes } of entries) {
    // the fastest level: the link to the cluster is seldom slower than a better one
    const packed = await compress(bytes, { level: 1 });
    const path = new TextEncoder().encode(name);
    const local = header(0x04034b50, 30, (view) => common(view, 4, bytes, packed, path));
    const central = header(0x02014b50, 46, (view) => {
      // made on Unix, so that the mode (rwxr-xr-x) counts
      view.setUint16(4, (3 << 8) | 20, true);
      common(view, 6, bytes, packed, path);
      view.setUint32(38, 0o100755 << 16, true);
      view.setUint32(42, at, true);
    });
    parts.push(local, path, packed);
    directory.push(central, path);
    at += local.length + path.length + packed.length;
  }
  const size = directory.reduce((sum, part) => sum + part.length, 0);
  const end = header(0x06054b50, 22, (view) => {
    view.setUint16(8, entries.length, true);
    view.setUint16(10, entries.length, true);
    view.setUint32(12, size, true);
    view.setUint32(16, at, true);
  });
  return Buffer.concat([...parts, ...directory, end]);
}

function header(signature: number, length: number, fill: (view: DataView) => void): Uint8Array {
  const bytes = new Uint8Array(length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, signature, true);
  fill(view);
  return bytes;
}

/** What both headers of a file hold: version, flags (UTF-8 names), method, time (1980), checksum, sizes. */
function common(view: DataView, at: number, bytes: Uint8Array, packed: Uint8Array, path: Uint8Array): void {
  view.setUint16(at, 20, true);
  view.setUint16(at + 2, 0x0800, true);
  view.setUint16(at + 4, 8, true);
  view.setUint16(at + 8, 0x21, true);
  view.setUint32(at + 10, crc32(bytes), true);
  view.setUint32(at + 14, packed.length, true);
  view.setUint32(at + 18, bytes.length, true);
  view.setUint16(at + 22, path.length, true);
}
