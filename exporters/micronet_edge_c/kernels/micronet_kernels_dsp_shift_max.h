/* Dynamic Shift-Max on cores with the DSP extension: a part of micronet_kernels_dsp.h.
   SPDX-License-Identifier: MIT. Copyright (c) The micronet-edge authors. */
#ifndef MICRONET_KERNELS_DSP_SHIFT_MAX_H
#define MICRONET_KERNELS_DSP_SHIFT_MAX_H

#include "micronet_kernels_dsp_arithmetic.h"
#include "micronet_kernels_any.h"

/* What J = 2 needs for a channel: the first sum, and for K = 2 the second one, or what it is more. */
typedef struct {
  int32_t factors, bias, other, other_bias;
} micronet_fusion_pair;

/* How many sums a pixel has, and whether the second one is a difference. */
typedef enum { MICRONET_ONE_SUM, MICRONET_FIRST_AND_MORE, MICRONET_TWO_SUMS } micronet_fusion_form;

MICRONET_INLINE int32_t micronet_shift_max_pixel(int32_t pair, micronet_fusion_pair a, micronet_fusion_form form) {
  const int32_t sum = micronet_dot(pair, a.factors, a.bias);
  if (form == MICRONET_ONE_SUM) return sum;
  const int32_t other = micronet_dot(pair, a.other, a.other_bias);
  return form == MICRONET_TWO_SUMS ? micronet_max(sum, other) : sum + (int32_t)__usat(other, 31);
}

/* `count` pixels of one channel, which lie at constant distances from the addresses. Returns their sum. */
MICRONET_INLINE int32_t micronet_shift_max_pixels(const int8_t *first, const int8_t *second, int8_t *y, int count,
                                                  micronet_fusion_pair a, micronet_fusion_form form, int width,
                                                  int channels, int32_t doubled, micronet_output q) {
  int32_t total = 0;
  MICRONET_UNROLL(8)
  for (int p = 0; p < count; p++) {
    const int32_t pair = micronet_pair(first[p * width], second[p * width]);
    const int value = micronet_requantize(micronet_shift_max_pixel(pair, a, form), doubled, q);
    y[p * channels] = (int8_t)value;
    total += value;
    micronet_loads_stay_here();
  }
  return total;
}

/* One channel of J = 2 and K = 1 or 2. */
enum { MICRONET_FUSED_PIXELS = 8 };
MICRONET_INLINE int32_t micronet_shift_max_two(const int8_t *first, const int8_t *second, int8_t *y,
                                               micronet_fusion_pair a, micronet_fusion_form form, micronet_fusion f,
                                               int32_t doubled, micronet_output q) {
  const int at_once = form == MICRONET_TWO_SUMS ? 1 : MICRONET_FUSED_PIXELS; /* two sums are rare: little code */
  int32_t total = 0;
  for (int row = 0; row < f.rows; row++) {
    const int8_t *x = first + row * f.x_pitch, *moved = second + row * f.x_pitch;
    int8_t *out = y + row * f.y_pitch;
    MICRONET_UNROLL(1)
    for (int block = f.columns / at_once; block > 0; block--) {
      total += micronet_shift_max_pixels(x, moved, out, at_once, a, form, f.width, f.channels, doubled, q);
      x += at_once * f.width;
      moved += at_once * f.width;
      out += at_once * f.channels;
    }
    MICRONET_UNROLL(1)
    for (int rest = f.columns % at_once; rest > 0; rest--, x += f.width, moved += f.width, out += f.channels)
      total += micronet_shift_max_pixels(x, moved, out, 1, a, form, f.width, f.channels, doubled, q);
  }
  return total;
}

/* One channel of J = 2. The larger of two sums is the first one plus what the second is more, if that is positive: one
   instruction less than a comparison, where the differences of the factors fit 16 bits. */
MICRONET_INLINE int32_t micronet_shift_max_channel(const int8_t *x, const int16_t *a, const uint16_t *from, int8_t *y,
                                                   micronet_fusion f, int32_t doubled, micronet_output q) {
  const int8_t *first = x + from[0], *second = x + from[f.channels];
  micronet_fusion_pair pair = {micronet_pair(a[0], a[1]), -f.x_zero * (a[0] + a[1]), 0, 0};
  if (f.fusions == 1) return micronet_shift_max_two(first, second, y, pair, MICRONET_ONE_SUM, f, doubled, q);
  const int32_t low = a[2] - a[0], high = a[3] - a[1];
  if (low != (int16_t)low || high != (int16_t)high) {
    pair.other = micronet_pair(a[2], a[3]);
    pair.other_bias = -f.x_zero * (a[2] + a[3]);
    return micronet_shift_max_two(first, second, y, pair, MICRONET_TWO_SUMS, f, doubled, q);
  }
  pair.other = micronet_pair(low, high);
  pair.other_bias = -f.x_zero * (low + high);
  return micronet_shift_max_two(first, second, y, pair, MICRONET_FIRST_AND_MORE, f, doubled, q);
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
  for (int c = 0; c < f.channels; c++, a += f.fusions * f.shifts) {
    const int place = to ? to[c] : c;
    int32_t total;
    if (f.shifts == 2 && f.fusions <= 2)
      total = micronet_shift_max_channel(x, a, from + c, y + place, f, 2 * multiplier, q);
    else
      total = micronet_shift_max_any(x, a, from + c, y + place, f, multiplier, q);
    if (sums) sums[place] = total;
  }
}

#endif
