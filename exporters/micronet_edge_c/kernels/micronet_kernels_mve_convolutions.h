/* The convolutions of micronet_kernels.h for cores with the vector extension: a part of micronet_kernels_mve.h.
   SPDX-License-Identifier: MIT. Copyright (c) The micronet-edge authors. */
#ifndef MICRONET_KERNELS_MVE_CONVOLUTIONS_H
#define MICRONET_KERNELS_MVE_CONVOLUTIONS_H

/* ---- pointwise ---- */

/* Multiplies 16 inputs by the next 16 weights of 4 outputs and adds all products to their sums. One piece of assembly:
   left alone, the compiler copies sums between registers that VMLADAV can write (even ones) and others. */
MICRONET_INLINE void micronet_add_products(int8x16_t x, const int8_t **row, int32_t *sums) {
  const int8_t *at = *row;
  int8x16_t weights;
  __asm__ volatile(
      "vldrw.32 %q4, [%5], #16\n\tvmladava.s8 %0, %q6, %q4\n\t"
      "vldrw.32 %q4, [%5], #16\n\tvmladava.s8 %1, %q6, %q4\n\t"
      "vldrw.32 %q4, [%5], #16\n\tvmladava.s8 %2, %q6, %q4\n\t"
      "vldrw.32 %q4, [%5], #16\n\tvmladava.s8 %3, %q6, %q4"
      : "+Te"(sums[0]), "+Te"(sums[1]), "+Te"(sums[2]), "+Te"(sums[3]), "=&w"(weights), "+r"(at)
      : "w"(x)
      : "memory");
  *row = at;
}

/* Stores 4 outputs, int16 if they are wide, of which the first `lanes` are wanted. */
MICRONET_INLINE void micronet_put_outputs(int8_t *y, int wide, const int32_t *sums, int32x4_t biases,
                                          int32x4_t multipliers, int lanes, micronet_output q) {
  const int32x4_t sum = vaddq_s32(micronet_four(sums[0], sums[1], sums[2], sums[3]), biases);
  const int32x4_t value = micronet_requantize_four(sum, multipliers, q);
  if (wide && lanes == MICRONET_BLOCK)
    vstrhq_s32((int16_t *)(void *)y, value);
  else if (wide)
    vstrhq_p_s32((int16_t *)(void *)y, value, vctp32q((uint32_t)lanes));
  else if (lanes == MICRONET_BLOCK)
    vstrbq_s32(y, value);
  else
    vstrbq_p_s32(y, value, vctp32q((uint32_t)lanes));
}

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

/* ---- lanes ---- */

/* Which of `count` things (lines, pixels) the lanes of a block hold. The last block starts earlier, so that it is full,
   and computes some things again; where there are fewer things than lanes, the first one is computed several times.
   Lanes below `repeated` hold what was computed before. */
typedef struct {
  int start, repeated;
} micronet_lanes;

MICRONET_INLINE micronet_lanes micronet_lanes_at(int at, int count, int lanes) {
  micronet_lanes block;
  block.start = micronet_max(micronet_min(at, count - lanes), 0);
  block.repeated = at - block.start + micronet_max(lanes - count, 0);
  return block;
}

MICRONET_INLINE int32x4_t micronet_lane_numbers(void) { return vreinterpretq_s32_u32(vidupq_n_u32(0, 1)); }

/* Distances of 4 lanes from the start, `step` bytes each; the lanes are `first` and those after it. */
MICRONET_INLINE uint32x4_t micronet_offsets(int first, int step, int count, int lanes) {
  const int missing = micronet_max(lanes - count, 0);
  const int32x4_t lane = vaddq_n_s32(micronet_lane_numbers(), first - missing);
  return vreinterpretq_u32_s32(vmulq_n_s32(vmaxq_s32(lane, vdupq_n_s32(0)), step));
}

/* ---- depthwise ---- */

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

/* A walk of 4 lanes along their lines: `size` by `size` taps, distances in bytes; a lane is a line of outputs. */
typedef struct {
  int size, stride, length, x_row, step, summed;
  uint32x4_t x_offsets, y_offsets;
} micronet_walk;

/* Stores 4 outputs of a filter; the sum counts lanes that were not computed before. */
MICRONET_INLINE void micronet_put_four(int8_t *y, int32x4_t sums, micronet_filter *filter, int repeated,
                                       const micronet_walk *walk, micronet_output q) {
  const int32x4_t value = micronet_requantize_by(sums, filter->multiplier, q);
  vstrbq_scatter_offset_s32(y, walk->y_offsets, value);
  if (walk->summed)
    filter->total = vaddvaq_p_s32(filter->total, value, vcmpgeq_n_s32(micronet_lane_numbers(), repeated));
}

/* Adds one column of pixels to all outputs that it belongs to: to the oldest unfinished one as its column `place`. */
MICRONET_INLINE void micronet_add_column(const int8_t *x, const micronet_filter *filter, int32x4_t *sums, int place,
                                         const micronet_walk *walk) {
  MICRONET_UNROLL(5)
  for (int i = 0; i < walk->size; i++) {
    const int32x4_t pixels = vldrbq_gather_offset_s32(x + i * walk->x_row, walk->x_offsets);
    MICRONET_UNROLL(5)
    for (int t = 0; t * walk->stride <= place; t++)
      sums[t] = micronet_multiply_add(sums[t], pixels, filter->taps[i][place - t * walk->stride]);
  }
}

/* 4 lines of outputs. Each column of pixels is loaded once and added to every output that it belongs to. */
MICRONET_INLINE void micronet_walk_four(const int8_t *x, int8_t *y, micronet_filter *filter, int repeated,
                                        const micronet_walk *walk, micronet_output q) {
  const int open = (walk->size - 1) / walk->stride + 1; /* outputs that a column belongs to */
  const int ready = micronet_max(walk->size - walk->stride, 0);
  int32x4_t sums[MICRONET_MOST_ROWS];
  MICRONET_UNROLL(5)
  for (int t = 0; t < MICRONET_MOST_ROWS; t++) sums[t] = vdupq_n_s32(filter->bias);
  MICRONET_UNROLL(5)
  for (int k = 0; k < ready; k++, x += walk->step) micronet_add_column(x, filter, sums, k, walk);
  MICRONET_UNROLL(3)
  for (int i = 0; i < walk->length; i++, x += walk->stride * walk->step, y += walk->step) {
    MICRONET_UNROLL(5)
    for (int k = ready; k < walk->size; k++)
      micronet_add_column(x + (k - ready) * walk->step, filter, sums, k, walk);
    micronet_put_four(y, sums[0], filter, repeated, walk, q);
    MICRONET_UNROLL(5)
    for (int t = 0; t + 1 < open; t++) sums[t] = sums[t + 1];
    sums[open - 1] = vdupq_n_s32(filter->bias);
  }
}

/* A depthwise filter of size x size. x points to the first tap of the first output of a padded tensor. */
MICRONET_INLINE void micronet_depthwise_square(const int8_t *x, const int32_t *w, int8_t *y, int32_t *sums,
                                               micronet_square f, micronet_output q) {
  if (f.size > MICRONET_MOST_ROWS) {
    micronet_square_any(x, w, y, sums, f, q);
    return;
  }
  micronet_walk walk;
  walk.size = f.size;
  walk.stride = f.stride;
  walk.length = f.columns;
  walk.x_row = f.x_pitch;
  walk.step = f.channels;
  walk.summed = sums != NULL;
  walk.x_offsets = micronet_offsets(0, f.stride * f.x_pitch, f.rows, 4);
  walk.y_offsets = micronet_offsets(0, f.y_pitch, f.rows, 4);
  for (int c = 0; c < f.channels; c++) {
    micronet_filter filter = {0, 0, 0, {{0}}};
    micronet_load_filter(w, c, f.size, f.size, &filter);
    for (int row = 0; row < f.rows; row += 4) {
      const micronet_lanes block = micronet_lanes_at(row, f.rows, 4);
      micronet_walk_four(x + block.start * f.stride * f.x_pitch + c, y + block.start * f.y_pitch + c, &filter,
                         block.repeated, &walk, q);
    }
    if (sums) sums[c] = filter.total;
  }
}

/* ---- any other convolution ---- */

#include "micronet_kernels_mve_columns.h"

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
