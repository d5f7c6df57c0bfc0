/* The numbers of a depthwise channel on cores with the vector extension: a part of micronet_kernels_mve.h.
   SPDX-License-Identifier: MIT. Copyright (c) The micronet-edge authors. */
#ifndef MICRONET_KERNELS_MVE_FILTER_H
#define MICRONET_KERNELS_MVE_FILTER_H

#include "micronet_kernels_mve_arithmetic.h"
#include "micronet_kernels_any.h"

/* An output channel: its numbers, its sum so far and its taps as scalars. */
enum { MICRONET_MOST_ROWS = 5, MICRONET_MOST_TAPS = 7 };
typedef struct {
  int32_t bias, multiplier, total;
  int32_t taps[MICRONET_MOST_ROWS][MICRONET_MOST_TAPS];
} micronet_filter;

/* The numbers of a channel whose filter has `rows` rows of `taps` taps. */
MICRONET_INLINE void micronet_load_filter(const int32_t *w, int c, int rows, int taps, micronet_filter *filter) {
  const int lane = c % MICRONET_BLOCK, line_words = (taps + 1) / 2, row_words = rows * line_words;
  const int32_t *block = w + c / MICRONET_BLOCK * (MICRONET_BLOCK_HEAD + MICRONET_BLOCK * row_words);
  const int32_t *line = block + MICRONET_BLOCK_HEAD + lane * row_words;
  filter->bias = block[lane];
  filter->multiplier = block[MICRONET_BLOCK + lane];
  filter->total = 0;
  MICRONET_UNROLL(5)
  for (int i = 0; i < rows; i++, line += line_words)
    MICRONET_UNROLL(7)
    for (int k = 0; k < taps; k++) filter->taps[i][k] = micronet_tap(line, k);
}

#endif
