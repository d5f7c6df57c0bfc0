/* The kernels of micronet_kernels.h for cores with the M-profile vector extension (Cortex-M55, M85).
   SPDX-License-Identifier: MIT. Copyright (c) The micronet-edge authors.

   Where many inputs meet (pointwise, linear), VMLADAV multiplies 16 weights by 16 pixels and adds all products.
   Elsewhere the lanes are lines or pixels of one channel, weights are scalars, and sums stay in lanes of 32 bits. */
#ifndef MICRONET_KERNELS_MVE_H
#define MICRONET_KERNELS_MVE_H

/* ---- requantization ---- */

/* VQRDMULH doubles, rounds half up and keeps the upper half: exactly the definition. */
MICRONET_INLINE int micronet_requantize(int32_t sum, int32_t multiplier, micronet_output q) {
  const int64_t product = (int64_t)micronet_scale_up(sum, q.shift) * multiplier;
  const int64_t rounded = (product + ((int64_t)1 << 30)) >> 31;
  return micronet_clamp((int)rounded + q.zero_point, q.low, q.high);
}

/* The form in which streams hold a multiplier. */
MICRONET_INLINE int32_t micronet_stored_multiplier(int32_t multiplier) { return multiplier; }

#include "micronet_kernels_any.h"

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

#include "micronet_kernels_mve_convolutions.h"
#include "micronet_kernels_mve_channels.h"
#include "micronet_kernels_mve_lines.h"

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
