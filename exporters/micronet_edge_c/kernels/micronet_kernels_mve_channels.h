/* Small maps on cores with the vector extension: a part of micronet_kernels_mve.h.
   SPDX-License-Identifier: MIT. Copyright (c) The micronet-edge authors.

   The lanes are 8 channels of one pixel. Where there are few pixels, lanes of pixels would stay empty, and every
   channel would load its numbers for few outputs. */
#ifndef MICRONET_KERNELS_MVE_CHANNELS_H
#define MICRONET_KERNELS_MVE_CHANNELS_H

#include "micronet_kernels_mve_filter.h"

enum {
  MICRONET_SUMMED_PIXELS = 256, /* whose bytes 16 bits can sum */
  MICRONET_SMALL_FILTER = 48,   /* outputs of a channel up to which a filter along lines is faster so */
  MICRONET_SMALL_FUSION = 80    /* the same of a Dynamic Shift-Max */
};

/* Where 8 channels go: behind one another, or wherever `to` says. */
typedef struct {
  uint16x8_t places;
  int scattered;
} micronet_eight_channels;

MICRONET_INLINE micronet_eight_channels micronet_channels_from(int c, const uint16_t *to) {
  micronet_eight_channels channels;
  channels.scattered = to != NULL;
  channels.places = to ? vldrhq_u16(to + c) : vaddq_n_u16(vidupq_n_u16(0, 1), (uint16_t)c);
  return channels;
}

/* Stores one value of each channel; y is where channel 0 lies, c the first of the 8. */
MICRONET_INLINE void micronet_put_channels(int8_t *y, int c, const micronet_eight_channels *channels, int wide,
                                           int16x8_t value) {
  int16_t *words = (int16_t *)(void *)y;
  if (wide && channels->scattered)
    vstrhq_scatter_shifted_offset_s16(words, channels->places, value);
  else if (wide)
    vstrhq_s16(words + c, value);
  else if (channels->scattered)
    vstrbq_scatter_offset_s16(y, channels->places, value);
  else
    vstrbq_s16(y + c, value);
}

MICRONET_INLINE void micronet_put_channel_sums(int32_t *sums, const micronet_eight_channels *channels,
                                               int16x8_t total) {
  vstrwq_scatter_shifted_offset_s32(sums, vmovlbq_u16(channels->places), vmovlbq_s16(total));
  vstrwq_scatter_shifted_offset_s32(sums, vmovltq_u16(channels->places), vmovltq_s16(total));
}

/* ---- depthwise filters along lines ---- */

/* The numbers of 8 filters; channels 0, 2, 4, 6 are `even`. */
typedef struct {
  int16x8_t taps[MICRONET_MOST_TAPS];
  int32x4_t even_bias, odd_bias, even_multiplier, odd_multiplier;
} micronet_eight_filters;

/* The same address, unknown to the compiler, so that the numbers stay there and one load reaches each: left alone, it
   spills them to its stack, where a load takes two instructions. */
MICRONET_INLINE const micronet_eight_filters *micronet_kept_filters(const micronet_eight_filters *filters) {
  __asm__ volatile("" : "+r"(filters) : : "memory");
  return filters;
}

/* From a stream of blocks of 4 filters. */
MICRONET_INLINE void micronet_load_filters(const int32_t *block, int taps, micronet_eight_filters *filters) {
  const int row = (taps + 1) / 2, words = MICRONET_BLOCK_HEAD + MICRONET_BLOCK * row;
  const uint32x4_t even = vreinterpretq_u32_s32(micronet_four(0, 2, words, words + 2));
  const uint32x4_t odd = vaddq_n_u32(even, 1);
  filters->even_bias = vldrwq_gather_shifted_offset_s32(block, even);
  filters->odd_bias = vldrwq_gather_shifted_offset_s32(block, odd);
  filters->even_multiplier = vldrwq_gather_shifted_offset_s32(block + MICRONET_BLOCK, even);
  filters->odd_multiplier = vldrwq_gather_shifted_offset_s32(block + MICRONET_BLOCK, odd);
  const int16_t *tap = (const int16_t *)(const void *)(block + MICRONET_BLOCK_HEAD);
  const uint32x4_t even_row = vreinterpretq_u32_s32(micronet_four(0, 4 * row, 2 * words, 2 * words + 4 * row));
  const uint32x4_t odd_row = vaddq_n_u32(even_row, (uint32_t)(2 * row));
  MICRONET_UNROLL(7)
  for (int k = 0; k < MICRONET_MOST_TAPS; k++) {
    filters->taps[k] = vdupq_n_s16(0);
    if (k >= taps) continue;
    const int32x4_t first = vldrhq_gather_shifted_offset_s32(tap + k, even_row);
    filters->taps[k] = vmovntq_s32(vreinterpretq_s16_s32(first), vldrhq_gather_shifted_offset_s32(tap + k, odd_row));
  }
}

/* Adds the products of 8 channels to their sums. One piece of assembly: left alone, the compiler runs out of registers
   and loads what it needs several times. */
MICRONET_INLINE void micronet_add_channels(int16x8_t x, int16x8_t factors, int32x4_t *even, int32x4_t *odd) {
  int32x4_t product;
  __asm__ volatile(
      "vmullb.s16 %q2, %q3, %q4\n\tvadd.i32 %q0, %q0, %q2\n\tvmullt.s16 %q2, %q3, %q4\n\tvadd.i32 %q1, %q1, %q2"
      : "+&w"(*even), "+&w"(*odd), "=&w"(product)
      : "w"(x), "w"(factors));
}

/* One output of 8 channels; x is their first tap. */
MICRONET_INLINE int16x8_t micronet_filtered_channels(const int8_t *x, const micronet_eight_filters *filters,
                                                     micronet_lines f, micronet_output q) {
  int32x4_t even = filters->even_bias, odd = filters->odd_bias;
  MICRONET_UNROLL(7)
  for (int k = 0; k < f.taps; k++, x += f.x_step) {
    const int16x8_t tap = f.wide_x ? vldrhq_s16((const int16_t *)(const void *)x) : vldrbq_s16(x);
    micronet_add_channels(tap, filters->taps[k], &even, &odd);
  }
  even = vqrdmulhq_s32(micronet_shifted(even, q.shift), filters->even_multiplier);
  odd = vqrdmulhq_s32(micronet_shifted(odd, q.shift), filters->odd_multiplier);
  return f.wide_y ? micronet_close_wide(even, odd, q) : micronet_close_eight(even, odd, q);
}

/* Whether the kernel below takes this filter. */
MICRONET_INLINE int micronet_is_small_filter(const int32_t *sums, micronet_lines f) {
  return f.multiplier == 1 && f.channels % 8 == 0 && f.taps <= MICRONET_MOST_TAPS &&
         f.lines * f.length <= MICRONET_SMALL_FILTER && !(sums && f.wide_y);
}

/* micronet_depthwise_lines of a small map. */
MICRONET_INLINE void micronet_lines_of_channels(const int8_t *x, const int32_t *w, int8_t *y, int32_t *sums,
                                                const uint16_t *to, micronet_lines f, micronet_output q) {
  const int two_blocks = 2 * (MICRONET_BLOCK_HEAD + MICRONET_BLOCK * ((f.taps + 1) / 2));
  for (int c = 0; c < f.channels; c += 8, w += two_blocks) {
    const micronet_eight_channels channels = micronet_channels_from(c, to);
    micronet_eight_filters filters;
    micronet_load_filters(w, f.taps, &filters);
    const micronet_eight_filters *kept = micronet_kept_filters(&filters);
    int16x8_t total = vdupq_n_s16(0);
    for (int line = 0; line < f.lines; line++) {
      const int8_t *in = x + line * f.x_line + (c << f.wide_x);
      int8_t *out = y + line * f.y_line;
      MICRONET_UNROLL(1)
      for (int i = f.length; i > 0; i--, in += f.stride * f.x_step, out += f.y_step) {
        const int16x8_t value = micronet_filtered_channels(in, kept, f, q);
        micronet_put_channels(out, c, &channels, f.wide_y, value);
        micronet_loads_stay_here();
        if (sums) total = vaddq_s16(total, vmovlbq_s8(vreinterpretq_s8_s16(value)));
      }
    }
    if (sums) micronet_put_channel_sums(sums, &channels, total);
  }
}

/* ---- Dynamic Shift-Max ---- */

/* The coefficients of 8 channels, by fusion and shift: a[k * J + j]. */
typedef struct {
  int16x8_t a[4];
} micronet_eight_fusions;

/* The same address, as that of filters above. */
MICRONET_INLINE const micronet_eight_fusions *micronet_kept_fusions(const micronet_eight_fusions *fusions) {
  __asm__ volatile("" : "+r"(fusions) : : "memory");
  return fusions;
}

MICRONET_INLINE micronet_eight_fusions micronet_load_fusions(const int16_t *a, int fusions) {
  micronet_eight_fusions channels;
  if (fusions == 2) {
    const int16x8x4_t four = vld4q_s16(a);
    MICRONET_UNROLL(4)
    for (int k = 0; k < 4; k++) channels.a[k] = four.val[k];
  } else {
    const int16x8x2_t two = vld2q_s16(a);
    MICRONET_UNROLL(4)
    for (int k = 0; k < 4; k++) channels.a[k] = two.val[k % 2];
  }
  return channels;
}

/* One pixel of 8 channels, for J = 2 and K = 1 or 2. */
MICRONET_INLINE int16x8_t micronet_fused_channels(int16x8_t x, int16x8_t moved, const micronet_eight_fusions *channels,
                                                  int fusions, int32_t multiplier, micronet_output q) {
  const int16x8_t *a = channels->a;
  int32x4_t even = vaddq_s32(vmullbq_int_s16(x, a[0]), vmullbq_int_s16(moved, a[1]));
  int32x4_t odd = vaddq_s32(vmulltq_int_s16(x, a[0]), vmulltq_int_s16(moved, a[1]));
  if (fusions == 2) {
    even = vmaxq_s32(even, vaddq_s32(vmullbq_int_s16(x, a[2]), vmullbq_int_s16(moved, a[3])));
    odd = vmaxq_s32(odd, vaddq_s32(vmulltq_int_s16(x, a[2]), vmulltq_int_s16(moved, a[3])));
  }
  return micronet_requantize_eight(even, odd, multiplier, q);
}

/* Whether the kernel below takes this Dynamic Shift-Max. */
MICRONET_INLINE int micronet_is_small_fusion(micronet_fusion f) {
  return f.shifts == 2 && f.fusions <= 2 && f.channels % 8 == 0 && f.rows * f.columns <= MICRONET_SMALL_FUSION;
}

/* micronet_shift_max of a small map. */
MICRONET_INLINE void micronet_shift_max_of_channels(const int8_t *x, const int16_t *a, const uint16_t *from,
                                                    const uint16_t *to, int8_t *y, int32_t *sums, micronet_fusion f,
                                                    int32_t multiplier, micronet_output q) {
  for (int c = 0; c < f.channels; c += 8, a += 8 * f.fusions * f.shifts) {
    const micronet_eight_channels channels = micronet_channels_from(c, to);
    const micronet_eight_fusions fusions = micronet_load_fusions(a, f.fusions);
    const micronet_eight_fusions *kept = micronet_kept_fusions(&fusions);
    const uint16x8_t first = vldrhq_u16(from + c), second = vldrhq_u16(from + f.channels + c);
    int16x8_t total = vdupq_n_s16(0);
    for (int row = 0; row < f.rows; row++) {
      const int8_t *in = x + row * f.x_pitch;
      int8_t *out = y + row * f.y_pitch;
      MICRONET_UNROLL(1)
      for (int column = f.columns; column > 0; column--, in += f.width, out += f.channels) {
        const int16x8_t pixel = vsubq_n_s16(vldrbq_gather_offset_s16(in, first), (int16_t)f.x_zero);
        const int16x8_t moved = vsubq_n_s16(vldrbq_gather_offset_s16(in, second), (int16_t)f.x_zero);
        const int16x8_t value = micronet_fused_channels(pixel, moved, kept, f.fusions, multiplier, q);
        micronet_put_channels(out, c, &channels, 0, value);
        micronet_loads_stay_here();
        if (sums) total = vaddq_s16(total, vmovlbq_s8(vreinterpretq_s8_s16(value)));
      }
    }
    if (sums) micronet_put_channel_sums(sums, &channels, total);
  }
}

#endif
