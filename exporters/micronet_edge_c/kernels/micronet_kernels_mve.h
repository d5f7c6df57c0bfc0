/* The kernels of micronet_kernels.h for cores with the M-profile vector extension (Cortex-M55, M85).
   SPDX-License-Identifier: MIT. Copyright (c) The micronet-edge authors.

   Where many inputs meet (pointwise, linear), VMLADAV multiplies 16 weights by 16 pixels and adds all products. Elsewhere
   the lanes are lines or pixels of one channel, the weights are scalars, and the sums stay in lanes of 32 bits. */
#ifndef MICRONET_KERNELS_MVE_H
#define MICRONET_KERNELS_MVE_H

#include <arm_mve.h>

/* ---- requantization ---- */

/* VQRDMULH doubles, rounds half up and keeps the upper half: exactly the definition. */
MICRONET_INLINE int micronet_requantize(int32_t sum, int32_t multiplier, micronet_output q) {
  const int64_t product = (int64_t)micronet_scale_up(sum, q.shift) * multiplier;
  const int64_t rounded = (product + ((int64_t)1 << 30)) >> 31;
  return micronet_clamp((int)rounded + q.zero_point, q.low, q.high);
}

/* Scaled sums, in lanes of 32 bits; shifted left by a scalar only where the layer has a shift. */
MICRONET_INLINE int32x4_t micronet_shifted(int32x4_t sums, int shift) {
  return shift == 0 ? sums : vqshlq_r_s32(sums, shift);
}

/* 4 values within int8, to be stored by VSTRB.32, from 4 scaled sums. */
MICRONET_INLINE int32x4_t micronet_close_four(int32x4_t scaled, micronet_output q) {
  int32x4_t value = vaddq_n_s32(scaled, q.zero_point);
  if (q.low == -128 && q.high == 127) return vshrq_n_s32(vqshlq_n_s32(value, 24), 24);
  value = vmaxq_s32(value, vdupq_n_s32(q.low));
  return vminq_s32(value, vdupq_n_s32(q.high));
}

MICRONET_INLINE int32x4_t micronet_requantize_four(int32x4_t sums, int32x4_t multipliers, micronet_output q) {
  return micronet_close_four(vqrdmulhq_s32(micronet_shifted(sums, q.shift), multipliers), q);
}

MICRONET_INLINE int32x4_t micronet_requantize_by(int32x4_t sums, int32_t multiplier, micronet_output q) {
  return micronet_close_four(vqrdmulhq_n_s32(micronet_shifted(sums, q.shift), multiplier), q);
}

/* 8 values within int8, to be stored by VSTRB.16. Those of `even` go to lanes 0, 2, 4, 6. Each narrowing leaves the other
   half of the lanes as it was, whatever that is. */
MICRONET_INLINE int16x8_t micronet_requantize_eight(int32x4_t even, int32x4_t odd, int32_t multiplier,
                                                    micronet_output q) {
  even = vqrdmulhq_n_s32(micronet_shifted(even, q.shift), multiplier);
  odd = vqrdmulhq_n_s32(micronet_shifted(odd, q.shift), multiplier);
  int16x8_t value = vqmovntq_s32(vqmovnbq_s32(vreinterpretq_s16_s32(even), even), odd);
  value = vqaddq_n_s16(value, (int16_t)q.zero_point);
  if (q.low == -128 && q.high == 127)
    return vreinterpretq_s16_s8(vqmovnbq_s16(vreinterpretq_s8_s16(value), value));
  value = vmaxq_s16(value, vdupq_n_s16((int16_t)q.low));
  return vminq_s16(value, vdupq_n_s16((int16_t)q.high));
}

/* A vector of 4 scalars, by two instructions. */
MICRONET_INLINE int32x4_t micronet_four(int32_t a, int32_t b, int32_t c, int32_t d) {
  int32x4_t result;
  __asm__("vmov %q0[2], %q0[0], %1, %3\n\tvmov %q0[3], %q0[1], %2, %4"
          : "=&w"(result)
          : "r"(a), "r"(b), "r"(c), "r"(d));
  return result;
}

/* sums + x * factor; written as one instruction because gcc copies the accumulator of its intrinsic. */
MICRONET_INLINE int32x4_t micronet_multiply_add(int32x4_t sums, int32x4_t x, int32_t factor) {
  __asm__("vmla.s32 %q0, %q1, %2" : "+w"(sums) : "w"(x), "r"(factor));
  return sums;
}

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

/* Keeps loads of weights where they are used: left alone, the compiler loads them far ahead and spills them. */
MICRONET_INLINE void micronet_loads_stay_here(void) { __asm__ volatile("" ::: "memory"); }

/* Stores 4 outputs of which the first `lanes` are wanted. */
MICRONET_INLINE void micronet_put_pointwise(int8_t *y, const int32_t *sums, int32x4_t biases, int32x4_t multipliers,
                                            int lanes, micronet_output q) {
  const int32x4_t sum = vaddq_s32(micronet_four(sums[0], sums[1], sums[2], sums[3]), biases);
  const int32x4_t value = micronet_requantize_four(sum, multipliers, q);
  if (lanes == MICRONET_BLOCK)
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
    micronet_put_pointwise(y, sums, biases, multipliers, lanes, q);
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
  for (int p = 0; p < pixels; p++) micronet_put_pointwise(y + p * co, sums[p], biases, multipliers, lanes, q);
}

/* 4 outputs of a pixel with any number of inputs. */
MICRONET_INLINE void micronet_pointwise_many(const int8_t *x, const int32_t *block, int8_t *y, int chunks, int lanes,
                                             micronet_output q) {
  int32_t sums[4] = {0, 0, 0, 0};
  const int8_t *row = (const int8_t *)(block + MICRONET_BLOCK_HEAD);
  for (int k = 0; k < chunks; k++, x += 16) micronet_add_products(vldrbq_s8(x), &row, sums);
  micronet_put_pointwise(y, sums, vldrwq_s32(block), vldrwq_s32(block + MICRONET_BLOCK), lanes, q);
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

MICRONET_INLINE int32_t micronet_tap(const int32_t *row, int k) {
  return k % 2 == 0 ? (int16_t)row[k / 2] : row[k / 2] >> 16;
}

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

/* A walk of 4 lanes along their lines: `rows` by `taps` taps, distances in bytes; a lane is a line of outputs. */
typedef struct {
  int rows, taps, stride, length, x_row, x_step, y_step, summed;
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
MICRONET_INLINE void micronet_add_column(const int8_t *x, const micronet_filter *filter, int filters,
                                         int32x4_t (*sums)[MICRONET_MOST_TAPS], int place, const micronet_walk *walk) {
  MICRONET_UNROLL(5)
  for (int i = 0; i < walk->rows; i++) {
    const int32x4_t pixels = vldrbq_gather_offset_s32(x + i * walk->x_row, walk->x_offsets);
    MICRONET_UNROLL(2)
    for (int m = 0; m < filters; m++)
      MICRONET_UNROLL(7)
    for (int t = 0; t * walk->stride <= place; t++)
      sums[m][t] = micronet_multiply_add(sums[m][t], pixels, filter[m].taps[i][place - t * walk->stride]);
  }
}

/* 4 lines of 1 or 2 filters over the same channel; `apart` bytes between their outputs. Each column of pixels is loaded
   once and added to every output that it belongs to. */
MICRONET_INLINE void micronet_walk_four(const int8_t *x, int8_t *y, micronet_filter *filter, int filters, int apart,
                                        int repeated, const micronet_walk *walk, micronet_output q) {
  const int open = (walk->taps - 1) / walk->stride + 1; /* outputs that a column belongs to */
  const int ready = micronet_max(walk->taps - walk->stride, 0);
  int32x4_t sums[2][MICRONET_MOST_TAPS];
  MICRONET_UNROLL(7)
  for (int t = 0; t < MICRONET_MOST_TAPS; t++) {
    sums[0][t] = vdupq_n_s32(filter[0].bias);
    sums[1][t] = vdupq_n_s32(filter[filters - 1].bias);
  }
  MICRONET_UNROLL(7)
  for (int k = 0; k < ready; k++, x += walk->x_step) micronet_add_column(x, filter, filters, sums, k, walk);
  MICRONET_UNROLL(3)
  for (int i = 0; i < walk->length; i++, x += walk->stride * walk->x_step, y += walk->y_step) {
    MICRONET_UNROLL(7)
    for (int k = ready; k < walk->taps; k++)
      micronet_add_column(x + (k - ready) * walk->x_step, filter, filters, sums, k, walk);
    MICRONET_UNROLL(2)
    for (int m = 0; m < filters; m++) {
      micronet_put_four(y + m * apart, sums[m][0], filter + m, repeated, walk, q);
      MICRONET_UNROLL(7)
      for (int t = 0; t + 1 < open; t++) sums[m][t] = sums[m][t + 1];
      sums[m][open - 1] = vdupq_n_s32(filter[m].bias);
    }
  }
}

/* All lines of `filters` (1 or 2) output channels from `first`, which have the same input channel. */
MICRONET_INLINE void micronet_lines_channel(const int8_t *x, const int32_t *w, int8_t *y, int32_t *sums,
                                            const uint16_t *to, int first, int filters, micronet_lines f,
                                            const micronet_walk *walk, micronet_output q) {
  const int place = to ? to[first] : first, next = filters == 1 ? place : to ? to[first + 1] : first + 1;
  micronet_filter filter[2] = {{0, 0, 0, {{0}}}, {0, 0, 0, {{0}}}};
  micronet_load_filter(w, first, 1, f.taps, filter);
  if (filters == 2) micronet_load_filter(w, first + 1, 1, f.taps, filter + 1);
  for (int line = 0; line < f.lines; line += 4) {
    const micronet_lanes block = micronet_lanes_at(line, f.lines, 4);
    micronet_walk_four(x + block.start * f.x_line + first / f.multiplier, y + block.start * f.y_line + place, filter,
                       filters, to ? next - place : 1, block.repeated, walk, q);
  }
  if (sums) sums[place] = filter[0].total;
  if (sums && filters == 2) sums[next] = filter[1].total;
}

/* Any number of taps, one output at a time. */
MICRONET_SHARED void micronet_lines_any(const int8_t *x, const int32_t *w, int8_t *y, int32_t *sums,
                                        const uint16_t *to, micronet_lines f, micronet_output q) {
  const int row_words = (f.taps + 1) / 2;
  for (int c = 0; c < f.channels * f.multiplier; c++) {
    const int lane = c % MICRONET_BLOCK, place = to ? to[c] : c;
    const int32_t *block = w + c / MICRONET_BLOCK * (MICRONET_BLOCK_HEAD + MICRONET_BLOCK * row_words);
    const int32_t *taps = block + MICRONET_BLOCK_HEAD + lane * row_words;
    int32_t total = 0;
    for (int line = 0; line < f.lines; line++)
      for (int i = 0; i < f.length; i++) {
        const int8_t *in = x + line * f.x_line + i * f.stride * f.x_step + c / f.multiplier;
        int32_t sum = block[lane];
        for (int k = 0; k < f.taps; k++) sum += micronet_tap(taps, k) * in[k * f.x_step];
        const int value = micronet_requantize(sum, block[MICRONET_BLOCK + lane], q);
        y[line * f.y_line + i * f.y_step + place] = (int8_t)value;
        total += value;
      }
    if (sums) sums[place] = total;
  }
}

/* A depthwise filter along lines (K x 1 or 1 x K). x points to the first tap of the first output of a padded tensor;
   `to` says where an output channel goes (NULL: stays); `sums` receives the sum of each output channel, or is NULL. */
MICRONET_INLINE void micronet_depthwise_lines(const int8_t *x, const int32_t *w, int8_t *y, int32_t *sums,
                                              const uint16_t *to, micronet_lines f, micronet_output q) {
  if (f.taps > MICRONET_MOST_TAPS) {
    micronet_lines_any(x, w, y, sums, to, f, q);
    return;
  }
  micronet_walk walk;
  walk.rows = 1;
  walk.taps = f.taps;
  walk.stride = f.stride;
  walk.length = f.length;
  walk.x_row = 0;
  walk.x_step = f.x_step;
  walk.y_step = f.y_step;
  walk.summed = sums != NULL;
  walk.x_offsets = micronet_offsets(0, f.x_line, f.lines, 4);
  walk.y_offsets = micronet_offsets(0, f.y_line, f.lines, 4);
  for (int c = 0; c < f.channels * f.multiplier; c += f.multiplier) {
    int m = 0;
    /* Two filters share the loads of pixels, where the open sums of both stay in registers. */
    for (; f.taps <= 2 * f.stride && m + 2 <= f.multiplier; m += 2)
      micronet_lines_channel(x, w, y, sums, to, c + m, 2, f, &walk, q);
    for (; m < f.multiplier; m++) micronet_lines_channel(x, w, y, sums, to, c + m, 1, f, &walk, q);
  }
}

/* Any size, one output at a time. */
MICRONET_SHARED void micronet_square_any(const int8_t *x, const int32_t *w, int8_t *y, int32_t *sums,
                                         micronet_square f, micronet_output q) {
  const int line_words = (f.size + 1) / 2;
  for (int c = 0; c < f.channels; c++) {
    const int lane = c % MICRONET_BLOCK;
    const int32_t *block = w + c / MICRONET_BLOCK * (MICRONET_BLOCK_HEAD + MICRONET_BLOCK * f.size * line_words);
    const int32_t *taps = block + MICRONET_BLOCK_HEAD + lane * f.size * line_words;
    int32_t total = 0;
    for (int row = 0; row < f.rows; row++)
      for (int column = 0; column < f.columns; column++) {
        const int8_t *in = x + row * f.stride * f.x_pitch + column * f.stride * f.channels + c;
        int32_t sum = block[lane];
        for (int i = 0; i < f.size; i++)
          for (int j = 0; j < f.size; j++)
            sum += micronet_tap(taps + i * line_words, j) * in[i * f.x_pitch + j * f.channels];
        const int value = micronet_requantize(sum, block[MICRONET_BLOCK + lane], q);
        y[row * f.y_pitch + column * f.channels + c] = (int8_t)value;
        total += value;
      }
    if (sums) sums[c] = total;
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
  walk.rows = walk.taps = f.size;
  walk.stride = f.stride;
  walk.length = f.columns;
  walk.x_row = f.x_pitch;
  walk.x_step = walk.y_step = f.channels;
  walk.summed = sums != NULL;
  walk.x_offsets = micronet_offsets(0, f.stride * f.x_pitch, f.rows, 4);
  walk.y_offsets = micronet_offsets(0, f.y_pitch, f.rows, 4);
  for (int c = 0; c < f.channels; c++) {
    micronet_filter filter = {0, 0, 0, {{0}}};
    micronet_load_filter(w, c, f.size, f.size, &filter);
    for (int row = 0; row < f.rows; row += 4) {
      const micronet_lanes block = micronet_lanes_at(row, f.rows, 4);
      micronet_walk_four(x + block.start * f.stride * f.x_pitch + c, y + block.start * f.y_pitch + c, &filter, 1, 0,
                         block.repeated, &walk, q);
    }
    if (sums) sums[c] = filter.total;
  }
}

/* ---- any other convolution ---- */

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
                                             int8_t *y, int pixels, int taps, int co, micronet_output q) {
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
      micronet_put_pointwise(y + p * co + o, sums[p], biases, multipliers, lanes, q);
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
  for (; column + 2 <= f.columns; column += 2, lines += 2 * step, y += 2 * f.co)
    micronet_window_outputs(lines, step, offsets, w, y, 2, taps, f.co, q);
  if (column < f.columns) micronet_window_outputs(lines, step, offsets, w, y, 1, taps, f.co, q);
}

/* One row of outputs of any window. */
MICRONET_SHARED void micronet_window_row_any(const int8_t *lines, int pitch, const int32_t *w, int8_t *y,
                                             micronet_window f, micronet_output q) {
  const int depth = f.ci / f.groups, width = f.co / f.groups, line_taps = f.kernel_w * depth;
  const int pairs = (f.kernel_h * line_taps + 1) / 2, blocks = (width + 3) / 4;
  for (int column = 0; column < f.columns; column++)
    for (int o = 0; o < f.co; o++) {
      const int group = o / width, lane = o % width % MICRONET_BLOCK;
      const int block = group * blocks + o % width / MICRONET_BLOCK;
      const int32_t *head = w + block * (MICRONET_BLOCK_HEAD + MICRONET_BLOCK * pairs);
      const int8_t *x = lines + column * f.stride_w * f.ci + group * depth;
      int32_t sum = head[lane];
      for (int i = 0, k = 0; i < f.kernel_h; i++)
        for (int j = 0; j < f.kernel_w; j++)
          for (int c = 0; c < depth; c++, k++)
            sum += micronet_tap(head + MICRONET_BLOCK_HEAD + lane * pairs, k) * x[i * pitch + j * f.ci + c];
      y[column * f.co + o] = (int8_t)micronet_requantize(sum, head[MICRONET_BLOCK + lane], q);
    }
}

/* A convolution of any window. x has no borders and is uint8 where f.is_unsigned says so; `scratch` holds
   kernel_h * ((columns - 1) * stride_w + kernel_w) * ci + 16 bytes. */
MICRONET_INLINE void micronet_convolution(const void *x, const int32_t *w, int8_t *y, int8_t *scratch,
                                          micronet_window f, micronet_output q) {
  const int pitch = ((f.columns - 1) * f.stride_w + f.kernel_w) * f.ci;
  const int is_whole = !f.is_unsigned && f.left == 0 && pitch == f.x_pitch; /* lines need no copy */
  /* Distances of taps are 16 bits wide. */
  const int is_near = f.kernel_h * pitch < 65536 && f.kernel_h * f.kernel_w * f.ci <= 8 * MICRONET_MOST_TAP_CHUNKS;
  for (int row = 0; row < f.rows; row++) {
    const int first = row * f.stride_h - f.top;
    const int8_t *lines = scratch;
    if (is_whole && first >= 0 && first + f.kernel_h <= f.rows_in)
      lines = (const int8_t *)x + first * f.x_pitch;
    else
      for (int i = 0; i < f.kernel_h; i++)
        micronet_padded_line((const uint8_t *)x, scratch + i * pitch, first + i, f);
    if (f.groups == 1 && is_near)
      micronet_window_row(lines, pitch, w, y + row * f.y_pitch, f, q);
    else
      micronet_window_row_any(lines, pitch, w, y + row * f.y_pitch, f, q);
  }
}

/* ---- sums and linear layers ---- */

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

/* 4 outputs of a linear layer before their requantization. */
MICRONET_INLINE int32x4_t micronet_linear_block(const int8_t *x, const int8_t *w, const int32_t *bias, int chunks) {
  int32_t sums[4] = {0, 0, 0, 0};
  for (int k = 0; k < chunks; k++, x += 16) micronet_add_products(vldrbq_s8(x), &w, sums);
  return vaddq_s32(micronet_four(sums[0], sums[1], sums[2], sums[3]), vldrwq_s32(bias));
}

/* A linear layer. w is [ceil(co / 4)][ceil(ci / 16)][4][16]; bm holds 4 biases and 4 multipliers for each block of 4
   outputs; `scratch` holds ci rounded up to 16 values. */
MICRONET_INLINE void micronet_linear(const int8_t *x, const int8_t *w, const int32_t *bm, int8_t *y, int16_t *scratch,
                                     int ci, int co, micronet_output q) {
  const int chunks = (ci + 15) / 16;
  (void)scratch;
  for (int o = 0; o < co; o += MICRONET_BLOCK, w += 64 * chunks, bm += MICRONET_BLOCK_HEAD) {
    const int32x4_t sums = micronet_linear_block(x, w, bm, chunks);
    const int32x4_t value = micronet_requantize_four(sums, vldrwq_s32(bm + MICRONET_BLOCK), q);
    if (co % MICRONET_BLOCK == 0)
      vstrbq_s32(y + o, value);
    else
      vstrbq_p_s32(y + o, value, vctp32q((uint32_t)(co - o)));
  }
}

/* The offsets of 4 coefficients, the first of which has number `phase` of the period. */
MICRONET_INLINE int32x4_t micronet_four_offsets(const int16_t *offsets, int phase, int period) {
  return micronet_four(offsets[phase % period], offsets[(phase + 1) % period], offsets[(phase + 2) % period],
                       offsets[(phase + 3) % period]);
}

/* The coefficients of a Dynamic Shift-Max: a linear layer into [0, top], plus offsets[o % period]. */
MICRONET_INLINE void micronet_coefficients(const int8_t *x, const int8_t *w, const int32_t *bm, int16_t *a,
                                           int16_t *scratch, int ci, int co, int shift, int top,
                                           const int16_t *offsets, int period) {
  const int chunks = (ci + 15) / 16;
  int32x4_t added = micronet_four_offsets(offsets, 0, period);
  (void)scratch;
  for (int o = 0; o < co; o += MICRONET_BLOCK, w += 64 * chunks, bm += MICRONET_BLOCK_HEAD) {
    const int32x4_t sums = micronet_shifted(micronet_linear_block(x, w, bm, chunks), shift);
    int32x4_t value = vqrdmulhq_s32(sums, vldrwq_s32(bm + MICRONET_BLOCK));
    value = vminq_s32(vmaxq_s32(value, vdupq_n_s32(0)), vdupq_n_s32(top));
    if (MICRONET_BLOCK % period != 0) added = micronet_four_offsets(offsets, o, period);
    if (co % MICRONET_BLOCK == 0)
      vstrhq_s32(a + o, vaddq_s32(value, added));
    else
      vstrhq_p_s32(a + o, vaddq_s32(value, added), vctp32q((uint32_t)(co - o)));
  }
}

/* ---- Dynamic Shift-Max ---- */

/* One channel of any form. */
MICRONET_SHARED int32_t micronet_shift_max_any(const int8_t *x, const int16_t *a, const uint16_t *from, int8_t *y,
                                               micronet_fusion f, int32_t multiplier, micronet_output q) {
  int32_t total = 0;
  for (int row = 0; row < f.rows; row++)
    for (int column = 0; column < f.columns; column++) {
      const int8_t *in = x + row * f.x_pitch + column * f.width;
      int32_t best = INT32_MIN;
      for (int k = 0; k < f.fusions; k++) {
        int32_t sum = 0;
        for (int j = 0; j < f.shifts; j++)
          sum += a[k * f.shifts + j] * (in[from[j * f.channels]] - f.x_zero);
        best = micronet_max(best, sum);
      }
      const int value = micronet_requantize(best, multiplier, q);
      y[row * f.y_pitch + column * f.channels] = (int8_t)value;
      total += value;
    }
  return total;
}

/* The larger of the sums of 4 pixels, for J = 2 and K = 1 or 2. */
MICRONET_INLINE int32x4_t micronet_shift_max_four(const int8_t *first, const int8_t *second, uint32x4_t offsets,
                                                  const int16_t *a, const int32_t *biases, int fusions) {
  const int32x4_t x = vldrbq_gather_offset_s32(first, offsets), moved = vldrbq_gather_offset_s32(second, offsets);
  int32x4_t sums = micronet_multiply_add(micronet_multiply_add(vdupq_n_s32(biases[0]), x, a[0]), moved, a[1]);
  if (fusions == 2)
    sums = vmaxq_s32(sums, micronet_multiply_add(micronet_multiply_add(vdupq_n_s32(biases[1]), x, a[2]), moved, a[3]));
  return sums;
}

/* Distances of 8 pixels in the order in which micronet_requantize_eight leaves them: 0, 4, 1, 5 and so on. */
MICRONET_INLINE uint16x8_t micronet_paired_offsets(int step, int count) {
  uint16_t offsets[8];
  MICRONET_UNROLL(8)
  for (int lane = 0; lane < 8; lane++)
    offsets[lane] = (uint16_t)(micronet_max(lane / 2 + lane % 2 * 4 - micronet_max(8 - count, 0), 0) * step);
  return vldrhq_u16(offsets);
}

/* What J = 2 needs for a channel. */
typedef struct {
  uint32x4_t low, high; /* distances of the first and the second 4 pixels */
  uint16x8_t places;    /* distances of 8 outputs */
  int apart;            /* of the second 4 pixels */
  int16_t factors[4];
  int32_t biases[2];
} micronet_fusion_channel;

MICRONET_INLINE micronet_fusion_channel micronet_load_fusion(const int16_t *a, micronet_fusion f) {
  micronet_fusion_channel channel;
  /* The second half lies at the same distances, but where there are fewer than 8 pixels. */
  channel.apart = f.columns < 8 ? 0 : 4 * f.width;
  channel.low = micronet_offsets(0, f.width, f.columns, 8);
  channel.high = f.columns < 8 ? micronet_offsets(4, f.width, f.columns, 8) : channel.low;
  channel.places = micronet_paired_offsets(f.channels, f.columns);
  MICRONET_UNROLL(4)
  for (int k = 0; k < 4; k++) channel.factors[k] = a[f.fusions == 2 ? k : k % 2];
  channel.biases[0] = -f.x_zero * (channel.factors[0] + channel.factors[1]);
  channel.biases[1] = -f.x_zero * (channel.factors[2] + channel.factors[3]);
  return channel;
}

/* 8 pixels of one channel. Returns the sum of those lanes that were not computed before. */
MICRONET_INLINE int32_t micronet_shift_max_eight(const int8_t *first, const int8_t *second, int8_t *y,
                                                 const micronet_fusion_channel *a, int fusions, int summed, int repeated,
                                                 int32_t multiplier, micronet_output q) {
  const int32x4_t even = micronet_shift_max_four(first, second, a->low, a->factors, a->biases, fusions);
  const int32x4_t odd =
      micronet_shift_max_four(first + a->apart, second + a->apart, a->high, a->factors, a->biases, fusions);
  const int16x8_t value = micronet_requantize_eight(even, odd, multiplier, q);
  vstrbq_scatter_offset_s16(y, a->places, value);
  if (!summed) return 0;
  const int16x8_t whole = vmovlbq_s8(vreinterpretq_s8_s16(value));
  if (repeated == 0) return vaddvq_s16(whole);
  return vaddvq_p_s16(whole, vcmpcsq_n_u16(micronet_paired_offsets(1, 8), (uint16_t)repeated));
}

/* One channel of J = 2 and K = 1 or 2. The last block of a row starts earlier, so that it is full. */
MICRONET_INLINE int32_t micronet_shift_max_two(const int8_t *first, const int8_t *second, int8_t *y, const int16_t *a,
                                               int summed, micronet_fusion f, int32_t multiplier, micronet_output q) {
  const micronet_fusion_channel channel = micronet_load_fusion(a, f);
  const int rest = f.columns % 8, back = f.columns < 8 ? 0 : 8 - rest;
  int32_t total = 0;
  for (int row = 0; row < f.rows; row++) {
    const int8_t *x = first + row * f.x_pitch, *moved = second + row * f.x_pitch;
    int8_t *out = y + row * f.y_pitch;
    for (int block = f.columns / 8; block > 0; block--, x += 8 * f.width, moved += 8 * f.width, out += 8 * f.channels)
      total += micronet_shift_max_eight(x, moved, out, &channel, f.fusions, summed, 0, multiplier, q);
    if (rest > 0)
      total += micronet_shift_max_eight(x - back * f.width, moved - back * f.width, out - back * f.channels, &channel,
                                        f.fusions, summed, 8 - rest, multiplier, q);
  }
  return total;
}

/* Dynamic Shift-Max: y[pixel, to[c]] is the largest over k of SUM over j of a[c][k][j] * (x[pixel, from[j][c]] - x_zero).
   `to` may be NULL (stays); `sums` receives the sum of each channel of y, or is NULL. */
MICRONET_INLINE void micronet_shift_max(const int8_t *x, const int16_t *a, const uint16_t *from, const uint16_t *to,
                                        int8_t *y, int32_t *sums, micronet_fusion f, int32_t multiplier,
                                        micronet_output q) {
  if (f.x_pitch == f.columns * f.width && f.y_pitch == f.columns * f.channels) {
    f.columns *= f.rows;
    f.rows = 1;
  }
  for (int c = 0; c < f.channels; c++, a += f.fusions * f.shifts) {
    const int place = to ? to[c] : c;
    int32_t total;
    if (f.shifts == 2 && f.fusions <= 2 && f.channels <= 9362) /* distances of 8 pixels are 16 bits wide */
      total = micronet_shift_max_two(x + from[c], x + from[f.channels + c], y + place, a, sums != NULL, f, multiplier, q);
    else
      total = micronet_shift_max_any(x, a, from + c, y + place, f, multiplier, q);
    if (sums) sums[place] = total;
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
