/* Square depthwise filters on cores with the vector extension: a part of micronet_kernels_mve.h.
   SPDX-License-Identifier: MIT. Copyright (c) The micronet-edge authors. */
#ifndef MICRONET_KERNELS_MVE_SQUARE_H
#define MICRONET_KERNELS_MVE_SQUARE_H

#include "micronet_kernels_mve_filter.h"

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

#endif
