/* The kernels of micronet_kernels.h for cores with the DSP extension (Cortex-M4, M7, M33).
   SPDX-License-Identifier: MIT. Copyright (c) The micronet-edge authors.

   SMLAD multiplies two pairs of int16 and adds both products: pixels and weights travel in pairs. SMMLAR rounds, scales
   and adds the zero point in one instruction. Loops keep weights or pixels in registers; how many of each is what the
   14 registers hold. */
#ifndef MICRONET_KERNELS_DSP_H
#define MICRONET_KERNELS_DSP_H

#include <arm_acle.h>

/* ---- single instructions ---- */

/* sum + round(a * b / 2^32), half up. A constant sum of 0 needs no register. */
MICRONET_INLINE int32_t micronet_multiply_high(int32_t a, int32_t b, int32_t sum) {
  int32_t result;
  if (__builtin_constant_p(sum) && sum == 0)
    __asm__("smmulr %0, %1, %2" : "=r"(result) : "r"(a), "r"(b));
  else
    __asm__("smmlar %0, %1, %2, %3" : "=r"(result) : "r"(a), "r"(b), "r"(sum));
  return result;
}

/* Bytes 0 and 2 of a word as a pair; bytes 1 and 3. */
MICRONET_INLINE int32_t micronet_even_bytes(int32_t word) { return __sxtb16(word); }
MICRONET_INLINE int32_t micronet_odd_bytes(int32_t word) {
  int32_t result;
  __asm__("sxtb16 %0, %1, ror #8" : "=r"(result) : "r"(word));
  return result;
}

/* The pair (low half of low, low half of high). */
MICRONET_INLINE int32_t micronet_pair(int32_t low, int32_t high) {
  int32_t result;
  __asm__("pkhbt %0, %1, %2, lsl #16" : "=r"(result) : "r"(low), "r"(high));
  return result;
}

/* sum + both products of two pairs; the products of single halves. */
MICRONET_INLINE int32_t micronet_dot(int32_t a, int32_t b, int32_t sum) { return __smlad(a, b, sum); }
MICRONET_INLINE int32_t micronet_low_low(int32_t a, int32_t b, int32_t sum) { return __smlabb(a, b, sum); }
MICRONET_INLINE int32_t micronet_low_high(int32_t a, int32_t b, int32_t sum) { return __smlabt(a, b, sum); }
MICRONET_INLINE int32_t micronet_high_low(int32_t a, int32_t b, int32_t sum) { return __smlatb(a, b, sum); }

/* Loads two words by one instruction; volatile, or the compiler loads far ahead and spills. */
typedef int64_t micronet_two __attribute__((may_alias));
MICRONET_INLINE void micronet_load_two(const int32_t *at, int32_t *first, int32_t *second) {
  __asm__ volatile("ldrd %0, %1, %2" : "=r"(*first), "=r"(*second) : "m"(*(const micronet_two *)at));
}

MICRONET_INLINE int32_t micronet_word(const int8_t *x) {
  int32_t word;
  memcpy(&word, x, 4);
  return word;
}

/* ---- requantization: multipliers are 2 * m here ---- */

/* micronet_scale_up by doublings that saturate: one instruction for the shift of 1 that layers with int16 results have. */
MICRONET_INLINE int32_t micronet_doubled(int32_t sum, int shift) {
  if (shift > 3) return micronet_scale_up(sum, shift);
  if (shift > 0) sum = __qadd(sum, sum);
  if (shift > 1) sum = __qadd(sum, sum);
  if (shift > 2) sum = __qadd(sum, sum);
  return sum;
}

MICRONET_INLINE int micronet_requantize(int32_t sum, int32_t doubled, micronet_output q) {
  const int32_t value = micronet_multiply_high(micronet_doubled(sum, q.shift), doubled, q.zero_point);
  const int is_wide = q.low < -128 || q.high > 127, lowest = is_wide ? -32768 : -128;
  int result = is_wide ? __ssat(value, 16) : __ssat(value, 8);
  if (q.low > lowest) result = micronet_max(result, q.low);
  if (q.high < -1 - lowest) result = micronet_min(result, q.high);
  return result;
}

/* The form in which streams hold a multiplier. */
MICRONET_INLINE int32_t micronet_stored_multiplier(int32_t multiplier) { return 2 * multiplier; }

#include "micronet_kernels_any.h"

#include "micronet_kernels_dsp_convolutions.h"

/* ---- sums and linear layers ---- */

/* Sums of 4 channels over up to 256 pixels: so many fit 16 bits. */
MICRONET_INLINE void micronet_sum_some(const int8_t *x, int32_t *sums, int pixels, int channels) {
  int32_t even = 0, odd = 0;
  MICRONET_UNROLL(4)
  for (int p = 0; p < pixels; p++, x += channels) {
    const int32_t four = micronet_word(x);
    even = __sxtab16(even, four);
    __asm__("sxtab16 %0, %0, %1, ror #8" : "+r"(odd) : "r"(four));
  }
  sums[0] += (int16_t)even;
  sums[1] += (int16_t)odd;
  sums[2] += even >> 16;
  sums[3] += odd >> 16;
}

/* The sum of each channel over all pixels. */
MICRONET_INLINE void micronet_sum(const int8_t *x, int32_t *sums, int rows, int columns, int pitch, int channels) {
  if (pitch == columns * channels) {
    columns *= rows;
    rows = 1;
  }
  for (int c = 0; c < channels; c += 4) {
    int32_t four[4] = {0, 0, 0, 0};
    for (int row = 0; row < rows; row++) {
      const int8_t *in = x + row * pitch + c;
      for (int column = 0; column < columns; column += 256, in += 256 * channels)
        micronet_sum_some(in, four, micronet_min(columns - column, 256), channels);
    }
    for (int lane = 0; lane < 4 && c + lane < channels; lane++) sums[c + lane] = four[lane];
  }
}

/* Means from sums; the bias is -pixels * x_zero. */
MICRONET_INLINE void micronet_mean(const int32_t *sums, int8_t *y, int channels, int32_t bias, int32_t multiplier,
                                   micronet_output q) {
  MICRONET_UNROLL(4)
  for (int c = 0; c < channels; c++) y[c] = (int8_t)micronet_requantize(sums[c] + bias, 2 * multiplier, q);
}

/* The inputs of a linear layer as pairs, in the order of MICRONET_L16; ci rounded up to 4. Returns their sum. */
typedef int32_t micronet_one __attribute__((may_alias));
MICRONET_INLINE int32_t micronet_widen(const int8_t *x, int16_t *pairs, int ci) {
  micronet_one *words = (micronet_one *)(void *)pairs;
  int32_t total = 0;
  for (int i = 0; i < ci; i += 4, words += 2) {
    const int32_t four = micronet_word(x + i), even = micronet_even_bytes(four), odd = micronet_odd_bytes(four);
    words[0] = even;
    words[1] = odd;
    total = micronet_dot(odd, 0x10001, micronet_dot(even, 0x10001, total));
  }
  return total;
}

/* Two rows of weights, a and b, in halves of 256 * b + (a + 128). The sum over them and the one over their low bytes
   differ by 256 times the sum of b, exactly while that fits 24 bits: 511 products of int8 do. */
enum { MICRONET_EXACT_INPUTS = 496 };
typedef struct {
  int32_t both, low;
} micronet_two_rows;

/* 4 inputs times the weights of 4 outputs. */
MICRONET_INLINE void micronet_linear_four(const int32_t *x, const int8_t *w, micronet_two_rows *rows) {
  int32_t a, b;
  micronet_load_two(x, &a, &b);
  MICRONET_UNROLL(2)
  for (int k = 0; k < 2; k++) {
    int32_t even, odd;
    micronet_load_two((const int32_t *)(const void *)(w + 32 * k), &even, &odd);
    rows[k].both = micronet_dot(b, odd, micronet_dot(a, even, rows[k].both));
    rows[k].low = micronet_dot(a, (int32_t)__uxtb16((uint32_t)even), rows[k].low);
    rows[k].low = micronet_dot(b, (int32_t)__uxtb16((uint32_t)odd), rows[k].low);
  }
}

/* Up to MICRONET_EXACT_INPUTS inputs times the weights of 4 outputs; moves w behind their last chunk. */
MICRONET_INLINE void micronet_linear_part(const int32_t *x, const int8_t **w, int inputs, micronet_two_rows *rows) {
  const int32_t *chunks = x + inputs / 16 * 8, *end = x + (inputs + 3) / 4 * 2;
  const int8_t *weights = *w;
  MICRONET_UNROLL(1)
  for (; x < chunks; x += 8, weights += 64) {
    MICRONET_UNROLL(4)
    for (int k = 0; k < 4; k++) micronet_linear_four(x + 2 * k, weights + 8 * k, rows);
  }
  *w = x < end ? weights + 64 : weights;
  MICRONET_UNROLL(1)
  for (; x < end; x += 2, weights += 8) micronet_linear_four(x, weights, rows);
}

/* 4 outputs before their requantization; moves w behind their weights. `excess` is 128 times the sum of x. */
MICRONET_INLINE void micronet_linear_block(const int16_t *x, const int8_t **w, const int32_t *bias, int ci,
                                           int32_t excess, int32_t *sums) {
  const int32_t *pairs = (const int32_t *)(const void *)x;
  sums[0] = bias[0] - excess;
  sums[1] = bias[1];
  sums[2] = bias[2] - excess;
  sums[3] = bias[3];
  MICRONET_UNROLL(1)
  do {
    micronet_two_rows rows[2] = {{sums[0], sums[0]}, {sums[2], sums[2]}};
    micronet_linear_part(pairs, w, micronet_min(ci, MICRONET_EXACT_INPUTS), rows);
    sums[0] = rows[0].low;
    sums[1] += (int32_t)((uint32_t)rows[0].both - (uint32_t)rows[0].low) >> 8;
    sums[2] = rows[1].low;
    sums[3] += (int32_t)((uint32_t)rows[1].both - (uint32_t)rows[1].low) >> 8;
    pairs += MICRONET_EXACT_INPUTS / 2;
    ci -= MICRONET_EXACT_INPUTS;
  } while (ci > 0);
}

/* A linear layer. w is [ceil(co / 4)][ceil(ci / 16)][2] of MICRONET_L16; bm holds 4 biases and 4 multipliers for each block of 4
   outputs; `scratch` holds ci rounded up to 16 values. */
MICRONET_INLINE void micronet_linear(const int8_t *x, const int8_t *w, const int32_t *bm, int8_t *y, int16_t *scratch,
                                     int ci, int co, micronet_output q) {
  const int32_t excess = 128 * micronet_widen(x, scratch, ci);
  for (int o = 0; o < co; o += MICRONET_BLOCK, bm += MICRONET_BLOCK_HEAD) {
    int32_t sums[4];
    micronet_linear_block(scratch, &w, bm, ci, excess, sums);
    MICRONET_UNROLL(4)
    for (int lane = 0; lane < MICRONET_BLOCK; lane++)
      if (co % MICRONET_BLOCK == 0 || o + lane < co)
        y[o + lane] = (int8_t)micronet_requantize(sums[lane], bm[MICRONET_BLOCK + lane], q);
  }
}

/* The coefficients of a Dynamic Shift-Max: a linear layer into [0, top], plus offsets[o % period]. */
MICRONET_INLINE void micronet_coefficients(const int8_t *x, const int8_t *w, const int32_t *bm, int16_t *a,
                                           int16_t *scratch, int ci, int co, int shift, int top,
                                           const int16_t *offsets, int period) {
  int phase = 0;
  const int32_t excess = 128 * micronet_widen(x, scratch, ci);
  for (int o = 0; o < co; o += MICRONET_BLOCK, bm += MICRONET_BLOCK_HEAD) {
    int32_t sums[4];
    micronet_linear_block(scratch, &w, bm, ci, excess, sums);
    MICRONET_UNROLL(4)
    for (int lane = 0; lane < MICRONET_BLOCK; lane++) {
      if (co % MICRONET_BLOCK > 0 && o + lane >= co) break;
      const int32_t sum = micronet_doubled(sums[lane], shift);
      const int32_t value = micronet_multiply_high(sum, bm[MICRONET_BLOCK + lane], 0);
      const int place = MICRONET_BLOCK % period == 0 ? lane % period : phase;
      a[o + lane] = (int16_t)((top == 4095 ? (int)__usat(value, 12) : micronet_clamp(value, 0, top)) + offsets[place]);
      phase = phase + 1 == period ? 0 : phase + 1;
    }
  }
}

/* ---- Dynamic Shift-Max ---- */

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

/* ---- element by element ---- */

/* y = table[x + 128]; y may be x. */
MICRONET_INLINE void micronet_table(const int8_t *x, int8_t *y, int rows, int row_bytes, int x_pitch, int y_pitch,
                                    const int8_t *table) {
  for (int row = 0; row < rows; row++) {
    const int8_t *in = x + row * x_pitch;
    int8_t *out = y + row * y_pitch;
    for (int fours = row_bytes / 4; fours > 0; fours--, in += 4, out += 4) {
      const uint32_t places = (uint32_t)micronet_word(in) ^ 0x80808080u; /* x + 128 */
      out[0] = table[places & 255];
      out[1] = table[places >> 8 & 255];
      out[2] = table[places >> 16 & 255];
      out[3] = table[places >> 24];
    }
    for (int i = 0; i < row_bytes % 4; i++) out[i] = table[in[i] + 128];
  }
}

/* The sum of two tensors; y may be a or b. */
MICRONET_INLINE void micronet_add(const int8_t *a, const int8_t *b, int8_t *y, int rows, int row_bytes, int a_pitch,
                                  int b_pitch, int y_pitch, micronet_sum_of two, int32_t multiplier,
                                  micronet_output q) {
  const int32_t bias = -two.a_factor * two.a_zero - two.b_factor * two.b_zero;
  for (int row = 0; row < rows; row++) {
    const int8_t *first = a + row * a_pitch, *second = b + row * b_pitch;
    int8_t *out = y + row * y_pitch;
    MICRONET_UNROLL(4)
    for (int i = 0; i < row_bytes; i++) {
      const int32_t part = micronet_low_low(first[i], two.a_factor, bias);
      const int32_t sum = micronet_low_low(second[i], two.b_factor, part);
      out[i] = (int8_t)micronet_requantize(sum, 2 * multiplier, q);
    }
  }
}

/* The product of each channel with one value, as in squeeze-and-excite. */
MICRONET_INLINE void micronet_scale(const int8_t *x, const int8_t *s, int8_t *y, int rows, int columns, int channels,
                                    int x_pitch, int y_pitch, int x_zero, int s_zero, int32_t multiplier,
                                    micronet_output q) {
  for (int c = 0; c < channels; c++) {
    const int32_t factor = s[c] - s_zero, bias = -x_zero * factor;
    for (int row = 0; row < rows; row++) {
      const int8_t *in = x + row * x_pitch + c;
      int8_t *out = y + row * y_pitch + c;
      MICRONET_UNROLL(4)
      for (int column = 0; column < columns; column++, in += channels, out += channels)
        *out = (int8_t)micronet_requantize(micronet_low_low(*in, factor, bias), 2 * multiplier, q);
    }
  }
}

#endif
