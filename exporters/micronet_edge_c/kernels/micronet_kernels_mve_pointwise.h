/* Convolutions of 1 x 1 on cores with the vector extension: a part of micronet_kernels_mve.h.
   SPDX-License-Identifier: MIT. Copyright (c) The micronet-edge authors. */
#ifndef MICRONET_KERNELS_MVE_POINTWISE_H
#define MICRONET_KERNELS_MVE_POINTWISE_H

#include "micronet_kernels_mve_arithmetic.h"

/* 4 outputs of all pixels of a row with up to 16 inputs: the weights stay in registers. */
MICRONET_INLINE void micronet_pointwise_few(const int8_t *x, const int32_t *block, int8_t *y, int columns, int lanes,
                                            int ci, int co, micronet_output q) {
  const int8_t *rows = (const int8_t *)(block + MICRONET_BLOCK_HEAD);
  const int32x4_t biases = vldrwq_s32(block), multipliers = vldrwq_s32(block + MICRONET_BLOCK);
  const int8x16_t first = vldrbq_s8(rows), second = vldrbq_s8(rows + 16);
  const int8x16_t third = vldrbq_s8(rows + 32), fourth = vldrbq_s8(rows + 48);
  for (int column = 0; column < columns; column++, x += ci, y += co) {
    const int8x16_t pixel = vldrbq_s8(x);
    const int32_t sums[4] = {vmladavq_s8(pixel, first), vmladavq_s8(pixel, second), vmladavq_s8(pixel, third),
                             vmladavq_s8(pixel, fourth)};
    micronet_put_outputs(y, 0, sums, biases, multipliers, lanes, q);
  }
}

/* The sum of one output: `chunks` of 16 inputs in registers by weights in memory, a chunk every 16 words. */
MICRONET_INLINE int32_t micronet_products(const int8x16_t *x, const int32_t *row, int chunks) {
  int32_t sum = 0;
  MICRONET_UNROLL(5)
  for (int k = 0; k < chunks; k++) {
    const int8x16_t weights = vreinterpretq_s8_s32(vldrwq_s32(row + 16 * k)); /* VLDRW reaches farther than VLDRB */
    sum = k == 0 ? vmladavq_s8(x[k], weights) : vmladavaq_s8(sum, x[k], weights);
  }
  return sum;
}

/* 4 outputs of `pixels` pixels, whose inputs stay in registers: pixels * chunks of them. */
enum { MICRONET_MOST_CHUNKS = 5 };
MICRONET_INLINE void micronet_pointwise_some(const int8_t *x, const int32_t *block, int8_t *y, int pixels, int chunks,
                                             int lanes, int ci, int co, micronet_output q) {
  block = micronet_loaded_here(block);
  int8x16_t inputs[2][MICRONET_MOST_CHUNKS];
  int32_t sums[2][4] = {{0, 0, 0, 0}, {0, 0, 0, 0}};
  MICRONET_UNROLL(5)
  for (int k = 0; k < MICRONET_MOST_CHUNKS; k++) {
    inputs[0][k] = vldrbq_s8(x + 16 * micronet_min(k, chunks - 1));
    inputs[1][k] = vldrbq_s8(x + (pixels - 1) * ci + 16 * micronet_min(k, chunks - 1));
  }
  MICRONET_UNROLL(4)
  for (int lane = 0; lane < MICRONET_BLOCK; lane++) {
    micronet_loads_stay_here();
    MICRONET_UNROLL(2)
    for (int p = 0; p < pixels; p++)
      sums[p][lane] = micronet_products(inputs[p], block + MICRONET_BLOCK_HEAD + 4 * lane, chunks);
  }
  const int32x4_t biases = vldrwq_s32(block), multipliers = vldrwq_s32(block + MICRONET_BLOCK);
  MICRONET_UNROLL(2)
  for (int p = 0; p < pixels; p++) micronet_put_outputs(y + p * co, 0, sums[p], biases, multipliers, lanes, q);
}

/* 4 outputs of a pixel with any number of inputs. */
MICRONET_INLINE void micronet_pointwise_many(const int8_t *x, const int32_t *block, int8_t *y, int chunks, int lanes,
                                             micronet_output q) {
  int32_t sums[4] = {0, 0, 0, 0};
  const int8_t *row = (const int8_t *)(block + MICRONET_BLOCK_HEAD);
  for (int k = 0; k < chunks; k++, x += 16) micronet_add_products(vldrbq_s8(x), &row, sums);
  micronet_put_outputs(y, 0, sums, vldrwq_s32(block), vldrwq_s32(block + MICRONET_BLOCK), lanes, q);
}

/* 4 outputs of all pixels of a row. */
MICRONET_INLINE void micronet_pointwise_row(const int8_t *x, const int32_t *block, int8_t *y, int columns, int chunks,
                                            int lanes, int ci, int co, micronet_output q) {
  int column = 0;
  if (chunks == 1) {
    micronet_pointwise_few(x, block, y, columns, lanes, ci, co, q);
    return;
  }
  for (; chunks == 2 && column + 2 <= columns; column += 2, x += 2 * ci, y += 2 * co)
    micronet_pointwise_some(x, block, y, 2, chunks, lanes, ci, co, q);
  for (; column < columns; column++, x += ci, y += co)
    if (chunks <= MICRONET_MOST_CHUNKS)
      micronet_pointwise_some(x, block, y, 1, chunks, lanes, ci, co, q);
    else
      micronet_pointwise_many(x, block, y, chunks, lanes, q);
}

/* A convolution of 1 x 1: every group of ci / groups channels gives co / groups channels. */
MICRONET_INLINE void micronet_pointwise(const int8_t *x, const int32_t *w, int8_t *y, int rows, int columns,
                                        int x_pitch, int y_pitch, int ci, int co, int groups, micronet_output q) {
  const int depth = ci / groups, width = co / groups, chunks = (depth + 15) / 16;
  const int block_words = MICRONET_BLOCK_HEAD + 16 * chunks;
  if (x_pitch == columns * ci && y_pitch == columns * co) {
    columns *= rows; /* no borders: all pixels are one row */
    rows = 1;
  }
  for (int group = 0; group < groups; group++)
    for (int row = 0; row < rows; row++) {
      const int8_t *in = x + group * depth + row * x_pitch;
      int8_t *out = y + group * width + row * y_pitch;
      const int32_t *block = w + group * ((width + 3) / 4) * block_words;
      int o = 0;
      for (; o + MICRONET_BLOCK <= width; o += MICRONET_BLOCK, block += block_words)
        micronet_pointwise_row(in, block, out + o, columns, chunks, MICRONET_BLOCK, ci, co, q);
      if (o < width) micronet_pointwise_row(in, block, out + o, columns, chunks, width - o, ci, co, q);
    }
}

#endif
