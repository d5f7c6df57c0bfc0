/* Linear layers on cores with the DSP extension: a part of micronet_kernels_dsp.h.
   SPDX-License-Identifier: MIT. Copyright (c) The micronet-edge authors. */
#ifndef MICRONET_KERNELS_DSP_LINEAR_H
#define MICRONET_KERNELS_DSP_LINEAR_H

#include "micronet_kernels_dsp_arithmetic.h"

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

#endif
