/* Requantization and products on cores with the vector extension: a part of micronet_kernels_mve.h.
   SPDX-License-Identifier: MIT. Copyright (c) The micronet-edge authors. */
#ifndef MICRONET_KERNELS_MVE_ARITHMETIC_H
#define MICRONET_KERNELS_MVE_ARITHMETIC_H

/* ---- requantization ---- */

/* VQRDMULH doubles, rounds half up and keeps the upper half: exactly the definition. */
MICRONET_INLINE int micronet_requantize(int32_t sum, int32_t multiplier, micronet_output q) {
  const int64_t product = (int64_t)micronet_scale_up(sum, q.shift) * multiplier;
  const int64_t rounded = (product + ((int64_t)1 << 30)) >> 31;
  return micronet_clamp((int)rounded + q.zero_point, q.low, q.high);
}

/* The form in which streams hold a multiplier. */
MICRONET_INLINE int32_t micronet_stored_multiplier(int32_t multiplier) { return multiplier; }

/* Scaled sums, in lanes of 32 bits; shifted left by a scalar only where the layer has a shift. */
MICRONET_INLINE int32x4_t micronet_shifted(int32x4_t sums, int shift) {
  return shift == 0 ? sums : vqshlq_r_s32(sums, shift);
}

/* 4 values within int8 or int16, to be stored by VSTRB.32 or VSTRH.32, from 4 scaled sums. */
MICRONET_INLINE int32x4_t micronet_close_four(int32x4_t scaled, micronet_output q) {
  int32x4_t value = vaddq_n_s32(scaled, q.zero_point);
  if (q.low == -128 && q.high == 127) return vshrq_n_s32(vqshlq_n_s32(value, 24), 24);
  if (q.low == -32768 && q.high == 32767) return vshrq_n_s32(vqshlq_n_s32(value, 16), 16);
  value = vmaxq_s32(value, vdupq_n_s32(q.low));
  return vminq_s32(value, vdupq_n_s32(q.high));
}

MICRONET_INLINE int32x4_t micronet_requantize_four(int32x4_t sums, int32x4_t multipliers, micronet_output q) {
  return micronet_close_four(vqrdmulhq_s32(micronet_shifted(sums, q.shift), multipliers), q);
}

MICRONET_INLINE int32x4_t micronet_requantize_by(int32x4_t sums, int32_t multiplier, micronet_output q) {
  return micronet_close_four(vqrdmulhq_n_s32(micronet_shifted(sums, q.shift), multiplier), q);
}

/* Narrowed to 16 bits with saturation: those of `even` go to lanes 0, 2, 4, 6. In assembly because gcc copies what its
   intrinsics change in place. */
MICRONET_INLINE int16x8_t micronet_narrowed(int32x4_t even, int32x4_t odd) {
  __asm__("vqmovnb.s32 %q0, %q0\n\tvqmovnt.s32 %q0, %q1" : "+&w"(even) : "w"(odd));
  return vreinterpretq_s16_s32(even);
}

/* The low bytes of the lanes, narrowed to 8 bits with saturation; the high bytes stay as they are. */
MICRONET_INLINE int16x8_t micronet_narrowed_bytes(int16x8_t value) {
  __asm__("vqmovnb.s16 %q0, %q0" : "+w"(value));
  return value;
}

/* 8 values within int8, to be stored by VSTRB.16, from 8 scaled sums. Those of `even` go to lanes 0, 2, 4, 6. The high
   bytes of the lanes hold anything. */
MICRONET_INLINE int16x8_t micronet_close_eight(int32x4_t even, int32x4_t odd, micronet_output q) {
  int16x8_t value = vqaddq_n_s16(micronet_narrowed(even, odd), (int16_t)q.zero_point);
  if (q.low == -128 && q.high == 127) return micronet_narrowed_bytes(value);
  value = vmaxq_s16(value, vdupq_n_s16((int16_t)q.low));
  return vminq_s16(value, vdupq_n_s16((int16_t)q.high));
}

/* The same for values within int16. */
MICRONET_INLINE int16x8_t micronet_close_wide(int32x4_t even, int32x4_t odd, micronet_output q) {
  if (!__builtin_constant_p(q.zero_point) || q.zero_point != 0) {
    even = vaddq_n_s32(even, q.zero_point);
    odd = vaddq_n_s32(odd, q.zero_point);
  }
  const int16x8_t value = micronet_narrowed(even, odd);
  if (q.low == -32768 && q.high == 32767) return value;
  return vminq_s16(vmaxq_s16(value, vdupq_n_s16((int16_t)q.low)), vdupq_n_s16((int16_t)q.high));
}

MICRONET_INLINE int16x8_t micronet_requantize_eight(int32x4_t even, int32x4_t odd, int32_t multiplier,
                                                    micronet_output q) {
  even = vqrdmulhq_n_s32(micronet_shifted(even, q.shift), multiplier);
  odd = vqrdmulhq_n_s32(micronet_shifted(odd, q.shift), multiplier);
  return micronet_close_eight(even, odd, q);
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

#endif
