/* Linear layers on cores with the vector extension: a part of micronet_kernels_mve.h.
   SPDX-License-Identifier: MIT. Copyright (c) The micronet-edge authors. */
#ifndef MICRONET_KERNELS_MVE_LINEAR_H
#define MICRONET_KERNELS_MVE_LINEAR_H

#include "micronet_kernels_mve_arithmetic.h"

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

#endif
