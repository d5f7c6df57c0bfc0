/* Depthwise filters along lines for cores with the vector extension: a part of micronet_kernels_mve.h.
   SPDX-License-Identifier: MIT. Copyright (c) The micronet-edge authors.

   The lanes are 8 outputs of one channel, one behind the other over all rows. Every tap is a load by distances and a
   multiplication by a scalar, so that a map of any size fills the lanes. The distances are the same for all channels. */
#ifndef MICRONET_KERNELS_MVE_LINES_H
#define MICRONET_KERNELS_MVE_LINES_H

#include "micronet_kernels_mve_channels.h"
#include "micronet_kernels_mve_filter.h"

/* Distances in bytes of 8 outputs: of the first taps of outputs 0, 2, 4, 6 and of 1, 3, 5, 7, and of the results. */
typedef struct {
  uint32_t even[4], odd[4];
  uint16_t to[8];
} micronet_stored_places;

/* Outputs whose distances are kept at once. */
enum { MICRONET_MOST_PLACES = 128 };

/* The outputs in the order in which they lie in memory, and their distances. */
typedef struct {
  int rows, columns, x_row, x_column, y_row, y_column;
} micronet_plane;

MICRONET_INLINE micronet_plane micronet_plane_of(micronet_lines f) {
  micronet_plane plane = {f.lines, f.length, f.x_line, f.stride * f.x_step, f.y_line, f.y_step};
  if (f.y_line < f.y_step) {
    plane.rows = f.length;
    plane.columns = f.lines;
    plane.x_row = f.stride * f.x_step;
    plane.x_column = f.x_line;
    plane.y_row = f.y_step;
    plane.y_column = f.y_line;
  }
  return plane;
}

/* How many outputs are kept at once: their results lie less than 2^16 bytes apart. A multiple of 8, or 0. */
MICRONET_INLINE int micronet_places_kept(micronet_plane plane) {
  const int rows = (65535 - (plane.columns - 1) * plane.y_column) / plane.y_row;
  return micronet_max(micronet_min((rows - 1) * plane.columns, MICRONET_MOST_PLACES), 0) & ~7;
}

/* The distances of 4 outputs with these numbers: columns and, behind each row, `wrap` more. */
MICRONET_INLINE uint32x4_t micronet_distances(uint32x4_t numbers, uint32x4_t rows, int column, int wrap) {
  return vmlaq_n_u32(vmulq_n_u32(numbers, (uint32_t)column), rows, (uint32_t)wrap);
}

/* Stores the distances of `count` outputs from number `first` on, counted from the start of the first row. The last
   one is repeated to fill up 8. */
MICRONET_INLINE void micronet_store_places(micronet_stored_places *places, int first, int count,
                                           micronet_plane plane) {
  const uint32x4_t last = vdupq_n_u32((uint32_t)(first + count - 1));
  const uint32x4_t inverse = vdupq_n_u32(plane.columns == 1 ? 0 : 0xffffffffu / (uint32_t)plane.columns + 1);
  const int x_wrap = plane.x_row - plane.columns * plane.x_column, y_wrap = plane.y_row - plane.columns * plane.y_column;
  uint32x4_t number = vaddq_n_u32(vidupq_n_u32(0, 2), (uint32_t)first);
  for (; count > 0; count -= 8, places++, number = vaddq_n_u32(number, 8)) {
    const uint32x4_t even = vminq_u32(number, last), odd = vminq_u32(vaddq_n_u32(number, 1), last);
    const uint32x4_t even_row = plane.columns == 1 ? even : vmulhq_u32(even, inverse);
    const uint32x4_t odd_row = plane.columns == 1 ? odd : vmulhq_u32(odd, inverse);
    vstrwq_u32(places->even, micronet_distances(even, even_row, plane.x_column, x_wrap));
    vstrwq_u32(places->odd, micronet_distances(odd, odd_row, plane.x_column, x_wrap));
    const uint16x8_t low = vreinterpretq_u16_u32(micronet_distances(even, even_row, plane.y_column, y_wrap));
    vstrhq_u16(places->to, vmovntq_u32(low, micronet_distances(odd, odd_row, plane.y_column, y_wrap)));
  }
}

/* 4 elements at these distances, which are int16 if they are wide. */
MICRONET_INLINE int32x4_t micronet_load_four(const int8_t *x, uint32x4_t offsets, int wide) {
  return wide ? vldrhq_gather_offset_s32((const int16_t *)(const void *)x, offsets)
              : vldrbq_gather_offset_s32(x, offsets);
}

/* The same address, but the compiler keeps it in a register of its own. */
MICRONET_INLINE const int8_t *micronet_kept_address(const int8_t *x) {
  __asm__("" : "+r"(x));
  return x;
}

/* Stores 8 outputs at these distances, and adds them to the filter's total if it is wanted. */
MICRONET_INLINE void micronet_put_places(int8_t *y, const uint16_t *to, int32x4_t even, int32x4_t odd,
                                         micronet_filter *filter, int wide, int summed, micronet_output q) {
  even = vqrdmulhq_n_s32(micronet_shifted(even, q.shift), filter->multiplier);
  odd = vqrdmulhq_n_s32(micronet_shifted(odd, q.shift), filter->multiplier);
  if (wide) {
    const int16x8_t value = micronet_close_wide(even, odd, q);
    micronet_loads_stay_here();
    vstrhq_scatter_offset_s16((int16_t *)(void *)y, vldrhq_u16(to), value);
    if (summed) filter->total = vaddvaq_s16(filter->total, value);
    return;
  }
  const int16x8_t value = micronet_close_eight(even, odd, q);
  micronet_loads_stay_here();
  vstrbq_scatter_offset_s16(y, vldrhq_u16(to), value);
  if (summed) filter->total = vaddvaq_s16(filter->total, vmovlbq_s8(vreinterpretq_s8_s16(value)));
}

/* Blocks of 8 outputs of a channel at stored distances. */
MICRONET_INLINE void micronet_lines_at(const int8_t *x, int8_t *y, const micronet_stored_places *stored, int blocks,
                                       micronet_filter *filter, int summed, micronet_lines f, micronet_output q) {
  const int8_t *taps[MICRONET_MOST_TAPS];
  MICRONET_UNROLL(7)
  for (int k = 0; k < MICRONET_MOST_TAPS; k++)
    taps[k] = k < f.taps ? micronet_kept_address(x + k * f.x_step) : x;
  const int32x4_t bias = vdupq_n_s32(filter->bias);
  MICRONET_UNROLL(1)
  for (; blocks > 0; blocks--, stored++) {
    const uint32x4_t even_places = vldrwq_u32(stored->even), odd_places = vldrwq_u32(stored->odd);
    int32x4_t even = bias, odd = bias;
    MICRONET_UNROLL(7)
    for (int k = 0; k < f.taps; k++) {
      even = micronet_multiply_add(even, micronet_load_four(taps[k], even_places, f.wide_x), filter->taps[0][k]);
      odd = micronet_multiply_add(odd, micronet_load_four(taps[k], odd_places, f.wide_x), filter->taps[0][k]);
    }
    micronet_put_places(y, stored->to, even, odd, filter, f.wide_y, summed, q);
  }
}

/* A depthwise filter along lines (K x 1 or 1 x K). x points to the first tap of the first output of a padded tensor;
   `to` says where an output channel goes (NULL: stays); `sums` receives the sum of each output channel, or is NULL. */
MICRONET_INLINE void micronet_depthwise_lines(const void *x, const int32_t *w, void *y, int32_t *sums,
                                              const uint16_t *to, micronet_lines f, micronet_output q) {
  if (micronet_is_small_filter(sums, f)) {
    micronet_lines_of_channels((const int8_t *)x, w, (int8_t *)y, sums, to, f, q);
    return;
  }
  const micronet_plane plane = micronet_plane_of(f);
  const int pixels = plane.rows * plane.columns, kept = micronet_places_kept(plane);
  const int channels = f.channels * f.multiplier;
  if (f.taps > MICRONET_MOST_TAPS || kept == 0 || plane.columns > 65535) {
    micronet_lines_any((const int8_t *)x, w, (int8_t *)y, sums, to, f, q);
    return;
  }
  micronet_stored_places places[MICRONET_MOST_PLACES / 8] MICRONET_ALIGN16;
  for (int first = 0; first < pixels; first += kept) {
    const int count = micronet_min(pixels - first, kept), blocks = (count + 7) / 8;
    const int row = first / plane.columns;
    micronet_store_places(places, first % plane.columns, count, plane);
    micronet_loads_stay_here();
    for (int c = 0; c < channels; c++) {
      const int place = to ? to[c] : c;
      const int8_t *in = (const int8_t *)x + row * plane.x_row + ((c / f.multiplier) << f.wide_x);
      int8_t *out = (int8_t *)y + row * plane.y_row + (place << f.wide_y);
      micronet_filter filter = {0, 0, 0, {{0}}};
      micronet_load_filter(w, c, 1, f.taps, &filter);
      micronet_lines_at(in, out, places, blocks, &filter, sums != NULL, f, q);
      if (sums) {
        /* The last output was counted several times. */
        const int32_t last = micronet_element(out + places[blocks - 1].to[7], f.wide_y);
        filter.total -= (8 * blocks - count) * last;
        sums[place] = first == 0 ? filter.total : sums[place] + filter.total;
      }
    }
  }
}

#endif
