/* Depthwise filters along lines on cores with the DSP extension: a part of micronet_kernels_dsp.h.
   SPDX-License-Identifier: MIT. Copyright (c) The micronet-edge authors. */
#ifndef MICRONET_KERNELS_DSP_LINES_H
#define MICRONET_KERNELS_DSP_LINES_H

#include "micronet_kernels_dsp_arithmetic.h"
#include "micronet_kernels_any.h"

/* How one channel walks: its inputs, its outputs and the distances. */
typedef struct {
  const int8_t *x;
  int8_t *y;
  int stride, length, x_step, y_step, wide_x, wide_y;
} micronet_walk;

/* The next two inputs as a pair. */
MICRONET_INLINE int32_t micronet_walk_pair(const micronet_walk *at) {
  return micronet_pair(micronet_element(at->x, at->wide_x), micronet_element(at->x + at->x_step, at->wide_x));
}

/* What one output channel needs. Taps in pairs as they are stored, and moved by one place for every second output. */
enum { MICRONET_MOST_PAIRS = 4 };
typedef struct {
  int32_t bias, multiplier, total;
  int32_t even[MICRONET_MOST_PAIRS], odd[MICRONET_MOST_PAIRS];
} micronet_filter;

MICRONET_INLINE micronet_filter micronet_load_filter(const int32_t *w, int c, int pairs) {
  const int lane = c % MICRONET_BLOCK;
  const int32_t *block = w + c / MICRONET_BLOCK * (MICRONET_BLOCK_HEAD + MICRONET_BLOCK * pairs);
  micronet_filter filter = {0, 0, 0, {0}, {0}};
  filter.bias = block[lane];
  filter.multiplier = block[MICRONET_BLOCK + lane];
  filter.total = 0;
  MICRONET_UNROLL(4)
  for (int k = 0; k < pairs; k++) {
    filter.even[k] = block[MICRONET_BLOCK_HEAD + lane * pairs + k];
    filter.odd[k] = k == 0 ? 0 : micronet_pair(filter.even[k - 1] >> 16, filter.even[k]);
  }
  return filter;
}

/* Stores one output of a filter. */
MICRONET_INLINE void micronet_put(int8_t *y, int wide, int32_t sum, micronet_filter *filter, int summed,
                                  micronet_output q) {
  const int value = micronet_requantize(sum, filter->multiplier, q);
  micronet_set_element(y, wide, value);
  if (summed) filter->total += value;
}

/* The output whose first tap is the low half of x[0], but for the last tap (the taps are odd in number). */
MICRONET_INLINE int32_t micronet_even_output(const int32_t *x, const micronet_filter *filter, int pairs) {
  int32_t sum = filter->bias;
  MICRONET_UNROLL(4)
  for (int k = 0; k + 1 < pairs; k++) sum = micronet_dot(x[k], filter->even[k], sum);
  return sum;
}

/* The output after it: its first tap is the high half of x[0]. */
MICRONET_INLINE int32_t micronet_odd_output(const int32_t *x, const micronet_filter *filter, int pairs) {
  int32_t sum = micronet_high_low(x[0], filter->even[0], filter->bias);
  MICRONET_UNROLL(4)
  for (int k = 1; k < pairs; k++) sum = micronet_dot(x[k], filter->odd[k], sum);
  return sum;
}

/* Adds the last tap of filter m (0 or 1) to an even output. Odd outputs have the tap in a register anyway; without
   them the last taps of both filters share one, `last`. */
MICRONET_INLINE int32_t micronet_last_tap(int32_t x, const micronet_filter *filter, int32_t last, int m, int pairs,
                                          int stride, int32_t sum) {
  if (stride == 1) return micronet_low_high(x, filter->odd[pairs - 1], sum);
  return m == 0 ? micronet_low_low(x, last, sum) : micronet_low_high(x, last, sum);
}

/* One line of `filters` (1 or 2) filters with 2 * pairs - 1 taps over the same channel; `apart` bytes between their
   outputs. Inputs travel in pairs: each pair is loaded once and serves two outputs (stride 1) or one (stride 2). */
MICRONET_INLINE void micronet_walk_line(micronet_walk at, micronet_filter *filter, int filters, int apart, int pairs,
                                        int summed, micronet_output q) {
  int32_t x[MICRONET_MOST_PAIRS] = {0};
  const int32_t last = micronet_pair(filter[0].even[pairs - 1], filter[filters - 1].even[pairs - 1]);
  MICRONET_UNROLL(4)
  for (int k = 0; k + 1 < pairs; k++, at.x += 2 * at.x_step) x[k] = micronet_walk_pair(&at);
  const int outputs = 3 - at.stride; /* of each pair */
  /* The last pair of stride 2 is half outside. */
  const int loops = at.stride == 1 ? at.length / 2 : at.length - 1;
  MICRONET_UNROLL(2)
  for (int i = 0; i < loops; i++) {
    int32_t sums[2] = {0, 0};
    MICRONET_UNROLL(2)
    for (int m = 0; m < filters; m++) sums[m] = micronet_even_output(x, filter + m, pairs);
    x[pairs - 1] = micronet_walk_pair(&at);
    MICRONET_UNROLL(2)
    for (int m = 0; m < filters; m++) {
      int8_t *y = at.y + m * apart;
      sums[m] = micronet_last_tap(x[pairs - 1], filter + m, last, m, pairs, at.stride, sums[m]);
      micronet_put(y, at.wide_y, sums[m], filter + m, summed, q);
      if (outputs == 2)
        micronet_put(y + at.y_step, at.wide_y, micronet_odd_output(x, filter + m, pairs), filter + m, summed, q);
    }
    at.x += 2 * at.x_step;
    at.y += outputs * at.y_step;
    MICRONET_UNROLL(4)
    for (int k = 0; k + 1 < pairs; k++) x[k] = x[k + 1];
  }
  if (loops * outputs == at.length) return;
  const int32_t end = micronet_element(at.x, at.wide_x);
  MICRONET_UNROLL(2)
  for (int m = 0; m < filters; m++) {
    const int32_t sum = micronet_even_output(x, filter + m, pairs);
    micronet_put(at.y + m * apart, at.wide_y, micronet_last_tap(end, filter + m, last, m, pairs, at.stride, sum),
                 filter + m, summed, q);
  }
}

/* All lines of `filters` (1 or 2) output channels from `first`, which have the same input channel. */
MICRONET_INLINE void micronet_lines_channel(const int8_t *x, const int32_t *w, int8_t *y, int32_t *sums,
                                            const uint16_t *to, int first, int filters, micronet_lines f,
                                            micronet_output q) {
  const int pairs = (f.taps + 1) / 2;
  const int place = to ? to[first] : first, next = filters == 1 ? place : to ? to[first + 1] : first + 1;
  micronet_filter filter[2] = {{0, 0, 0, {0}, {0}}, {0, 0, 0, {0}, {0}}};
  micronet_walk at;
  filter[0] = micronet_load_filter(w, first, pairs);
  if (filters == 2) filter[1] = micronet_load_filter(w, first + 1, pairs);
  at.stride = f.stride;
  at.length = f.length;
  at.x_step = f.x_step;
  at.y_step = f.y_step;
  at.wide_x = f.wide_x;
  at.wide_y = f.wide_y;
  for (int line = 0; line < f.lines; line++) {
    at.x = x + line * f.x_line + ((first / f.multiplier) << f.wide_x);
    at.y = y + line * f.y_line + (place << f.wide_y);
    micronet_walk_line(at, filter, filters, (to ? next - place : 1) * (1 + f.wide_y), pairs, sums != NULL, q);
  }
  if (sums) sums[place] = filter[0].total;
  if (sums && filters == 2) sums[next] = filter[1].total;
}

/* A depthwise filter along lines (K x 1 or 1 x K). x points to the first tap of the first output of a padded tensor;
   `to` says where an output channel goes (NULL: stays); `sums` receives the sum of each output channel, or is NULL. */
MICRONET_INLINE void micronet_depthwise_lines(const void *x, const int32_t *w, void *y, int32_t *sums,
                                              const uint16_t *to, micronet_lines f, micronet_output q) {
  if (f.taps % 2 == 0 || f.taps < 3 || f.taps > 2 * MICRONET_MOST_PAIRS - 1 || f.stride > 2) {
    micronet_lines_any((const int8_t *)x, w, (int8_t *)y, sums, to, f, q);
    return;
  }
  for (int c = 0; c < f.channels * f.multiplier; c += f.multiplier) {
    int m = 0;
    for (; m + 2 <= f.multiplier; m += 2)
      micronet_lines_channel((const int8_t *)x, w, (int8_t *)y, sums, to, c + m, 2, f, q);
    if (m < f.multiplier) micronet_lines_channel((const int8_t *)x, w, (int8_t *)y, sums, to, c + m, 1, f, q);
  }
}

#endif
