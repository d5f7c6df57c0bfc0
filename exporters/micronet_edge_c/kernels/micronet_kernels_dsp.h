/* The kernels of micronet_kernels.h for cores with the DSP extension (Cortex-M4, M7, M33).
   SPDX-License-Identifier: MIT. Copyright (c) The micronet-edge authors.

   SMLAD multiplies two pairs of int16 and adds both products: pixels and weights travel in pairs. SMMLAR rounds, scales
   and adds the zero point in one instruction. Loops keep weights or pixels in registers; how many of each is what the
   14 registers hold. */
#ifndef MICRONET_KERNELS_DSP_H
#define MICRONET_KERNELS_DSP_H

#include "micronet_kernels_dsp_arithmetic.h"
#include "micronet_kernels_dsp_pointwise.h"
#include "micronet_kernels_dsp_lines.h"
#include "micronet_kernels_dsp_square.h"
#include "micronet_kernels_dsp_convolutions.h"
#include "micronet_kernels_dsp_linear.h"
#include "micronet_kernels_dsp_shift_max.h"

/* ---- sums ---- */

/* Sums of 4 channels over up to 256 pixels: so many fit 16 bits. */
MICRONET_INLINE void micronet_sum_some(const int8_t *x, int32_t *sums, int pixels, int channels) {
  int32_t even = 0, odd = 0;
  MICRONET_UNROLL(4)
  for (int p = 0; p < pixels; p++, x += channels) {
    const int32_t four = micronet_word(x);
    even = __sxtab16(even, four);
    __asm__("sxtab16 %0, %0, %1, ror #8" : "+r"(odd) : "r"(four));
  }
  sums[0] += (int16_t)even;
  sums[1] += (int16_t)odd;
  sums[2] += even >> 16;
  sums[3] += odd >> 16;
}

/* The sum of each channel over all pixels. */
MICRONET_INLINE void micronet_sum(const int8_t *x, int32_t *sums, int rows, int columns, int pitch, int channels) {
  if (pitch == columns * channels) {
    columns *= rows;
    rows = 1;
  }
  for (int c = 0; c < channels; c += 4) {
    int32_t four[4] = {0, 0, 0, 0};
    for (int row = 0; row < rows; row++) {
      const int8_t *in = x + row * pitch + c;
      for (int column = 0; column < columns; column += 256, in += 256 * channels)
        micronet_sum_some(in, four, micronet_min(columns - column, 256), channels);
    }
    for (int lane = 0; lane < 4 && c + lane < channels; lane++) sums[c + lane] = four[lane];
  }
}

/* Means from sums; the bias is -pixels * x_zero. */
MICRONET_INLINE void micronet_mean(const int32_t *sums, int8_t *y, int channels, int32_t bias, int32_t multiplier,
                                   micronet_output q) {
  MICRONET_UNROLL(4)
  for (int c = 0; c < channels; c++) y[c] = (int8_t)micronet_requantize(sums[c] + bias, 2 * multiplier, q);
}

/* ---- element by element ---- */

/* y = table[x + 128]; y may be x. */
MICRONET_INLINE void micronet_table(const int8_t *x, int8_t *y, int rows, int row_bytes, int x_pitch, int y_pitch,
                                    const int8_t *table) {
  for (int row = 0; row < rows; row++) {
    const int8_t *in = x + row * x_pitch;
    int8_t *out = y + row * y_pitch;
    for (int fours = row_bytes / 4; fours > 0; fours--, in += 4, out += 4) {
      const uint32_t places = (uint32_t)micronet_word(in) ^ 0x80808080u; /* x + 128 */
      out[0] = table[places & 255];
      out[1] = table[places >> 8 & 255];
      out[2] = table[places >> 16 & 255];
      out[3] = table[places >> 24];
    }
    for (int i = 0; i < row_bytes % 4; i++) out[i] = table[in[i] + 128];
  }
}

/* The sum of two tensors; y may be a or b. */
MICRONET_INLINE void micronet_add(const int8_t *a, const int8_t *b, int8_t *y, int rows, int row_bytes, int a_pitch,
                                  int b_pitch, int y_pitch, micronet_sum_of two, int32_t multiplier,
                                  micronet_output q) {
  const int32_t bias = -two.a_factor * two.a_zero - two.b_factor * two.b_zero;
  for (int row = 0; row < rows; row++) {
    const int8_t *first = a + row * a_pitch, *second = b + row * b_pitch;
    int8_t *out = y + row * y_pitch;
    MICRONET_UNROLL(4)
    for (int i = 0; i < row_bytes; i++) {
      const int32_t part = micronet_low_low(first[i], two.a_factor, bias);
      const int32_t sum = micronet_low_low(second[i], two.b_factor, part);
      out[i] = (int8_t)micronet_requantize(sum, 2 * multiplier, q);
    }
  }
}

/* The product of each channel with one value, as in squeeze-and-excite. */
MICRONET_INLINE void micronet_scale(const int8_t *x, const int8_t *s, int8_t *y, int rows, int columns, int channels,
                                    int x_pitch, int y_pitch, int x_zero, int s_zero, int32_t multiplier,
                                    micronet_output q) {
  for (int c = 0; c < channels; c++) {
    const int32_t factor = s[c] - s_zero, bias = -x_zero * factor;
    for (int row = 0; row < rows; row++) {
      const int8_t *in = x + row * x_pitch + c;
      int8_t *out = y + row * y_pitch + c;
      MICRONET_UNROLL(4)
      for (int column = 0; column < columns; column++, in += channels, out += channels)
        *out = (int8_t)micronet_requantize(micronet_low_low(*in, factor, bias), 2 * multiplier, q);
    }
  }
}

#endif
