/* The kernels of micronet_kernels.h for cores with the M-profile vector extension (Cortex-M55, M85).
   SPDX-License-Identifier: MIT. Copyright (c) The micronet-edge authors.

   Where many inputs meet (pointwise, linear), VMLADAV multiplies 16 weights by 16 pixels and adds all products.
   Elsewhere the lanes are lines or pixels of one channel, weights are scalars, and sums stay in lanes of 32 bits. */
#ifndef MICRONET_KERNELS_MVE_H
#define MICRONET_KERNELS_MVE_H

#include "micronet_kernels_mve_arithmetic.h"
#include "micronet_kernels_mve_pointwise.h"
#include "micronet_kernels_mve_lines.h"
#include "micronet_kernels_mve_square.h"
#include "micronet_kernels_mve_convolutions.h"
#include "micronet_kernels_mve_linear.h"
#include "micronet_kernels_mve_shift_max.h"

/* ---- sums ---- */

/* The sum of each channel over all pixels: 8 channels in lanes of 16 bits, which hold up to 256 pixels. */
MICRONET_INLINE void micronet_sum(const int8_t *x, int32_t *sums, int rows, int columns, int pitch, int channels) {
  if (pitch == columns * channels) {
    columns *= rows;
    rows = 1;
  }
  for (int c = 0; c < channels; c += 8) {
    int32x4_t even = vdupq_n_s32(0), odd = vdupq_n_s32(0);
    for (int row = 0; row < rows; row++) {
      const int8_t *in = x + row * pitch + c;
      for (int column = 0; column < columns; column += 256) {
        int16x8_t some = vdupq_n_s16(0);
        MICRONET_UNROLL(4)
        for (int i = micronet_min(columns - column, 256); i > 0; i--, in += channels)
          some = vaddq_s16(some, vldrbq_s16(in));
        even = vaddq_s32(even, vmovlbq_s16(some));
        odd = vaddq_s32(odd, vmovltq_s16(some));
      }
    }
    int32x4x2_t eight;
    int32_t stored[8];
    eight.val[0] = even;
    eight.val[1] = odd;
    vst2q_s32(channels - c < 8 ? stored : sums + c, eight);
    if (channels - c < 8) memcpy(sums + c, stored, (size_t)(channels - c) * sizeof(int32_t));
  }
}

/* Means from sums; the bias is -pixels * x_zero. */
MICRONET_INLINE void micronet_mean(const int32_t *sums, int8_t *y, int channels, int32_t bias, int32_t multiplier,
                                   micronet_output q) {
  for (int c = 0; c < channels; c += 4) {
    const mve_pred16_t left = vctp32q((uint32_t)(channels - c));
    const int32x4_t sum = vaddq_n_s32(vldrwq_z_s32(sums + c, left), bias);
    vstrbq_p_s32(y + c, micronet_requantize_by(sum, multiplier, q), left);
  }
}

/* ---- element by element: 8 or 16 at once. Loads may pass the end, stores may not. ---- */

/* Stores the low bytes of 8 lanes, or of the first `left` ones. */
MICRONET_INLINE void micronet_put_eight(int8_t *y, int16x8_t value, int left) {
  if (left >= 8)
    vstrbq_s16(y, value);
  else
    vstrbq_p_s16(y, value, vctp16q((uint32_t)left));
}

MICRONET_INLINE int8x16_t micronet_look_up(const int8_t *x, const int8_t *table) {
  return vldrbq_gather_offset_s8(table, veorq_u8(vldrbq_u8((const uint8_t *)x), vdupq_n_u8(128)));
}

/* y = table[x + 128]; y may be x. */
MICRONET_INLINE void micronet_table(const int8_t *x, int8_t *y, int rows, int row_bytes, int x_pitch, int y_pitch,
                                    const int8_t *table) {
  for (int row = 0; row < rows; row++) {
    const int8_t *in = x + row * x_pitch;
    int8_t *out = y + row * y_pitch;
    for (int block = row_bytes / 16; block > 0; block--, in += 16, out += 16)
      vstrbq_s8(out, micronet_look_up(in, table));
    if (row_bytes % 16 > 0) vstrbq_p_s8(out, micronet_look_up(in, table), vctp8q((uint32_t)(row_bytes % 16)));
  }
}

/* The sums of 8 elements of two tensors. */
MICRONET_INLINE int16x8_t micronet_add_eight(const int8_t *a, const int8_t *b, micronet_sum_of two, int32_t multiplier,
                                             micronet_output q) {
  const int32_t bias = -two.a_factor * two.a_zero - two.b_factor * two.b_zero;
  const int16x8_t a_factors = vdupq_n_s16((int16_t)two.a_factor), b_factors = vdupq_n_s16((int16_t)two.b_factor);
  const int16x8_t first = vldrbq_s16(a), second = vldrbq_s16(b);
  const int32x4_t even = vaddq_s32(vmullbq_int_s16(first, a_factors), vmullbq_int_s16(second, b_factors));
  const int32x4_t odd = vaddq_s32(vmulltq_int_s16(first, a_factors), vmulltq_int_s16(second, b_factors));
  return micronet_requantize_eight(vaddq_n_s32(even, bias), vaddq_n_s32(odd, bias), multiplier, q);
}

/* The sum of two tensors; y may be a or b. */
MICRONET_INLINE void micronet_add(const int8_t *a, const int8_t *b, int8_t *y, int rows, int row_bytes, int a_pitch,
                                  int b_pitch, int y_pitch, micronet_sum_of two, int32_t multiplier,
                                  micronet_output q) {
  for (int row = 0; row < rows; row++) {
    const int8_t *first = a + row * a_pitch, *second = b + row * b_pitch;
    int8_t *out = y + row * y_pitch;
    for (int block = row_bytes / 8; block > 0; block--, first += 8, second += 8, out += 8)
      micronet_put_eight(out, micronet_add_eight(first, second, two, multiplier, q), 8);
    if (row_bytes % 8 > 0)
      micronet_put_eight(out, micronet_add_eight(first, second, two, multiplier, q), row_bytes % 8);
  }
}

/* The products of `lanes` (up to 8) channels. */
MICRONET_INLINE void micronet_scale_eight(const int8_t *x, const int8_t *s, int8_t *y, int columns, int lanes,
                                          int channels, int x_zero, int s_zero, int32_t multiplier,
                                          micronet_output q) {
  const int16x8_t factors = vsubq_n_s16(vldrbq_s16(s), (int16_t)s_zero);
  for (int column = 0; column < columns; column++, x += channels, y += channels) {
    const int16x8_t pixels = vsubq_n_s16(vldrbq_s16(x), (int16_t)x_zero);
    const int32x4_t even = vmullbq_int_s16(pixels, factors), odd = vmulltq_int_s16(pixels, factors);
    micronet_put_eight(y, micronet_requantize_eight(even, odd, multiplier, q), lanes);
  }
}

/* The product of each channel with one value, as in squeeze-and-excite. */
MICRONET_INLINE void micronet_scale(const int8_t *x, const int8_t *s, int8_t *y, int rows, int columns, int channels,
                                    int x_pitch, int y_pitch, int x_zero, int s_zero, int32_t multiplier,
                                    micronet_output q) {
  for (int row = 0; row < rows; row++, x += x_pitch, y += y_pitch) {
    int c = 0;
    for (; c + 8 <= channels; c += 8)
      micronet_scale_eight(x + c, s + c, y + c, columns, 8, channels, x_zero, s_zero, multiplier, q);
    if (c < channels)
      micronet_scale_eight(x + c, s + c, y + c, columns, channels - c, channels, x_zero, s_zero, multiplier, q);
  }
}

#endif
