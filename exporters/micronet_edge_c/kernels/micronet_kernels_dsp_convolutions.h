/* Convolutions of any window on cores with the DSP extension: a part of micronet_kernels_dsp.h.
   SPDX-License-Identifier: MIT. Copyright (c) The micronet-edge authors. */
#ifndef MICRONET_KERNELS_DSP_CONVOLUTIONS_H
#define MICRONET_KERNELS_DSP_CONVOLUTIONS_H

#include "micronet_kernels_dsp_arithmetic.h"
#include "micronet_kernels_any.h"

/* The taps of one window in pairs, in the order of the weights: kernel row, kernel column, channel. */
enum { MICRONET_MOST_TAP_PAIRS = 16 };
MICRONET_INLINE void micronet_gather_taps(const int8_t *lines, int pitch, int line_taps, int taps, int32_t *pairs) {
  MICRONET_UNROLL(16)
  for (int k = 0; k < taps; k += 2) {
    const int8_t *first = lines + k / line_taps * pitch + k % line_taps;
    const int8_t *second = lines + (k + 1) / line_taps * pitch + (k + 1) % line_taps;
    pairs[k / 2] = k + 1 < taps ? micronet_pair(*first, *second) : *first;
  }
}

/* `lanes` outputs of 1 or 2 pixels whose taps are gathered. */
MICRONET_INLINE void micronet_window_lanes(int32_t (*x)[MICRONET_MOST_TAP_PAIRS], const int32_t *block, int8_t *y,
                                           int pixels, int pairs, int lanes, int co, int wide, micronet_output q) {
  MICRONET_UNROLL(4)
  for (int lane = 0; lane < lanes; lane++) {
    int32_t sums[2] = {block[lane], block[lane]};
    MICRONET_UNROLL(16)
    for (int k = 0; k < pairs; k++) {
      const int32_t weights = block[MICRONET_BLOCK_HEAD + lane * pairs + k];
      MICRONET_UNROLL(2)
      for (int p = 0; p < pixels; p++) sums[p] = micronet_dot(x[p][k], weights, sums[p]);
    }
    MICRONET_UNROLL(2)
    for (int p = 0; p < pixels; p++) {
      const int value = micronet_requantize(sums[p], block[MICRONET_BLOCK + lane], q);
      micronet_set_element(y + ((p * co + lane) << wide), wide, value);
    }
  }
}

/* All outputs of 1 or 2 pixels whose taps are gathered. */
MICRONET_INLINE void micronet_window_outputs(int32_t (*x)[MICRONET_MOST_TAP_PAIRS], const int32_t *w, int8_t *y,
                                             int pixels, int pairs, int co, int wide, micronet_output q) {
  int o = 0;
  w = micronet_loaded_here(w);
  MICRONET_UNROLL(1)
  for (; o + MICRONET_BLOCK <= co; o += MICRONET_BLOCK, w += MICRONET_BLOCK_HEAD + MICRONET_BLOCK * pairs)
    micronet_window_lanes(x, w, y + (o << wide), pixels, pairs, MICRONET_BLOCK, co, wide, q);
  if (o < co) micronet_window_lanes(x, w, y + (o << wide), pixels, pairs, co - o, co, wide, q);
}

/* One row of outputs of a window with up to 32 taps and one group: two pixels share the loads of weights. */
MICRONET_INLINE void micronet_window_row(const int8_t *lines, int pitch, const int32_t *w, int8_t *y, micronet_window f,
                                         micronet_output q) {
  const int line_taps = f.kernel_w * f.ci, taps = f.kernel_h * line_taps, pairs = (taps + 1) / 2;
  const int step = f.stride_w * f.ci;
  int32_t x[2][MICRONET_MOST_TAP_PAIRS] = {{0}, {0}};
  int column = 0;
  for (; column + 2 <= f.columns; column += 2, lines += 2 * step, y += (2 * f.co) << f.wide_y) {
    micronet_gather_taps(lines, pitch, line_taps, taps, x[0]);
    micronet_gather_taps(lines + step, pitch, line_taps, taps, x[1]);
    micronet_window_outputs(x, w, y, 2, pairs, f.co, f.wide_y, q);
  }
  if (column < f.columns) {
    micronet_gather_taps(lines, pitch, line_taps, taps, x[0]);
    micronet_window_outputs(x, w, y, 1, pairs, f.co, f.wide_y, q);
  }
}

/* A convolution of any window. x has no borders and is uint8 where f.is_unsigned says so; `border` holds the ci
   values around it, `scratch` kernel_h * ((columns - 1) * stride_w + kernel_w) * ci + 16 bytes. */
MICRONET_INLINE void micronet_convolution(const void *x, const int32_t *w, void *y, int8_t *scratch,
                                          const int8_t *border, micronet_window f, micronet_output q) {
  const int pitch = ((f.columns - 1) * f.stride_w + f.kernel_w) * f.ci;
  const int is_whole = !f.is_unsigned && f.left == 0 && pitch == f.x_pitch; /* lines need no copy */
  for (int row = 0; row < f.rows; row++) {
    const int first = row * f.stride_h - f.top;
    const int8_t *lines = scratch;
    if (is_whole && first >= -f.above && first + f.kernel_h <= f.rows_in)
      lines = (const int8_t *)x + first * f.x_pitch;
    else
      for (int i = 0; i < f.kernel_h; i++)
        micronet_padded_line((const uint8_t *)x, scratch + i * pitch, first + i, border, f);
    if (f.groups == 1 && f.kernel_h * f.kernel_w * f.ci <= 2 * MICRONET_MOST_TAP_PAIRS)
      micronet_window_row(lines, pitch, w, (int8_t *)y + row * f.y_pitch, f, q);
    else
      micronet_window_row_any(lines, pitch, w, (int8_t *)y + row * f.y_pitch, f, q);
  }
}

#endif
