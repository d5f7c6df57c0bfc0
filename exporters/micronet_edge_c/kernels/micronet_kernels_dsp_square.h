/* Square depthwise filters on cores with the DSP extension: a part of micronet_kernels_dsp.h.
   SPDX-License-Identifier: MIT. Copyright (c) The micronet-edge authors. */
#ifndef MICRONET_KERNELS_DSP_SQUARE_H
#define MICRONET_KERNELS_DSP_SQUARE_H

#include "micronet_kernels_dsp_arithmetic.h"
#include "micronet_kernels_any.h"

/* The weights of a square filter by columns: pairs of rows, then the last row alone. */
enum { MICRONET_MOST_SIZE = 5, MICRONET_MOST_COLUMN = 3 };
typedef struct {
  int32_t bias, multiplier, total;
  int32_t column[MICRONET_MOST_SIZE][MICRONET_MOST_COLUMN];
} micronet_square_filter;

MICRONET_INLINE micronet_square_filter micronet_load_square(const int32_t *w, int c, int size) {
  const int lane = c % MICRONET_BLOCK, line_words = (size + 1) / 2, row_words = size * line_words;
  const int32_t *block = w + c / MICRONET_BLOCK * (MICRONET_BLOCK_HEAD + MICRONET_BLOCK * row_words);
  const int32_t *taps = block + MICRONET_BLOCK_HEAD + lane * row_words;
  micronet_square_filter filter;
  filter.bias = block[lane];
  filter.multiplier = block[MICRONET_BLOCK + lane];
  filter.total = 0;
  MICRONET_UNROLL(5)
  for (int k = 0; k < size; k++) {
    MICRONET_UNROLL(2)
    for (int v = 0; v < size / 2; v++)
      filter.column[k][v] =
          micronet_pair(micronet_tap(taps + 2 * v * line_words, k), micronet_tap(taps + (2 * v + 1) * line_words, k));
    filter.column[k][size / 2] = micronet_tap(taps + (size - 1) * line_words, k);
  }
  return filter;
}

/* Adds one column of pixels to all outputs that it belongs to: to the oldest unfinished one as its column `place`. */
MICRONET_INLINE void micronet_square_column(const int8_t *x, int x_pitch, const micronet_square_filter *filter,
                                            int32_t *sums, int place, int size, int stride) {
  int32_t pairs[MICRONET_MOST_COLUMN];
  MICRONET_UNROLL(2)
  for (int v = 0; v < size / 2; v++) pairs[v] = micronet_pair(x[2 * v * x_pitch], x[(2 * v + 1) * x_pitch]);
  const int32_t last = x[(size - 1) * x_pitch];
  MICRONET_UNROLL(5)
  for (int t = 0; t * stride <= place; t++) {
    const int32_t *weights = filter->column[place - t * stride];
    MICRONET_UNROLL(2)
    for (int v = 0; v < size / 2; v++) sums[t] = micronet_dot(pairs[v], weights[v], sums[t]);
    sums[t] = micronet_low_low(last, weights[size / 2], sums[t]);
  }
}

/* One row of outputs. Each column of pixels is loaded once and added to every output that it belongs to. */
MICRONET_INLINE void micronet_square_row(const int8_t *x, int8_t *y, micronet_square_filter *filter, int size,
                                         int stride, int summed, micronet_square f, micronet_output q) {
  const int open = (size - 1) / stride + 1; /* outputs that a column belongs to */
  int32_t sums[MICRONET_MOST_SIZE + 1];
  MICRONET_UNROLL(6)
  for (int t = 0; t <= open; t++) sums[t] = filter->bias;
  MICRONET_UNROLL(4)
  for (int k = 0; k < size - stride; k++, x += f.channels)
    micronet_square_column(x, f.x_pitch, filter, sums, k, size, stride);
  MICRONET_UNROLL(3)
  for (int column = 0; column < f.columns; column++, y += f.channels) {
    MICRONET_UNROLL(2)
    for (int k = size - stride; k < size; k++, x += f.channels)
      micronet_square_column(x, f.x_pitch, filter, sums, k, size, stride);
    const int value = micronet_requantize(sums[0], filter->multiplier, q);
    *y = (int8_t)value;
    if (summed) filter->total += value;
    micronet_loads_stay_here();
    MICRONET_UNROLL(5)
    for (int t = 0; t + 1 < open; t++) sums[t] = sums[t + 1];
    sums[open - 1] = filter->bias;
  }
}

/* The rows of every channel, for a size of 3 or 5 and a stride of 1 or 2. */
MICRONET_INLINE void micronet_square_of(const int8_t *x, const int32_t *w, int8_t *y, int32_t *sums, int size,
                                        int stride, micronet_square f, micronet_output q) {
  for (int c = 0; c < f.channels; c++) {
    micronet_square_filter filter = micronet_load_square(w, c, size);
    for (int row = 0; row < f.rows; row++)
      micronet_square_row(x + row * stride * f.x_pitch + c, y + row * f.y_pitch + c, &filter, size, stride,
                          sums != NULL, f, q);
    if (sums) sums[c] = filter.total;
  }
}

/* A depthwise filter of size x size. x points to the first tap of the first output of a padded tensor. */
MICRONET_INLINE void micronet_depthwise_square(const int8_t *x, const int32_t *w, int8_t *y, int32_t *sums,
                                               micronet_square f, micronet_output q) {
  if (f.size == 3 && f.stride == 1)
    micronet_square_of(x, w, y, sums, 3, 1, f, q);
  else if (f.size == 3 && f.stride == 2)
    micronet_square_of(x, w, y, sums, 3, 2, f, q);
  else if (f.size == 5 && f.stride == 1)
    micronet_square_of(x, w, y, sums, 5, 1, f, q);
  else if (f.size == 5 && f.stride == 2)
    micronet_square_of(x, w, y, sums, 5, 2, f, q);
  else
    micronet_square_any(x, w, y, sums, f, q);
}

#endif
