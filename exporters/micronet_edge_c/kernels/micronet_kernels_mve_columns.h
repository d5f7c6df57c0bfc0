/* Windows one pixel wide on cores with the vector extension, as the first half of a factorized stem has: a part of
   micronet_kernels_mve.h.
   SPDX-License-Identifier: MIT. Copyright (c) The micronet-edge authors.

   The lines of a window are spread over the scratch so that all taps of a pixel lie side by side: up to 16 of them meet
   their weights in one instruction. */
#ifndef MICRONET_KERNELS_MVE_COLUMNS_H
#define MICRONET_KERNELS_MVE_COLUMNS_H

#include "micronet_kernels_mve_arithmetic.h"

/* Where the bytes of a block of whole pixels go: from pixel to pixel it is `taps` bytes. */
MICRONET_INLINE uint8x16_t micronet_column_places(int ci, int taps) {
  uint8_t places[16];
  MICRONET_UNROLL(16)
  for (int k = 0; k < 16; k++) places[k] = (uint8_t)(k / ci * taps + k % ci);
  return vldrbq_u8(places);
}

/* Spreads a line of `bytes` bytes, `step` bytes from block to block; each is changed by `flip`. Only the last block may
   not read behind its end. */
MICRONET_INLINE void micronet_spread_line(const uint8_t *x, int8_t *to, int bytes, int step, int ci, int taps,
                                          uint8x16_t flip) {
  const uint8x16_t places = micronet_column_places(ci, taps);
  const int pixels = 16 / ci;
  for (; bytes > 16; bytes -= pixels * ci, x += step, to += pixels * taps)
    vstrbq_scatter_offset_u8((uint8_t *)to, places, veorq_u8(vldrbq_u8(x), flip));
  const mve_pred16_t left = vctp8q((uint32_t)bytes);
  vstrbq_scatter_offset_p_u8((uint8_t *)to, places, veorq_u8(vldrbq_z_u8(x, left), flip), left);
}

/* One line of the window; outside of the image the border's values. */
MICRONET_INLINE void micronet_spread_row(const uint8_t *x, int8_t *to, int row, const int8_t *border,
                                         micronet_window f) {
  const int taps = f.kernel_h * f.ci, bytes = f.columns * f.ci;
  if (row >= -f.above && row < f.rows_in) {
    micronet_spread_line(x + row * f.x_pitch, to, bytes, 16 / f.ci * f.ci, f.ci, taps,
                         vdupq_n_u8(f.is_unsigned ? 128 : 0));
    return;
  }
  uint8_t pixels[16];
  MICRONET_UNROLL(16)
  for (int k = 0; k < 16; k++) pixels[k] = (uint8_t)border[k % f.ci];
  micronet_spread_line(pixels, to, bytes, 0, f.ci, taps, vdupq_n_u8(0));
}

/* A row of outputs from spread lines. The weights are int16 in memory: their low bytes are all there is to them. */
MICRONET_INLINE void micronet_column_outputs(const int8_t *lines, const int32_t *w, int8_t *y, micronet_window f,
                                             micronet_output q) {
  const int taps = f.kernel_h * f.ci, row_bytes = 4 * ((taps + 1) / 2);
  const uint8x16_t low_bytes = vidupq_n_u8(0, 2);
  const mve_pred16_t some = vctp8q((uint32_t)taps);
  for (int o = 0; o < f.co; o += MICRONET_BLOCK, w += MICRONET_BLOCK_HEAD + row_bytes) {
    const int8_t *rows = (const int8_t *)(w + MICRONET_BLOCK_HEAD), *x = lines;
    const int32x4_t biases = vldrwq_s32(w), multipliers = vldrwq_s32(w + MICRONET_BLOCK);
    const int8x16_t first = vldrbq_gather_offset_z_s8(rows, low_bytes, some);
    const int8x16_t second = vldrbq_gather_offset_z_s8(rows + row_bytes, low_bytes, some);
    const int8x16_t third = vldrbq_gather_offset_z_s8(rows + 2 * row_bytes, low_bytes, some);
    const int8x16_t fourth = vldrbq_gather_offset_z_s8(rows + 3 * row_bytes, low_bytes, some);
    const int lanes = f.co % MICRONET_BLOCK == 0 ? MICRONET_BLOCK : micronet_min(f.co - o, MICRONET_BLOCK);
    int8_t *out = y + (o << f.wide_y);
    for (int column = f.columns; column > 0; column--, x += taps, out += f.co << f.wide_y) {
      const int8x16_t pixel = vldrbq_s8(x);
      const int32_t sums[4] = {vmladavq_s8(pixel, first), vmladavq_s8(pixel, second), vmladavq_s8(pixel, third),
                               vmladavq_s8(pixel, fourth)};
      micronet_put_outputs(out, f.wide_y, sums, biases, multipliers, lanes, q);
    }
  }
}

/* Whether the kernel below takes this window. */
MICRONET_INLINE int micronet_is_column(micronet_window f) {
  return f.groups == 1 && f.kernel_w == 1 && f.stride_w == 1 && f.left == 0 && f.columns == f.columns_in &&
         f.kernel_h * f.ci <= 16;
}

/* micronet_convolution of such a window. */
MICRONET_INLINE void micronet_columns(const uint8_t *x, const int32_t *w, int8_t *y, int8_t *scratch,
                                      const int8_t *border, micronet_window f, micronet_output q) {
  for (int row = 0; row < f.rows; row++) {
    for (int i = 0; i < f.kernel_h; i++)
      micronet_spread_row(x, scratch + i * f.ci, row * f.stride_h - f.top + i, border, f);
    micronet_loads_stay_here();
    micronet_column_outputs(scratch, w, y + row * f.y_pitch, f, q);
  }
}

#endif
