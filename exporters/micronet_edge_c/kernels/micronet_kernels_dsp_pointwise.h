/* Convolutions of 1 x 1 on cores with the DSP extension: a part of micronet_kernels_dsp.h.
   SPDX-License-Identifier: MIT. Copyright (c) The micronet-edge authors. */
#ifndef MICRONET_KERNELS_DSP_POINTWISE_H
#define MICRONET_KERNELS_DSP_POINTWISE_H

#include "micronet_kernels_dsp_arithmetic.h"

/* Most pairs of a row that stay in registers; pixels at once for 1 to 4 words of 4 channels. */
enum { MICRONET_FEW_WORDS = 4 };
MICRONET_INLINE int micronet_pixels_at_once(int words) { return words == 1 ? 3 : words == 2 ? 2 : 1; }

/* `lanes` outputs of `pixels` pixels, whose channels are in registers. */
MICRONET_INLINE void micronet_pointwise_lanes(int32_t (*x)[2 * MICRONET_FEW_WORDS], const int32_t *block, int8_t *y,
                                              int pixels, int words, int lanes, int co, micronet_output q) {
  MICRONET_UNROLL(4)
  for (int lane = 0; lane < lanes; lane++) {
    int32_t sums[4] = {0, 0, 0, 0};
    const int32_t multiplier = block[MICRONET_BLOCK + lane];
    MICRONET_UNROLL(4)
    for (int p = 0; p < pixels; p++) sums[p] = block[lane];
    MICRONET_UNROLL(4)
    for (int k = 0; k < words; k++) {
      int32_t even, odd;
      micronet_load_two(block + MICRONET_BLOCK_HEAD + 2 * (lane * words + k), &even, &odd);
      MICRONET_UNROLL(4)
      for (int p = 0; p < pixels; p++)
        sums[p] = micronet_dot(x[p][2 * k + 1], odd, micronet_dot(x[p][2 * k], even, sums[p]));
    }
    MICRONET_UNROLL(4)
    for (int p = 0; p < pixels; p++) y[p * co + lane] = (int8_t)micronet_requantize(sums[p], multiplier, q);
  }
}

/* All outputs of a group for `pixels` pixels. */
MICRONET_INLINE void micronet_pointwise_few(const int8_t *x, const int32_t *w, int8_t *y, int pixels, int words,
                                            int width, int ci, int co, micronet_output q) {
  const int block_words = MICRONET_BLOCK_HEAD + MICRONET_BLOCK * 2 * words;
  int32_t pairs[4][2 * MICRONET_FEW_WORDS] = {{0}};
  MICRONET_UNROLL(4)
  for (int p = 0; p < pixels; p++)
    MICRONET_UNROLL(4)
    for (int k = 0; k < words; k++) {
      const int32_t four = micronet_word(x + p * ci + 4 * k);
      pairs[p][2 * k] = micronet_even_bytes(four);
      pairs[p][2 * k + 1] = micronet_odd_bytes(four);
    }
  int o = 0;
  w = micronet_loaded_here(w);
  MICRONET_UNROLL(1)
  for (; o + MICRONET_BLOCK <= width; o += MICRONET_BLOCK, w += block_words)
    micronet_pointwise_lanes(pairs, w, y + o, pixels, words, MICRONET_BLOCK, co, q);
  if (o < width) micronet_pointwise_lanes(pairs, w, y + o, pixels, words, width - o, co, q);
}

/* `words` (at most 4) words of 4 channels times the weights of 4 outputs. */
MICRONET_INLINE void micronet_pointwise_chunk(const int8_t *x, const int32_t *rows, int words, int32_t *sums) {
  MICRONET_UNROLL(4)
  for (int k = 0; k < words; k++) {
    const int32_t four = micronet_word(x + 4 * k);
    const int32_t a = micronet_even_bytes(four), b = micronet_odd_bytes(four);
    MICRONET_UNROLL(4)
    for (int lane = 0; lane < MICRONET_BLOCK; lane++) {
      int32_t even, odd;
      micronet_load_two(rows + 2 * (lane * words + k), &even, &odd);
      sums[lane] = micronet_dot(b, odd, micronet_dot(a, even, sums[lane]));
    }
  }
}

/* All outputs of a group for one pixel with many channels: each word of pixels serves 4 outputs. */
MICRONET_INLINE void micronet_pointwise_many(const int8_t *x, const int32_t *w, int8_t *y, int words, int width,
                                             micronet_output q) {
  const int8_t *end = x + words / 4 * 16;
  MICRONET_UNROLL(1)
  for (int o = 0; o < width; o += MICRONET_BLOCK) {
    const int32_t *rows = w + MICRONET_BLOCK_HEAD;
    int32_t sums[4] = {w[0], w[1], w[2], w[3]};
    MICRONET_UNROLL(1)
    for (const int8_t *at = x; at < end; at += 16, rows += 32) micronet_pointwise_chunk(at, rows, 4, sums);
    micronet_pointwise_chunk(end, rows, words % 4, sums);
    y[o] = (int8_t)micronet_requantize(sums[0], w[4], q);
    if (width % 4 == 0 || o + 1 < width) y[o + 1] = (int8_t)micronet_requantize(sums[1], w[5], q);
    if (width % 4 == 0 || o + 2 < width) y[o + 2] = (int8_t)micronet_requantize(sums[2], w[6], q);
    if (width % 4 == 0 || o + 3 < width) y[o + 3] = (int8_t)micronet_requantize(sums[3], w[7], q);
    w += MICRONET_BLOCK_HEAD + MICRONET_BLOCK * 2 * words;
  }
}

/* All pixels of a row, for one group. */
MICRONET_INLINE void micronet_pointwise_row(const int8_t *x, const int32_t *w, int8_t *y, int columns, int words,
                                            int width, int ci, int co, micronet_output q) {
  const int at_once = words > MICRONET_FEW_WORDS ? 1 : micronet_pixels_at_once(words);
  int column = 0;
  for (; column + at_once <= columns; column += at_once, x += at_once * ci, y += at_once * co) {
    if (words > MICRONET_FEW_WORDS)
      micronet_pointwise_many(x, w, y, words, width, q);
    else
      micronet_pointwise_few(x, w, y, at_once, words, width, ci, co, q);
  }
  if (at_once == 1) return;
  for (; column < columns; column++, x += ci, y += co)
    micronet_pointwise_few(x, w, y, 1, words, width, ci, co, q);
}

/* A convolution of 1 x 1: every group of ci / groups channels gives co / groups channels. */
MICRONET_INLINE void micronet_pointwise(const int8_t *x, const int32_t *w, int8_t *y, int rows, int columns,
                                        int x_pitch, int y_pitch, int ci, int co, int groups, micronet_output q) {
  const int depth = ci / groups, width = co / groups, words = (depth + 3) / 4;
  const int group_words = (width + 3) / 4 * (MICRONET_BLOCK_HEAD + MICRONET_BLOCK * 2 * words);
  if (x_pitch == columns * ci && y_pitch == columns * co) {
    columns *= rows; /* no borders: all pixels are one row */
    rows = 1;
  }
  for (int group = 0; group < groups; group++)
    for (int row = 0; row < rows; row++)
      micronet_pointwise_row(x + group * depth + row * x_pitch, w + group * group_words,
                             y + group * width + row * y_pitch, columns, words, width, ci, co, q);
}

#endif
