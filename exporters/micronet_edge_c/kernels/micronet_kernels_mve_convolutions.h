/* Convolutions of any window on cores with the vector extension: a part of micronet_kernels_mve.h.
   SPDX-License-Identifier: MIT. Copyright (c) The micronet-edge authors. */
#ifndef MICRONET_KERNELS_MVE_CONVOLUTIONS_H
#define MICRONET_KERNELS_MVE_CONVOLUTIONS_H

#include "micronet_kernels_mve_columns.h"
#include "micronet_kernels_any.h"

/* 8 taps of a pixel from number `first` on; zeros where there are no more, as weights of other outputs lie there. */
MICRONET_INLINE int16x8_t micronet_gather_taps(const int8_t *x, uint16x8_t offsets, int taps, int first) {
  if (taps - first >= 8) return vldrbq_gather_offset_s16(x, offsets);
  return vldrbq_gather_offset_z_s16(x, offsets, vctp16q((uint32_t)micronet_max(taps - first, 0)));
}

/* Where 8 taps of a window lie, in the order of the weights: kernel row, kernel column, channel. */
MICRONET_INLINE uint16x8_t micronet_tap_offsets(int first, int pitch, int line_taps) {
  uint16_t offsets[8];
  MICRONET_UNROLL(8)
  for (int k = 0; k < 8; k++) offsets[k] = (uint16_t)((first + k) / line_taps * pitch + (first + k) % line_taps);
  return vldrhq_u16(offsets);
}

/* All outputs of 1 or 2 pixels. The weights are pairs of int16, as they lie. */
enum { MICRONET_MOST_TAP_CHUNKS = 4 };
MICRONET_INLINE void micronet_window_outputs(const int8_t *x, int step, const uint16x8_t *offsets, const int32_t *w,
                                             int8_t *y, int pixels, int taps, int co, int wide, micronet_output q) {
  const int chunks = (taps + 7) / 8, pairs = (taps + 1) / 2;
  int16x8_t inputs[2][MICRONET_MOST_TAP_CHUNKS];
  MICRONET_UNROLL(4)
  for (int k = 0; k < MICRONET_MOST_TAP_CHUNKS; k++) {
    inputs[0][k] = k < chunks ? micronet_gather_taps(x, offsets[k], taps, 8 * k) : vdupq_n_s16(0);
    inputs[1][k] = k < chunks && pixels == 2 ? micronet_gather_taps(x + step, offsets[k], taps, 8 * k) : inputs[0][k];
  }
  w = micronet_loaded_here(w);
  for (int o = 0; o < co; o += MICRONET_BLOCK, w += MICRONET_BLOCK_HEAD + MICRONET_BLOCK * pairs) {
    const int16_t *rows = (const int16_t *)(const void *)(w + MICRONET_BLOCK_HEAD);
    int32_t sums[2][4] = {{0, 0, 0, 0}, {0, 0, 0, 0}};
    MICRONET_UNROLL(4)
    for (int lane = 0; lane < MICRONET_BLOCK; lane++) {
      micronet_loads_stay_here();
      MICRONET_UNROLL(4)
      for (int k = 0; k < chunks; k++) {
        const int16x8_t weights = vldrhq_s16(rows + 2 * pairs * lane + 8 * k);
        MICRONET_UNROLL(2)
        for (int p = 0; p < pixels; p++)
          sums[p][lane] = k == 0 ? vmladavq_s16(inputs[p][k], weights)
                                 : vmladavaq_s16(sums[p][lane], inputs[p][k], weights);
      }
    }
    const int lanes = co % MICRONET_BLOCK == 0 ? MICRONET_BLOCK : micronet_min(co - o, MICRONET_BLOCK);
    const int32x4_t biases = vldrwq_s32(w), multipliers = vldrwq_s32(w + MICRONET_BLOCK);
    MICRONET_UNROLL(2)
    for (int p = 0; p < pixels; p++)
      micronet_put_outputs(y + ((p * co + o) << wide), wide, sums[p], biases, multipliers, lanes, q);
  }
}

/* One row of outputs of a window with up to 32 taps and one group: two pixels share the loads of weights. */
MICRONET_INLINE void micronet_window_row(const int8_t *lines, int pitch, const int32_t *w, int8_t *y, micronet_window f,
                                         micronet_output q) {
  const int line_taps = f.kernel_w * f.ci, taps = f.kernel_h * line_taps, step = f.stride_w * f.ci;
  uint16x8_t offsets[MICRONET_MOST_TAP_CHUNKS];
  MICRONET_UNROLL(4)
  for (int k = 0; k < MICRONET_MOST_TAP_CHUNKS; k++) offsets[k] = vdupq_n_u16(0);
  MICRONET_UNROLL(4)
  for (int k = 0; k < (taps + 7) / 8; k++) offsets[k] = micronet_tap_offsets(8 * k, pitch, line_taps);
  int column = 0;
  for (; column + 2 <= f.columns; column += 2, lines += 2 * step, y += (2 * f.co) << f.wide_y)
    micronet_window_outputs(lines, step, offsets, w, y, 2, taps, f.co, f.wide_y, q);
  if (column < f.columns) micronet_window_outputs(lines, step, offsets, w, y, 1, taps, f.co, f.wide_y, q);
}

/* A convolution of any window. x has no borders and is uint8 where f.is_unsigned says so; `border` holds the ci
   values around it, `scratch` kernel_h * ((columns - 1) * stride_w + kernel_w) * ci + 16 bytes. */
MICRONET_INLINE void micronet_convolution(const void *x, const int32_t *w, void *y, int8_t *scratch,
                                          const int8_t *border, micronet_window f, micronet_output q) {
  if (micronet_is_column(f)) {
    micronet_columns((const uint8_t *)x, w, (int8_t *)y, scratch, border, f, q);
    return;
  }
  const int pitch = ((f.columns - 1) * f.stride_w + f.kernel_w) * f.ci;
  const int is_whole = !f.is_unsigned && f.left == 0 && pitch == f.x_pitch; /* lines need no copy */
  /* Distances of taps are 16 bits wide. */
  const int is_near = f.kernel_h * pitch < 65536 && f.kernel_h * f.kernel_w * f.ci <= 8 * MICRONET_MOST_TAP_CHUNKS;
  for (int row = 0; row < f.rows; row++) {
    const int first = row * f.stride_h - f.top;
    const int8_t *lines = scratch;
    if (is_whole && first >= -f.above && first + f.kernel_h <= f.rows_in)
      lines = (const int8_t *)x + first * f.x_pitch;
    else
      for (int i = 0; i < f.kernel_h; i++)
        micronet_padded_line((const uint8_t *)x, scratch + i * pitch, first + i, border, f);
    micronet_loads_stay_here(); /* gcc 12 does not see that gathers read what was just stored */
    if (f.groups == 1 && is_near)
      micronet_window_row(lines, pitch, w, (int8_t *)y + row * f.y_pitch, f, q);
    else
      micronet_window_row_any(lines, pitch, w, (int8_t *)y + row * f.y_pitch, f, q);
  }
}

#endif
