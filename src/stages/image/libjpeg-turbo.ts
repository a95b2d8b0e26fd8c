/** @file JPEG decoding by libjpeg-turbo, called directly in the library that @julusian/jpeg-turbo ships. */

import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { type LibraryHandle, load } from "koffi";

import { internal } from "../../errors.js";
import { uninterrupted } from "../../runtime/uninterrupted.js";

// the package's own binding asks for the fast inverse DCT, which is a grey level off on average and no faster on today's
// processors; with the exact one the pixels are those of Pillow and sharp

/** libjpeg-turbo, as far as it is used here. */
export interface JpegTurbo {
  /**
   * Decodes into `room`, with `channels` bytes per pixel (1 grey, 3 RGB), a picture whose size is known from its header.
   *
   * @throws Error with the library's reason, for warnings (a truncated file) as well.
   */
  decode(bytes: Uint8Array, height: number, width: number, channels: 1 | 3, room: Uint8Array): Promise<void>;
}

/** From this many pixels on, decoding takes longer than about 6 ms and leaves the calling thread. */
const asidePixels = 1_000_000;

const rgb = 0;
const grey = 6;

/** The library, or undefined on a platform where it cannot be called (Windows: its functions are not exported). */
export function openJpegTurbo(): JpegTurbo | undefined {
  const library = loadLibrary();
  if (library === undefined) return undefined;
  const create = library.func("void *tjInitDecompress()");
  const destroy = library.func("int tjDestroy(void *handle)");
  const lastError = library.func("const char *tjGetErrorStr2(void *handle)");
  const readHeader = library.func(
    "int tjDecompressHeader3(void *handle, const uint8_t *bytes, unsigned long size, _Out_ int *width, _Out_ int *height, _Out_ int *subsampling, _Out_ int *colors)",
  );
  const decompress = library.func(
    "int tjDecompress2(void *handle, const uint8_t *bytes, unsigned long size, uint8_t *pixels, int width, int pitch, int height, int format, int flags)",
  );
  const idle: unknown[] = []; // one handle per decoding going on

  return {
    async decode(bytes, height, width, channels, room) {
      const handle = idle.pop() ?? create();
      const fail = () => new Error(lastError(handle) || "unknown reason");
      try {
        const [w, h] = [[0], [0]];
        if (readHeader(handle, bytes, bytes.length, w, h, [0], [0]) !== 0) throw fail();
        // the room must have the size that the library will fill
        if (room.length !== height * width * channels) throw internal(`${room.length} bytes for ${height} x ${width}`);
        if (w[0] !== width || h[0] !== height) throw new Error(`two sizes, ${w[0]} x ${h[0]} and ${width} x ${height}`);
        const args = [handle, bytes, bytes.length, room, width, 0, height, channels === 1 ? grey : rgb, 0] as const;
        const result =
          height * width < asidePixels ? uninterrupted(() => decompress(...args)) : await aside(decompress, args);
        if (result !== 0) throw fail();
      } finally {
        if (idle.length < 4) idle.push(handle);
        else destroy(handle);
      }
    },
  };
}

/** Runs a native function on another thread; its arguments stay alive until it is done. */
function aside(func: ReturnType<LibraryHandle["func"]>, args: readonly unknown[]): Promise<number> {
  return new Promise((resolve, reject) => {
    func.async(...args, (error: unknown, result: number) => (error ? reject(error) : resolve(result)));
  });
}

function loadLibrary(): LibraryHandle | undefined {
  const { platform, arch } = process;
  const folder = dirname(createRequire(import.meta.url).resolve("@julusian/jpeg-turbo"));
  const file = platform === "linux" ? "libturbojpeg.so.0" : "node-napi-v7.node";
  for (const libc of platform === "linux" ? ["", "-musl"] : [""]) {
    try {
      const library = load(join(folder, "prebuilds", `jpeg-turbo-${platform}-${arch}${libc}`, file));
      library.func("void *tjInitDecompress()");
      return library;
    } catch {
      // another libc, or a library that does not export its functions
    }
  }
  return undefined;
}
