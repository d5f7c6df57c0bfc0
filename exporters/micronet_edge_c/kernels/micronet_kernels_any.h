/* Kernels of any form, one output at a time: what plain C runs, and other instruction sets where speed does not matter.
   SPDX-License-Identifier: MIT. Copyright (c) The micronet-edge authors.

   Included after micronet_requantize and micronet_stored_multiplier. */
#ifndef MICRONET_KERNELS_ANY_H
#define MICRONET_KERNELS_ANY_H

/* Tap k of a row of MICRONET_T2 words. */
MICRONET_INLINE int32_t micronet_tap(const int32_t *row, int k) {
  return (int16_t)((uint32_t)row[k / 2] >> (16 * (k % 2)));
}

/* See micronet_depthwise_lines. */
MICRONET_ANY void micronet_lines_any(const int8_t *x, const int32_t *w, int8_t *y, int32_t *sums, const uint16_t *to,
                                     micronet_lines f, micronet_output q) {
  const int row_words = (f.taps + 1) / 2;
  for (int c = 0; c < f.channels * f.multiplier; c++) {
    const int lane = c % MICRONET_BLOCK, place = to ? to[c] : c;
    const int32_t *block = w + c / MICRONET_BLOCK * (MICRONET_BLOCK_HEAD + MICRONET_BLOCK * row_words);
    const int32_t *taps = block + MICRONET_BLOCK_HEAD + lane * row_words;
    int32_t total = 0;
    for (int line = 0; line < f.lines; line++)
      for (int i = 0; i < f.length; i++) {
        const int8_t *in = x + line * f.x_line + i * f.stride * f.x_step + ((c / f.multiplier) << f.wide_x);
        int32_t sum = block[lane];
        for (int k = 0; k < f.taps; k++) sum += micronet_tap(taps, k) * micronet_element(in + k * f.x_step, f.wide_x);
        const int value = micronet_requantize(sum, block[MICRONET_BLOCK + lane], q);
        micronet_set_element(y + line * f.y_line + i * f.y_step + (place << f.wide_y), f.wide_y, value);
        total += value;
      }
    if (sums) sums[place] = total;
  }
}

/* See micronet_depthwise_square. */
MICRONET_ANY void micronet_square_any(const int8_t *x, const int32_t *w, int8_t *y, int32_t *sums, micronet_square f,
                                      micronet_output q) {
  const int line_words = (f.size + 1) / 2, row_words = f.size * line_words;
  for (int c = 0; c < f.channels; c++) {
    const int lane = c % MICRONET_BLOCK;
    const int32_t *block = w + c / MICRONET_BLOCK * (MICRONET_BLOCK_HEAD + MICRONET_BLOCK * row_words);
    const int32_t *taps = block + MICRONET_BLOCK_HEAD + lane * row_words;
    int32_t total = 0;
    for (int row = 0; row < f.rows; row++)
      for (int column = 0; column < f.columns; column++) {
        const int8_t *in = x + row * f.stride * f.x_pitch + column * f.stride * f.channels + c;
        int32_t sum = block[lane];
        for (int i = 0; i < f.size; i++)
          for (int j = 0; j < f.size; j++)
            sum += micronet_tap(taps + i * line_words, j) * in[i * f.x_pitch + j * f.channels];
        const int value = micronet_requantize(sum, block[MICRONET_BLOCK + lane], q);
        y[row * f.y_pitch + column * f.channels + c] = (int8_t)value;
        total += value;
      }
    if (sums) sums[c] = total;
  }
}

/* One output of a convolution: `lines` are kernel_h padded lines of `pitch` bytes, at the first tap. */
MICRONET_INLINE int32_t micronet_window_sum(const int8_t *lines, int pitch, const int32_t *taps, int32_t bias,
                                            micronet_window f) {
  const int depth = f.ci / f.groups;
  int32_t sum = bias;
  int k = 0;
  for (int i = 0; i < f.kernel_h; i++)
    for (int j = 0; j < f.kernel_w; j++)
      for (int c = 0; c < depth; c++, k++) sum += micronet_tap(taps, k) * lines[i * pitch + j * f.ci + c];
  return sum;
}

/* One row of outputs of any window. */
MICRONET_ANY void micronet_window_row_any(const int8_t *lines, int pitch, const int32_t *w, int8_t *y,
                                          micronet_window f, micronet_output q) {
  const int depth = f.ci / f.groups, width = f.co / f.groups;
  const int row_words = (f.kernel_h * f.kernel_w * depth + 1) / 2;
  for (int column = 0; column < f.columns; column++) {
    const int8_t *in = lines + column * f.stride_w * f.ci;
    int8_t *out = y + ((column * f.co) << f.wide_y);
    const int32_t *block = w;
    for (int group = 0; group < f.groups; group++, in += depth, out += width << f.wide_y)
      for (int o = 0; o < width; o += MICRONET_BLOCK) {
        for (int lane = 0; lane < micronet_min(MICRONET_BLOCK, width - o); lane++) {
          const int32_t *taps = block + MICRONET_BLOCK_HEAD + lane * row_words;
          const int32_t sum = micronet_window_sum(in, pitch, taps, block[lane], f);
          const int value = micronet_requantize(sum, block[MICRONET_BLOCK + lane], q);
          micronet_set_element(out + ((o + lane) << f.wide_y), f.wide_y, value);
        }
        block += MICRONET_BLOCK_HEAD + MICRONET_BLOCK * row_words;
      }
  }
}

/* One channel of a Dynamic Shift-Max; x, y and `from` are those of the channel. Returns the sum of y. */
MICRONET_ANY int32_t micronet_shift_max_any(const int8_t *x, const int16_t *a, const uint16_t *from, int8_t *y,
                                            micronet_fusion f, int32_t multiplier, micronet_output q) {
  int32_t total = 0;
  for (int row = 0; row < f.rows; row++)
    for (int column = 0; column < f.columns; column++) {
      const int8_t *in = x + row * f.x_pitch + column * f.width;
      int32_t best = INT32_MIN;
      for (int k = 0; k < f.fusions; k++) {
        int32_t sum = 0;
        for (int j = 0; j < f.shifts; j++)
          sum += a[k * f.shifts + j] * (in[from[j * f.channels]] - f.x_zero);
        best = micronet_max(best, sum);
      }
      const int value = micronet_requantize(best, micronet_stored_multiplier(multiplier), q);
      y[row * f.y_pitch + column * f.channels] = (int8_t)value;
      total += value;
    }
  return total;
}

#endif
