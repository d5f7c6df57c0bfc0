/* Float32 kernels of MicroNets in plain C, for checks and for cores with an FPU, and between int8 and float32.
   SPDX-License-Identifier: MIT. Copyright (c) The micronet-edge authors.

   Tensors are as in micronet_kernels.h; pitches count bytes. A kernel limits its result to [low, high]. */
#ifndef MICRONET_KERNELS_F32_H
#define MICRONET_KERNELS_F32_H

MICRONET_INLINE float micronet_f32_limit(float value, float low, float high) {
  value = value < low ? low : value;
  return value > high ? high : value;
}

/* The pixel at a row and a column of a tensor. */
MICRONET_INLINE const float *micronet_f32_at(const float *x, int row, int column, int pitch, int channels) {
  return (const float *)(const void *)((const char *)x + row * pitch) + column * channels;
}

MICRONET_INLINE float *micronet_f32_line(float *y, int row, int pitch) {
  return (float *)(void *)((char *)y + row * pitch);
}

/* What a tap adds: a pixel outside of x has the border's values, or zeros where border is NULL. */
MICRONET_INLINE float micronet_f32_tap(const float *x, const float *w, const float *border, int row, int column,
                                       int first, micronet_window f) {
  const int depth = f.ci / f.groups;
  const int inside = row >= 0 && row < f.rows_in && column >= 0 && column < f.columns_in;
  float sum = 0.0f;
  if (!inside && !border) return sum;
  const float *in = inside ? micronet_f32_at(x, row, column, f.x_pitch, f.ci) : border;
  for (int c = 0; c < depth; c++) sum += w[c] * in[first + c];
  return sum;
}

/* A convolution of any window over an input without borders; w is [co][kernel_h][kernel_w][ci / groups]. */
MICRONET_INLINE void micronet_f32_convolution(const float *x, const float *w, const float *bias, float *y,
                                              const float *border, micronet_window f, float low, float high) {
  const int depth = f.ci / f.groups, width = f.co / f.groups, size = f.kernel_h * f.kernel_w * depth;
  for (int row = 0; row < f.rows; row++) {
    float *out = micronet_f32_line(y, row, f.y_pitch);
    for (int column = 0; column < f.columns; column++, out += f.co)
      for (int o = 0; o < f.co; o++) {
        const float *taps = w + o * size;
        float sum = bias[o];
        for (int i = 0; i < f.kernel_h; i++)
          for (int j = 0; j < f.kernel_w; j++, taps += depth)
            sum += micronet_f32_tap(x, taps, border, row * f.stride_h + i - f.top, column * f.stride_w + j - f.left,
                                    o / width * depth, f);
        out[o] = micronet_f32_limit(sum, low, high);
      }
  }
}

/* A linear layer; w is [co][ci]. */
MICRONET_INLINE void micronet_f32_linear(const float *x, const float *w, const float *bias, float *y, int ci, int co,
                                         float low, float high) {
  for (int o = 0; o < co; o++, w += ci) {
    float sum = bias[o];
    for (int i = 0; i < ci; i++) sum += w[i] * x[i];
    y[o] = micronet_f32_limit(sum, low, high);
  }
}

/* The mean of each channel. */
MICRONET_INLINE void micronet_f32_mean(const float *x, float *y, int rows, int columns, int pitch, int channels,
                                       float low, float high) {
  for (int c = 0; c < channels; c++) {
    float sum = 0.0f;
    for (int row = 0; row < rows; row++)
      for (int column = 0; column < columns; column++) sum += micronet_f32_at(x, row, column, pitch, channels)[c];
    y[c] = micronet_f32_limit(sum / (float)(rows * columns), low, high);
  }
}

/* The coefficients of a Dynamic Shift-Max: `parts` linear layers, each between ends of its own; a is [part][channel]. */
MICRONET_INLINE void micronet_f32_coefficients(const float *x, const float *w, const float *bias, const float *ends,
                                               float *a, int ci, int channels, int parts) {
  for (int part = 0; part < parts; part++) {
    const int first = part * channels;
    micronet_f32_linear(x, w + first * ci, bias + first, a + first, ci, channels, ends[2 * part], ends[2 * part + 1]);
  }
}

/* Dynamic Shift-Max; a is [k][j][channel], from is [j][channel]. */
MICRONET_INLINE void micronet_f32_shift_max(const float *x, const float *a, const uint16_t *from, float *y,
                                            micronet_fusion f, float low, float high) {
  for (int row = 0; row < f.rows; row++)
    for (int column = 0; column < f.columns; column++) {
      const float *in = micronet_f32_at(x, row, column, f.x_pitch, f.width);
      float *out = micronet_f32_line(y, row, f.y_pitch) + column * f.channels;
      for (int c = 0; c < f.channels; c++) {
        float best = 0.0f;
        for (int k = 0; k < f.fusions; k++) {
          float sum = 0.0f;
          for (int j = 0; j < f.shifts; j++)
            sum += a[(k * f.shifts + j) * f.channels + c] * in[from[j * f.channels + c]];
          best = k == 0 || sum > best ? sum : best;
        }
        out[c] = micronet_f32_limit(best, low, high);
      }
    }
}

/* min(max(x, low), high); y may be x. */
MICRONET_INLINE void micronet_f32_clamp(const float *x, float *y, int rows, int length, int x_pitch, int y_pitch,
                                        float low, float high) {
  for (int row = 0; row < rows; row++) {
    const float *in = micronet_f32_at(x, row, 0, x_pitch, 1);
    float *out = micronet_f32_line(y, row, y_pitch);
    for (int i = 0; i < length; i++) out[i] = micronet_f32_limit(in[i], low, high);
  }
}

/* x * clip(x + 3, 0, 6) / 6; y may be x. */
MICRONET_INLINE void micronet_f32_hard_swish(const float *x, float *y, int rows, int length, int x_pitch,
                                             int y_pitch) {
  for (int row = 0; row < rows; row++) {
    const float *in = micronet_f32_at(x, row, 0, x_pitch, 1);
    float *out = micronet_f32_line(y, row, y_pitch);
    for (int i = 0; i < length; i++) out[i] = in[i] * micronet_f32_limit(in[i] + 3.0f, 0.0f, 6.0f) / 6.0f;
  }
}

/* clip(x + 3, 0, 6) / 6; y may be x. */
MICRONET_INLINE void micronet_f32_hard_sigmoid(const float *x, float *y, int rows, int length, int x_pitch,
                                               int y_pitch) {
  for (int row = 0; row < rows; row++) {
    const float *in = micronet_f32_at(x, row, 0, x_pitch, 1);
    float *out = micronet_f32_line(y, row, y_pitch);
    for (int i = 0; i < length; i++) out[i] = micronet_f32_limit(in[i] + 3.0f, 0.0f, 6.0f) / 6.0f;
  }
}

/* The sum of two tensors; y may be a or b. */
MICRONET_INLINE void micronet_f32_add(const float *a, const float *b, float *y, int rows, int length, int a_pitch,
                                      int b_pitch, int y_pitch, float low, float high) {
  for (int row = 0; row < rows; row++) {
    const float *one = micronet_f32_at(a, row, 0, a_pitch, 1), *other = micronet_f32_at(b, row, 0, b_pitch, 1);
    float *out = micronet_f32_line(y, row, y_pitch);
    for (int i = 0; i < length; i++) out[i] = micronet_f32_limit(one[i] + other[i], low, high);
  }
}

/* The product of each channel with one value; y may be x. */
MICRONET_INLINE void micronet_f32_scale(const float *x, const float *s, float *y, int rows, int columns, int channels,
                                        int x_pitch, int y_pitch, float low, float high) {
  for (int row = 0; row < rows; row++) {
    const float *in = micronet_f32_at(x, row, 0, x_pitch, 1);
    float *out = micronet_f32_line(y, row, y_pitch);
    for (int column = 0; column < columns; column++, in += channels, out += channels)
      for (int c = 0; c < channels; c++) out[c] = micronet_f32_limit(in[c] * s[c], low, high);
  }
}

/* y[pixel, c] = x[pixel, from[c]]. */
MICRONET_INLINE void micronet_f32_permute(const float *x, float *y, int rows, int columns, int channels, int x_pitch,
                                          int y_pitch, const uint16_t *from) {
  for (int row = 0; row < rows; row++) {
    const float *in = micronet_f32_at(x, row, 0, x_pitch, 1);
    float *out = micronet_f32_line(y, row, y_pitch);
    for (int column = 0; column < columns; column++, in += channels, out += channels)
      for (int c = 0; c < channels; c++) out[c] = in[from[c]];
  }
}

/* The nearest integers of float32 values, half to even as elsewhere in quantized networks. */
MICRONET_INLINE void micronet_quantize(const float *x, int8_t *y, int rows, int length, int x_pitch, int y_pitch,
                                       float scale, int zero_point) {
  for (int row = 0; row < rows; row++) {
    const float *in = micronet_f32_at(x, row, 0, x_pitch, 1);
    int8_t *out = y + row * y_pitch;
    for (int i = 0; i < length; i++) {
      const float levels = micronet_f32_limit(in[i] / scale, -512.0f, 512.0f);
      int below = (int)levels - (levels < (float)(int)levels);
      const float rest = levels - (float)below;
      below += rest > 0.5f || (rest == 0.5f && below % 2 != 0);
      out[i] = (int8_t)micronet_clamp(below + zero_point, -128, 127);
    }
  }
}

/* The real numbers that integers stand for. */
MICRONET_INLINE void micronet_dequantize(const int8_t *x, float *y, int rows, int length, int x_pitch, int y_pitch,
                                         float scale, int zero_point) {
  for (int row = 0; row < rows; row++) {
    const int8_t *in = x + row * x_pitch;
    float *out = micronet_f32_line(y, row, y_pitch);
    for (int i = 0; i < length; i++) out[i] = (float)(in[i] - zero_point) * scale;
  }
}

/* The place of the largest score, the first one of equals. */
MICRONET_INLINE int micronet_f32_argmax(const float *scores, int n) {
  int best = 0;
  for (int i = 1; i < n; i++)
    if (scores[i] > scores[best]) best = i;
  return best;
}

#endif
