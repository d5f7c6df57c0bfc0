/* Single instructions and requantization on cores with the DSP extension: a part of micronet_kernels_dsp.h.
   SPDX-License-Identifier: MIT. Copyright (c) The micronet-edge authors. */
#ifndef MICRONET_KERNELS_DSP_ARITHMETIC_H
#define MICRONET_KERNELS_DSP_ARITHMETIC_H

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

#endif
