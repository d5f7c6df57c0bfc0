/* Dynamic Shift-Max on cores with the vector extension: a part of micronet_kernels_mve.h.
   SPDX-License-Identifier: MIT. Copyright (c) The micronet-edge authors. */
#ifndef MICRONET_KERNELS_MVE_SHIFT_MAX_H
#define MICRONET_KERNELS_MVE_SHIFT_MAX_H

#include "micronet_kernels_mve_channels.h"
#include "micronet_kernels_any.h"

/* The larger of the sums of 4 pixels, for J = 2 and K = 1 or 2. */
MICRONET_INLINE int32x4_t micronet_shift_max_four(const int8_t *first, const int8_t *second, uint32x4_t offsets,
                                                  const int16_t *a, const int32_t *biases, int fusions) {
  const int32x4_t x = vldrbq_gather_offset_s32(first, offsets), moved = vldrbq_gather_offset_s32(second, offsets);
  int32x4_t sums = micronet_multiply_add(micronet_multiply_add(vdupq_n_s32(biases[0]), x, a[0]), moved, a[1]);
  if (fusions == 2)
    sums = vmaxq_s32(sums, micronet_multiply_add(micronet_multiply_add(vdupq_n_s32(biases[1]), x, a[2]), moved, a[3]));
  return sums;
}

/* Distances of 8 pixels; where there are fewer, the first one stands in for the rest. */
MICRONET_INLINE uint16x8_t micronet_eight_offsets(int step, int count) {
  uint16_t offsets[8];
  MICRONET_UNROLL(8)
  for (int lane = 0; lane < 8; lane++)
    offsets[lane] = (uint16_t)(micronet_max(lane - micronet_max(8 - count, 0), 0) * step);
  return vldrhq_u16(offsets);
}

/* What J = 2 needs for a channel. */
typedef struct {
  uint16x8_t offsets, places; /* distances of 8 pixels and of their outputs */
  int16_t factors[4];
  int32_t biases[2];
} micronet_fusion_channel;

MICRONET_INLINE micronet_fusion_channel micronet_load_fusion(const int16_t *a, micronet_fusion f) {
  micronet_fusion_channel channel;
  channel.offsets = micronet_eight_offsets(f.width, f.columns);
  channel.places = micronet_eight_offsets(f.channels, f.columns);
  MICRONET_UNROLL(4)
  for (int k = 0; k < 4; k++) channel.factors[k] = a[f.fusions == 2 ? k : k % 2];
  channel.biases[0] = -f.x_zero * (channel.factors[0] + channel.factors[1]);
  channel.biases[1] = -f.x_zero * (channel.factors[2] + channel.factors[3]);
  return channel;
}

/* 8 pixels of one channel. Adds those lanes that were not computed before to the total, if it is wanted. */
MICRONET_INLINE void micronet_shift_max_eight(const int8_t *first, const int8_t *second, int8_t *y,
                                              const micronet_fusion_channel *a, int fusions, int32_t *total,
                                              int repeated, int32_t multiplier, micronet_output q) {
  uint16x8_t offsets = a->offsets;
  __asm__ volatile("" : "+w"(offsets)); /* widened here: the compiler would do it before the loop, and spill */
  const uint32x4_t evens = vmovlbq_u16(offsets), odds = vmovltq_u16(offsets);
  const int32x4_t even = micronet_shift_max_four(first, second, evens, a->factors, a->biases, fusions);
  const int32x4_t odd = micronet_shift_max_four(first, second, odds, a->factors, a->biases, fusions);
  const int16x8_t value = micronet_requantize_eight(even, odd, multiplier, q);
  vstrbq_scatter_offset_s16(y, a->places, value);
  micronet_loads_stay_here();
  if (!total) return;
  const int16x8_t whole = vmovlbq_s8(vreinterpretq_s8_s16(value));
  if (repeated == 0)
    *total = vaddvaq_s16(*total, whole);
  else
    *total = vaddvaq_p_s16(*total, whole, vcmpcsq_n_u16(vidupq_n_u16(0, 1), (uint16_t)repeated));
}

/* One channel of J = 2 and K = 1 or 2. The last block of a row starts earlier, so that it is full. */
MICRONET_INLINE void micronet_shift_max_two(const int8_t *first, const int8_t *second, int8_t *y, const int16_t *a,
                                            int32_t *total, micronet_fusion f, int32_t multiplier, micronet_output q) {
  const micronet_fusion_channel channel = micronet_load_fusion(a, f);
  const int rest = f.columns % 8, back = f.columns < 8 ? 0 : 8 - rest;
  for (int row = 0; row < f.rows; row++) {
    const int8_t *x = first + row * f.x_pitch, *moved = second + row * f.x_pitch;
    int8_t *out = y + row * f.y_pitch;
    MICRONET_UNROLL(1)
    for (int block = f.columns / 8; block > 0; block--, x += 8 * f.width, moved += 8 * f.width, out += 8 * f.channels)
      micronet_shift_max_eight(x, moved, out, &channel, f.fusions, total, 0, multiplier, q);
    if (rest > 0)
      micronet_shift_max_eight(x - back * f.width, moved - back * f.width, out - back * f.channels, &channel,
                               f.fusions, total, 8 - rest, multiplier, q);
  }
}

/* Dynamic Shift-Max: y[pixel, to[c]] is the largest over k of
       SUM over j of a[c][k][j] * (x[pixel, from[j][c]] - x_zero).
   `to` may be NULL (stays); `sums` receives the sum of each channel of y, or is NULL. */
MICRONET_INLINE void micronet_shift_max(const int8_t *x, const int16_t *a, const uint16_t *from, const uint16_t *to,
                                        int8_t *y, int32_t *sums, micronet_fusion f, int32_t multiplier,
                                        micronet_output q) {
  if (f.x_pitch == f.columns * f.width && f.y_pitch == f.columns * f.channels) {
    f.columns *= f.rows;
    f.rows = 1;
  }
  if (micronet_is_small_fusion(f)) {
    micronet_shift_max_of_channels(x, a, from, to, y, sums, f, multiplier, q);
    return;
  }
  for (int c = 0; c < f.channels; c++, a += f.fusions * f.shifts) {
    const int place = to ? to[c] : c;
    int32_t total = 0;
    if (f.shifts == 2 && f.fusions <= 2 && micronet_max(f.width, f.channels) <= 9362) /* distances of 8 pixels are 16 bits wide */
      micronet_shift_max_two(x + from[c], x + from[f.channels + c], y + place, a, sums ? &total : NULL, f, multiplier,
                             q);
    else
      total = micronet_shift_max_any(x, a, from + c, y + place, f, multiplier, q);
    if (sums) sums[place] = total;
  }
}

#endif
