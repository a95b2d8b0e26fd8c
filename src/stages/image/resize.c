// Two passes of a weighted sum over bytes, as ONNX Runtime's antialiased Resize and Pillow do them: 22-bit fixed-point
// weights, rounding to bytes between the passes. Built by scripts/build-resize.sh; called by resize.ts.
#include <stdint.h>
#include <wasm_simd128.h>

static const int shift = 22;

// Places of the first tap and number of taps per output pixel.
typedef struct {
  int32_t first, count;
} Span;

static inline v128_t widen(v128_t bytes) {
  return wasm_u32x4_extend_low_u16x8(wasm_u16x8_extend_low_u8x16(bytes));
}

static inline v128_t narrow(v128_t a, v128_t b, v128_t c, v128_t d) {
  a = wasm_i32x4_shr(a, shift), b = wasm_i32x4_shr(b, shift);
  c = wasm_i32x4_shr(c, shift), d = wasm_i32x4_shr(d, shift);
  return wasm_u8x16_narrow_i16x8(wasm_i16x8_narrow_i32x4(a, b), wasm_i16x8_narrow_i32x4(c, d));
}

// Left to right, RGB: one output pixel in the first three lanes of a vector, four rows at a time so that each weight is
// loaded once. Reads and writes up to 1 byte past a row, for which rows written have room between them.
static void across_rgb(const uint8_t *from, int stride, uint8_t *to, int to_stride, int rows, int width,
                       const Span *spans, const int32_t *weights, int window) {
  const v128_t half = wasm_i32x4_splat(1 << (shift - 1));
  int y = 0;
  for (; y + 4 <= rows; y += 4, from += 4 * stride, to += 4 * to_stride) {
    const int32_t *w = weights;
    for (int x = 0; x < width; x++, w += window) {
      const uint8_t *p = from + 3 * spans[x].first;
      v128_t a = half, b = half, c = half, d = half;
      for (int k = 0; k < spans[x].count; k++, p += 3) {
        v128_t weight = wasm_v128_load32_splat(w + k);
        a = wasm_i32x4_add(a, wasm_i32x4_mul(widen(wasm_v128_load32_zero(p)), weight));
        b = wasm_i32x4_add(b, wasm_i32x4_mul(widen(wasm_v128_load32_zero(p + stride)), weight));
        c = wasm_i32x4_add(c, wasm_i32x4_mul(widen(wasm_v128_load32_zero(p + 2 * stride)), weight));
        d = wasm_i32x4_add(d, wasm_i32x4_mul(widen(wasm_v128_load32_zero(p + 3 * stride)), weight));
      }
      v128_t bytes = narrow(a, b, c, d);
      uint8_t *out = to + 3 * x;
      wasm_v128_store32_lane(out, bytes, 0);
      wasm_v128_store32_lane(out + to_stride, bytes, 1);
      wasm_v128_store32_lane(out + 2 * to_stride, bytes, 2);
      wasm_v128_store32_lane(out + 3 * to_stride, bytes, 3);
    }
  }
  for (; y < rows; y++, from += stride, to += to_stride) {
    const int32_t *w = weights;
    for (int x = 0; x < width; x++, w += window) {
      const uint8_t *p = from + 3 * spans[x].first;
      v128_t a = half;
      for (int k = 0; k < spans[x].count; k++, p += 3) {
        a = wasm_i32x4_add(a, wasm_i32x4_mul(widen(wasm_v128_load32_zero(p)), wasm_v128_load32_splat(w + k)));
      }
      wasm_v128_store32_lane(to + 3 * x, narrow(a, a, a, a), 0);
    }
  }
}

static void across_grey(const uint8_t *from, int stride, uint8_t *to, int to_stride, int rows, int width,
                        const Span *spans, const int32_t *weights, int window) {
  for (int y = 0; y < rows; y++, from += stride, to += to_stride) {
    const int32_t *w = weights;
    for (int x = 0; x < width; x++, w += window) {
      int32_t sum = 1 << (shift - 1);
      for (int k = 0; k < spans[x].count; k++) sum += from[spans[x].first + k] * w[k];
      to[x] = sum >> shift;
    }
  }
}

__attribute__((export_name("across"))) void across(const uint8_t *from, int stride, uint8_t *to, int to_stride, int rows,
                                                   int width, int channels, const Span *spans, const int32_t *weights,
                                                   int window) {
  (channels == 3 ? across_rgb : across_grey)(from, stride, to, to_stride, rows, width, spans, weights, window);
}

// Top to bottom: 16 bytes of a row at a time, whatever the channels. Reads and writes up to 15 bytes past a row; what it
// spoils of the next row is written afterwards.
__attribute__((export_name("down"))) void down(const uint8_t *from, int stride, uint8_t *to, int to_stride, int bytes,
                                               int height, const Span *spans, const int32_t *weights, int window) {
  const v128_t half = wasm_i32x4_splat(1 << (shift - 1));
  for (int y = 0; y < height; y++, to += to_stride, weights += window) {
    const uint8_t *row = from + spans[y].first * stride;
    for (int x = 0; x < bytes; x += 16) {
      v128_t a = half, b = half, c = half, d = half;
      const uint8_t *p = row + x;
      for (int k = 0; k < spans[y].count; k++, p += stride) {
        v128_t weight = wasm_v128_load32_splat(weights + k);
        v128_t pixels = wasm_v128_load(p);
        v128_t low = wasm_u16x8_extend_low_u8x16(pixels), high = wasm_u16x8_extend_high_u8x16(pixels);
        a = wasm_i32x4_add(a, wasm_i32x4_mul(wasm_u32x4_extend_low_u16x8(low), weight));
        b = wasm_i32x4_add(b, wasm_i32x4_mul(wasm_u32x4_extend_high_u16x8(low), weight));
        c = wasm_i32x4_add(c, wasm_i32x4_mul(wasm_u32x4_extend_low_u16x8(high), weight));
        d = wasm_i32x4_add(d, wasm_i32x4_mul(wasm_u32x4_extend_high_u16x8(high), weight));
      }
      wasm_v128_store(to + x, narrow(a, b, c, d));
    }
  }
}

// RGB pixels to three planes, one after the other.
__attribute__((export_name("split"))) void split(const uint8_t *from, uint8_t *to, int pixels) {
  uint8_t *red = to, *green = to + pixels, *blue = to + 2 * pixels;
  int i = 0;
  for (; i + 16 <= pixels; i += 16, from += 48) {
    v128_t a = wasm_v128_load(from), b = wasm_v128_load(from + 16), c = wasm_v128_load(from + 32);
    v128_t r = wasm_i8x16_shuffle(a, b, 0, 3, 6, 9, 12, 15, 18, 21, 24, 27, 30, 0, 0, 0, 0, 0);
    v128_t g = wasm_i8x16_shuffle(a, b, 1, 4, 7, 10, 13, 16, 19, 22, 25, 28, 31, 0, 0, 0, 0, 0);
    v128_t u = wasm_i8x16_shuffle(a, b, 2, 5, 8, 11, 14, 17, 20, 23, 26, 29, 0, 0, 0, 0, 0, 0);
    wasm_v128_store(red + i, wasm_i8x16_shuffle(r, c, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 17, 20, 23, 26, 29));
    wasm_v128_store(green + i, wasm_i8x16_shuffle(g, c, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 18, 21, 24, 27, 30));
    wasm_v128_store(blue + i, wasm_i8x16_shuffle(u, c, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 16, 19, 22, 25, 28, 31));
  }
  for (; i < pixels; i++, from += 3) red[i] = from[0], green[i] = from[1], blue[i] = from[2];
}
