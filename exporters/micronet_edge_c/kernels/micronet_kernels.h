/* Int8 kernels of MicroNets for microcontrollers: types, macros and what does not depend on the instruction set.
   SPDX-License-Identifier: MIT. Copyright (c) The micronet-edge authors.

   Header only; C99, also valid C++; no libc but memcpy and memset. Written for gcc and clang.
   One file for each instruction set holds the fast kernels. All of them give the same result, bit for bit.

   NUMBERS. A kernel sums products in int32 and rounds once:
       scaled = saturate32(sum * 2^shift)
       value  = floor((scaled * m + 2^30) / 2^31) + zero_point        with 0 <= m < 2^30
       result = min(max(value, low), high)                            with -128 <= low <= high <= 127 in int8
   A right shift of a negative number is arithmetic, as gcc and clang define it.

   TENSORS are int8, rows of pixels, channels innermost. Pixels of a row are adjacent; a pitch is the distance of two
   rows in bytes. Behind every buffer lie at least 16 readable bytes. Borders hold the zero point of the tensor.
   A tensor between two convolutions may be wide: int16, -32768 <= low <= high <= 32767. Its steps still count bytes. */
#ifndef MICRONET_KERNELS_H
#define MICRONET_KERNELS_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if !defined(__GNUC__)
#error "The micronet kernels are written for gcc and clang."
#endif

/* Which instruction set: the compiler's own macros say it. MICRONET_PORTABLE asks for plain C. */
#if defined(__ARM_FEATURE_MVE) && !defined(MICRONET_PORTABLE)
#if __ARM_FEATURE_MVE & 1
#define MICRONET_USE_MVE 1
#include <arm_mve.h>
#endif
#endif
#if defined(__ARM_FEATURE_DSP) && defined(__ARM_ARCH) && !defined(__aarch64__) && !defined(__ARM_BIG_ENDIAN) && \
    !defined(MICRONET_USE_MVE) && !defined(MICRONET_PORTABLE)
#define MICRONET_USE_DSP 1
#endif

#define MICRONET_INLINE static inline __attribute__((always_inline, unused))
#define MICRONET_NOINLINE __attribute__((noinline, nonnull)) /* what is NULL stands in their own text */
#define MICRONET_ALIGN16 __attribute__((aligned(16)))

/* Kernels of any form: specialised for each call in plain C, else shared by all layers. */
#if defined(MICRONET_USE_MVE) || defined(MICRONET_USE_DSP)
#define MICRONET_ANY static __attribute__((noinline, unused))
#else
#define MICRONET_ANY MICRONET_INLINE
#endif

/* Loops over registers: an array stays in registers only where all its indices are constants. */
#define MICRONET_PRAGMA(text) _Pragma(#text)
#if defined(__clang__)
#define MICRONET_UNROLL(n) MICRONET_PRAGMA(clang loop unroll_count(n))
#else
#define MICRONET_UNROLL(n) MICRONET_PRAGMA(GCC unroll n)
#endif

/* How the requantization of a kernel ends. */
typedef struct {
  int shift, zero_point, low, high;
} micronet_output;

/* A one-dimensional depthwise filter. Tap k of output i of line l lies at l * x_line + (i * stride + k) * x_step.
   wide_x and wide_y are 1 where that tensor is int16, else 0. */
typedef struct {
  int channels, multiplier, taps, stride, length, lines, x_step, x_line, y_step, y_line, wide_x, wide_y;
} micronet_lines;

/* A square depthwise filter. Rows and columns are those of the output. */
typedef struct {
  int channels, size, stride, rows, columns, x_pitch, y_pitch;
} micronet_square;

/* A convolution of any window over an input without borders, of which `above` rows lie before x. wide_y is 1 where the
   result is int16, else 0. */
typedef struct {
  int ci, co, groups, kernel_h, kernel_w, stride_h, stride_w, top, left, rows_in, columns_in, rows, columns, x_pitch,
      y_pitch, above, is_unsigned, wide_y;
} micronet_window;

/* A Dynamic Shift-Max: `shifts` is J, `fusions` is K, `width` counts the channels of x, `channels` those of y. */
typedef struct {
  int channels, width, shifts, fusions, rows, columns, x_pitch, y_pitch, x_zero;
} micronet_fusion;

/* The two sides of an addition. */
typedef struct {
  int a_zero, b_zero, a_factor, b_factor;
} micronet_sum_of;

/* CONSTANTS of a generated file. A stream of weights holds, for each group and each block of 4 outputs: 4 biases,
   4 multipliers, 4 rows of weights; the rows of a pointwise block are cut into chunks of 16 inputs. Each macro brings
   its own comma, so that one may expand to nothing.
     MICRONET_M   a multiplier
     MICRONET_W4  4 weights of a pointwise row
     MICRONET_P4, P8, P12  fill a row of a chunk up to 16 weights where vectors of 16 are loaded
     MICRONET_T2  2 taps of any other convolution, the first in the low half
     MICRONET_L16 16 weights of a row of a linear layer, then 16 of the row behind it, as bytes */
#define MICRONET_BYTE(value, place) ((uint32_t)((value)&255) << (8 * (place)))
#define MICRONET_HALVES(low, high) (int32_t)((uint32_t)((low)&65535) | ((uint32_t)((high)&65535) << 16))
#define MICRONET_T2(a, b) MICRONET_HALVES(a, b),

#if defined(MICRONET_USE_DSP)
#define MICRONET_M(m) (2 * (m)), /* SMMLAR keeps the upper 32 bits: 2^32, not 2^31 */
#define MICRONET_W4(a, b, c, d) MICRONET_HALVES(a, c), MICRONET_HALVES(b, d), /* as SXTB16 unpacks 4 pixels */
/* Halves of 256 * b + (a + 128): one multiplication serves both rows, see micronet_linear_four. */
#define MICRONET_L1(a, b) (a) ^ -128, (b)
#define MICRONET_L4(a, b, c, d, e, f, g, h) MICRONET_L1(a, e), MICRONET_L1(c, g), MICRONET_L1(b, f), MICRONET_L1(d, h),
#define MICRONET_L16(a0, a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11, a12, a13, a14, a15, \
                     b0, b1, b2, b3, b4, b5, b6, b7, b8, b9, b10, b11, b12, b13, b14, b15) \
  MICRONET_L4(a0, a1, a2, a3, b0, b1, b2, b3) MICRONET_L4(a4, a5, a6, a7, b4, b5, b6, b7) \
  MICRONET_L4(a8, a9, a10, a11, b8, b9, b10, b11) MICRONET_L4(a12, a13, a14, a15, b12, b13, b14, b15)
#else
#define MICRONET_M(m) (m),
#define MICRONET_L16(a0, a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11, a12, a13, a14, a15, \
                     b0, b1, b2, b3, b4, b5, b6, b7, b8, b9, b10, b11, b12, b13, b14, b15) \
  a0, a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11, a12, a13, a14, a15, \
  b0, b1, b2, b3, b4, b5, b6, b7, b8, b9, b10, b11, b12, b13, b14, b15,
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
#define MICRONET_W4(a, b, c, d) \
  (int32_t)(MICRONET_BYTE(a, 3) | MICRONET_BYTE(b, 2) | MICRONET_BYTE(c, 1) | MICRONET_BYTE(d, 0)),
#else
#define MICRONET_W4(a, b, c, d) \
  (int32_t)(MICRONET_BYTE(a, 0) | MICRONET_BYTE(b, 1) | MICRONET_BYTE(c, 2) | MICRONET_BYTE(d, 3)),
#endif
#endif

#if defined(MICRONET_USE_MVE)
#define MICRONET_P4 0,
#define MICRONET_P8 0, 0,
#define MICRONET_P12 0, 0, 0,
#else
#define MICRONET_P4
#define MICRONET_P8
#define MICRONET_P12
#endif

/* Words of a stream before the rows of a block: 4 biases and 4 multipliers. */
enum { MICRONET_BLOCK = 4, MICRONET_BLOCK_HEAD = 8 };

MICRONET_INLINE int micronet_min(int a, int b) { return a < b ? a : b; }
MICRONET_INLINE int micronet_max(int a, int b) { return a > b ? a : b; }
MICRONET_INLINE int micronet_clamp(int value, int low, int high) {
  return micronet_min(micronet_max(value, low), high);
}

/* The element at x, which is int16 if it is wide (1) and int8 if not (0). */
MICRONET_INLINE int32_t micronet_element(const int8_t *x, int wide) {
  return wide ? *(const int16_t *)(const void *)x : *x;
}

MICRONET_INLINE void micronet_set_element(int8_t *y, int wide, int value) {
  if (wide)
    *(int16_t *)(void *)y = (int16_t)value;
  else
    *y = (int8_t)value;
}

/* sum * 2^shift, saturated. The shift is a constant of the layer and nearly always 0. */
MICRONET_INLINE int32_t micronet_scale_up(int32_t sum, int shift) {
  if (shift == 0) return sum;
  const int64_t scaled = (int64_t)sum * ((int64_t)1 << shift);
  if (scaled > INT32_MAX) return INT32_MAX;
  return scaled < INT32_MIN ? INT32_MIN : (int32_t)scaled;
}

/* Fills pixels of a border, whose channels may differ: zero in a normalized image is another pixel in each. */
MICRONET_INLINE void micronet_fill_pixels(int8_t *y, int pixels, int channels, const int8_t *border) {
  for (int i = 0; i < pixels; i++, y += channels)
    for (int c = 0; c < channels; c++) y[c] = border[c];
}

/* The same address, but the compiler no longer knows it: it would load all weights before the loop, and spill them. */
MICRONET_INLINE const int32_t *micronet_loaded_here(const int32_t *w) {
  __asm__ volatile("" : "+r"(w));
  return w;
}

/* Keeps loads where they are used: left alone, the compiler loads far ahead and spills. */
MICRONET_INLINE void micronet_loads_stay_here(void) { __asm__ volatile("" ::: "memory"); }

/* Writes one line of a convolution's input with its borders to `line`, as int8. */
MICRONET_INLINE void micronet_padded_line(const uint8_t *x, int8_t *line, int row, const int8_t *border,
                                          micronet_window f) {
  const int width = (f.columns - 1) * f.stride_w + f.kernel_w;
  const int inside = micronet_max(micronet_min(f.columns_in, width - f.left), 0);
  if (row < -f.above || row >= f.rows_in) {
    micronet_fill_pixels(line, width, f.ci, border);
    return;
  }
  const uint8_t *from = x + row * f.x_pitch;
  int8_t *to = line + f.left * f.ci;
  micronet_fill_pixels(line, f.left, f.ci, border);
  if (f.is_unsigned) {
    int i = 0;
    for (; i + 4 <= inside * f.ci; i += 4) {
      uint32_t four;
      memcpy(&four, from + i, 4);
      four ^= 0x80808080u; /* value - 128, for 4 pixels at once */
      memcpy(to + i, &four, 4);
    }
    for (; i < inside * f.ci; i++) to[i] = (int8_t)(from[i] - 128);
  } else {
    memcpy(to, from, (size_t)(inside * f.ci));
  }
  const int filled = f.left + inside;
  micronet_fill_pixels(line + filled * f.ci, width - filled, f.ci, border);
}

/* Fills bytes; the vector extension does that faster than a library's memset. */
MICRONET_INLINE void micronet_fill(int8_t *y, int value, int bytes) {
#if defined(MICRONET_USE_MVE)
  const int8x16_t values = vdupq_n_s8((int8_t)value);
  for (; bytes >= 16; bytes -= 16, y += 16) vstrbq_s8(y, values);
  if (bytes > 0) vstrbq_p_s8(y, values, vctp8q((uint32_t)bytes));
#else
  memset(y, value, (size_t)bytes);
#endif
}

/* Fills the border around rows x row_bytes bytes at y; left and right count bytes, top and bottom rows. Every byte
   becomes `zero`. */
MICRONET_INLINE void micronet_border(void *y, int rows, int row_bytes, int pitch, int top, int bottom, int left,
                                     int right, int zero) {
  const int whole = left + row_bytes + right;
  int8_t *const inside = (int8_t *)y;
  for (int row = -top; row < 0; row++) micronet_fill(inside + row * pitch - left, zero, whole);
  for (int row = 0; row < rows && left + right > 0; row++) {
    int8_t *line = inside + row * pitch;
    if (left > 0) micronet_fill(line - left, zero, left);
    if (right > 0) micronet_fill(line + row_bytes, zero, right);
  }
  for (int row = rows; row < rows + bottom; row++) micronet_fill(inside + row * pitch - left, zero, whole);
}

/* Pixels from 0 to 255 as values from -128 to 127. */
MICRONET_INLINE void micronet_signed(const uint8_t *x, int8_t *y, int length) {
  for (int i = 0; i < length; i++) y[i] = (int8_t)(x[i] - 128);
}

/* y[pixel, c] = x[pixel, from[c]]. */
MICRONET_INLINE void micronet_permute(const int8_t *x, int8_t *y, int rows, int columns, int channels, int x_pitch,
                                      int y_pitch, const uint16_t *from) {
  for (int row = 0; row < rows; row++) {
    const int8_t *in = x + row * x_pitch;
    int8_t *out = y + row * y_pitch;
    for (int column = 0; column < columns; column++, in += channels, out += channels)
      for (int c = 0; c < channels; c++) out[c] = in[from[c]];
  }
}

/* The place of the largest score, the first one of equals. */
MICRONET_INLINE int micronet_argmax(const int8_t *scores, int n) {
  int best = 0;
  for (int i = 1; i < n; i++)
    if (scores[i] > scores[best]) best = i;
  return best;
}

#if defined(MICRONET_USE_MVE)
#include "micronet_kernels_mve.h"
#elif defined(MICRONET_USE_DSP)
#include "micronet_kernels_dsp.h"
#else
#include "micronet_kernels_portable.h"
#endif
#include "micronet_kernels_f32.h"

#endif
