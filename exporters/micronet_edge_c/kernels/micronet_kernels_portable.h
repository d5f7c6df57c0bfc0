/* The kernels of micronet_kernels.h in plain C: the definition that every other instruction set equals bit for bit.
   SPDX-License-Identifier: MIT. Copyright (c) The micronet-edge authors. */
#ifndef MICRONET_KERNELS_PORTABLE_H
#define MICRONET_KERNELS_PORTABLE_H

/* See NUMBERS in micronet_kernels.h. */
MICRONET_INLINE int micronet_requantize(int32_t sum, int32_t multiplier, micronet_output q) {
  const int64_t product = (int64_t)micronet_scale_up(sum, q.shift) * multiplier;
  const int64_t rounded = (product + ((int64_t)1 << 30)) >> 31;
  return micronet_clamp((int)rounded + q.zero_point, q.low, q.high);
}

/* The form in which streams hold a multiplier. */
MICRONET_INLINE int32_t micronet_stored_multiplier(int32_t multiplier) { return multiplier; }

#include "micronet_kernels_any.h"

/* Output `lane` of a pointwise block: chunks of up to 16 inputs, in each one the weights of 4 outputs. */
MICRONET_INLINE int32_t micronet_pointwise_sum(const int8_t *x, const int32_t *block, int lane, int depth) {
  const int8_t *chunk = (const int8_t *)(block + MICRONET_BLOCK_HEAD);
  int32_t sum = block[lane];
  for (int start = 0; start < depth; start += 16) {
    const int count = micronet_min(16, depth - start), row_bytes = (count + 3) / 4 * 4;
    for (int k = 0; k < count; k++) sum += chunk[lane * row_bytes + k] * x[start + k];
    chunk += MICRONET_BLOCK * row_bytes;
  }
  return sum;
}

/* A convolution of 1 x 1: every group of ci / groups channels gives co / groups channels. */
MICRONET_INLINE void micronet_pointwise(const int8_t *x, const int32_t *w, int8_t *y, int rows, int columns,
                                        int x_pitch, int y_pitch, int ci, int co, int groups, micronet_output q) {
  const int depth = ci / groups, width = co / groups;
  const int block_words = MICRONET_BLOCK_HEAD + MICRONET_BLOCK * ((depth + 3) / 4);
  for (int row = 0; row < rows; row++)
    for (int column = 0; column < columns; column++) {
      const int8_t *in = x + row * x_pitch + column * ci;
      int8_t *out = y + row * y_pitch + column * co;
      const int32_t *block = w;
      for (int group = 0; group < groups; group++, in += depth, out += width)
        for (int o = 0; o < width; o += MICRONET_BLOCK, block += block_words)
          for (int lane = 0; lane < micronet_min(MICRONET_BLOCK, width - o); lane++) {
            const int32_t sum = micronet_pointwise_sum(in, block, lane, depth);
            out[o + lane] = (int8_t)micronet_requantize(sum, block[MICRONET_BLOCK + lane], q);
          }
    }
}

/* A depthwise filter along lines (K x 1 or 1 x K). x points to the first tap of the first output of a padded tensor;
   `to` says where an output channel goes (NULL: stays); `sums` receives the sum of each output channel, or is NULL. */
MICRONET_INLINE void micronet_depthwise_lines(const void *x, const int32_t *w, void *y, int32_t *sums,
                                              const uint16_t *to, micronet_lines f, micronet_output q) {
  micronet_lines_any((const int8_t *)x, w, (int8_t *)y, sums, to, f, q);
}

/* A depthwise filter of size x size. x points to the first tap of the first output of a padded tensor. */
MICRONET_INLINE void micronet_depthwise_square(const int8_t *x, const int32_t *w, int8_t *y, int32_t *sums,
                                               micronet_square f, micronet_output q) {
  micronet_square_any(x, w, y, sums, f, q);
}

/* A convolution of any window. x has no borders and is uint8 where f.is_unsigned says so; `border` holds the ci
   values around it, `scratch` kernel_h * ((columns - 1) * stride_w + kernel_w) * ci + 16 bytes. */
MICRONET_INLINE void micronet_convolution(const void *x, const int32_t *w, void *y, int8_t *scratch,
                                          const int8_t *border, micronet_window f, micronet_output q) {
  const int pitch = ((f.columns - 1) * f.stride_w + f.kernel_w) * f.ci;
  for (int row = 0; row < f.rows; row++) {
    for (int i = 0; i < f.kernel_h; i++)
      micronet_padded_line((const uint8_t *)x, scratch + i * pitch, row * f.stride_h + i - f.top, border, f);
    micronet_window_row_any(scratch, pitch, w, (int8_t *)y + row * f.y_pitch, f, q);
  }
}

/* The sum of each channel over all pixels. */
MICRONET_INLINE void micronet_sum(const int8_t *x, int32_t *sums, int rows, int columns, int pitch, int channels) {
  for (int c = 0; c < channels; c++) sums[c] = 0;
  for (int row = 0; row < rows; row++) {
    const int8_t *in = x + row * pitch;
    for (int column = 0; column < columns; column++, in += channels)
      for (int c = 0; c < channels; c++) sums[c] += in[c];
  }
}

/* Means from sums; the bias is -pixels * x_zero. */
MICRONET_INLINE void micronet_mean(const int32_t *sums, int8_t *y, int channels, int32_t bias, int32_t multiplier,
                                   micronet_output q) {
  for (int c = 0; c < channels; c++) y[c] = (int8_t)micronet_requantize(sums[c] + bias, multiplier, q);
}

/* Output o of a linear layer before its requantization. */
MICRONET_INLINE int32_t micronet_linear_sum(const int8_t *x, const int8_t *w, int32_t bias, int ci, int o) {
  const int chunks = (ci + 15) / 16;
  const int8_t *row = w + (o / 4 * chunks * 4 + o % 4) * 16;
  int32_t sum = bias;
  for (int i = 0; i < ci; i++) sum += row[i / 16 * 64 + i % 16] * x[i];
  return sum;
}

/* A linear layer. w is [ceil(co / 4)][ceil(ci / 16)][4][16]; bm holds 4 biases and 4 multipliers for each block of 4
   outputs; `scratch` holds ci rounded up to 16 values. */
MICRONET_INLINE void micronet_linear(const int8_t *x, const int8_t *w, const int32_t *bm, int8_t *y, int16_t *scratch,
                                     int ci, int co, micronet_output q) {
  (void)scratch;
  for (int o = 0; o < co; o++) {
    const int32_t *pair = bm + o / 4 * MICRONET_BLOCK_HEAD + o % 4;
    y[o] = (int8_t)micronet_requantize(micronet_linear_sum(x, w, pair[0], ci, o), pair[4], q);
  }
}

/* The coefficients of a Dynamic Shift-Max: a linear layer into [0, top], plus offsets[o % period]. */
MICRONET_INLINE void micronet_coefficients(const int8_t *x, const int8_t *w, const int32_t *bm, int16_t *a,
                                           int16_t *scratch, int ci, int co, int shift, int top,
                                           const int16_t *offsets, int period) {
  micronet_output q;
  q.shift = shift;
  q.zero_point = 0;
  q.low = 0;
  q.high = top;
  (void)scratch;
  for (int o = 0; o < co; o++) {
    const int32_t *pair = bm + o / 4 * MICRONET_BLOCK_HEAD + o % 4;
    const int value = micronet_requantize(micronet_linear_sum(x, w, pair[0], ci, o), pair[4], q);
    a[o] = (int16_t)(value + offsets[o % period]);
  }
}

/* Dynamic Shift-Max: y[pixel, to[c]] is the largest over k of
       SUM over j of a[c][k][j] * (x[pixel, from[j][c]] - x_zero).
   `to` may be NULL (stays); `sums` receives the sum of each channel of y, or is NULL. */
MICRONET_INLINE void micronet_shift_max(const int8_t *x, const int16_t *a, const uint16_t *from, const uint16_t *to,
                                        int8_t *y, int32_t *sums, micronet_fusion f, int32_t multiplier,
                                        micronet_output q) {
  for (int c = 0; c < f.channels; c++, a += f.fusions * f.shifts) {
    const int place = to ? to[c] : c;
    const int32_t total = micronet_shift_max_any(x, a, from + c, y + place, f, multiplier, q);
    if (sums) sums[place] = total;
  }
}

/* y = table[x + 128]; y may be x. */
MICRONET_INLINE void micronet_table(const int8_t *x, int8_t *y, int rows, int row_bytes, int x_pitch, int y_pitch,
                                    const int8_t *table) {
  for (int row = 0; row < rows; row++)
    for (int i = 0; i < row_bytes; i++) y[row * y_pitch + i] = table[x[row * x_pitch + i] + 128];
}

/* The sum of two tensors; y may be a or b. */
MICRONET_INLINE void micronet_add(const int8_t *a, const int8_t *b, int8_t *y, int rows, int row_bytes, int a_pitch,
                                  int b_pitch, int y_pitch, micronet_sum_of two, int32_t multiplier,
                                  micronet_output q) {
  const int32_t bias = -two.a_factor * two.a_zero - two.b_factor * two.b_zero;
  for (int row = 0; row < rows; row++)
    for (int i = 0; i < row_bytes; i++) {
      const int32_t sum = bias + two.a_factor * a[row * a_pitch + i] + two.b_factor * b[row * b_pitch + i];
      y[row * y_pitch + i] = (int8_t)micronet_requantize(sum, multiplier, q);
    }
}

/* The product of each channel with one value, as in squeeze-and-excite. */
MICRONET_INLINE void micronet_scale(const int8_t *x, const int8_t *s, int8_t *y, int rows, int columns, int channels,
                                    int x_pitch, int y_pitch, int x_zero, int s_zero, int32_t multiplier,
                                    micronet_output q) {
  for (int row = 0; row < rows; row++) {
    const int8_t *in = x + row * x_pitch;
    int8_t *out = y + row * y_pitch;
    for (int column = 0; column < columns; column++, in += channels, out += channels)
      for (int c = 0; c < channels; c++) {
        const int32_t product = (in[c] - x_zero) * (s[c] - s_zero);
        out[c] = (int8_t)micronet_requantize(product, multiplier, q);
      }
  }
}

#endif
