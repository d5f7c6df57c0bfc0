/* The convolutions of micronet_kernels.h for cores with the DSP extension; a part of micronet_kernels_dsp.h.
   SPDX-License-Identifier: MIT. Copyright (c) The micronet-edge authors. */
#ifndef MICRONET_KERNELS_DSP_CONVOLUTIONS_H
#define MICRONET_KERNELS_DSP_CONVOLUTIONS_H

/* ---- pointwise ---- */

/* Most pairs of a row that stay in registers; pixels at once for 1 to 4 words of 4 channels. */
enum { MICRONET_FEW_WORDS = 4 };
MICRONET_INLINE int micronet_pixels_at_once(int words) { return words == 1 ? 3 : words == 2 ? 2 : 1; }

/* `lanes` outputs of `pixels` pixels, whose channels are in registers. */
MICRONET_INLINE void micronet_pointwise_lanes(int32_t (*x)[2 * MICRONET_FEW_WORDS], const int32_t *block, int8_t *y,
                                              int pixels, int words, int lanes, int co, micronet_output q) {
  MICRONET_UNROLL(4)
  for (int lane = 0; lane < lanes; lane++) {
    int32_t sums[4] = {0, 0, 0, 0};
    const int32_t multiplier = block[MICRONET_BLOCK + lane];
    MICRONET_UNROLL(4)
    for (int p = 0; p < pixels; p++) sums[p] = block[lane];
    MICRONET_UNROLL(4)
    for (int k = 0; k < words; k++) {
      int32_t even, odd;
      micronet_load_two(block + MICRONET_BLOCK_HEAD + 2 * (lane * words + k), &even, &odd);
      MICRONET_UNROLL(4)
      for (int p = 0; p < pixels; p++)
        sums[p] = micronet_dot(x[p][2 * k + 1], odd, micronet_dot(x[p][2 * k], even, sums[p]));
    }
    MICRONET_UNROLL(4)
    for (int p = 0; p < pixels; p++) y[p * co + lane] = (int8_t)micronet_requantize(sums[p], multiplier, q);
  }
}

/* All outputs of a group for `pixels` pixels. */
MICRONET_INLINE void micronet_pointwise_few(const int8_t *x, const int32_t *w, int8_t *y, int pixels, int words,
                                            int width, int ci, int co, micronet_output q) {
  const int block_words = MICRONET_BLOCK_HEAD + MICRONET_BLOCK * 2 * words;
  int32_t pairs[4][2 * MICRONET_FEW_WORDS] = {{0}};
  MICRONET_UNROLL(4)
  for (int p = 0; p < pixels; p++)
    MICRONET_UNROLL(4)
    for (int k = 0; k < words; k++) {
      const int32_t four = micronet_word(x + p * ci + 4 * k);
      pairs[p][2 * k] = micronet_even_bytes(four);
      pairs[p][2 * k + 1] = micronet_odd_bytes(four);
    }
  int o = 0;
  w = micronet_loaded_here(w);
  MICRONET_UNROLL(1)
  for (; o + MICRONET_BLOCK <= width; o += MICRONET_BLOCK, w += block_words)
    micronet_pointwise_lanes(pairs, w, y + o, pixels, words, MICRONET_BLOCK, co, q);
  if (o < width) micronet_pointwise_lanes(pairs, w, y + o, pixels, words, width - o, co, q);
}

/* `words` (at most 4) words of 4 channels times the weights of 4 outputs. */
MICRONET_INLINE void micronet_pointwise_chunk(const int8_t *x, const int32_t *rows, int words, int32_t *sums) {
  MICRONET_UNROLL(4)
  for (int k = 0; k < words; k++) {
    const int32_t four = micronet_word(x + 4 * k);
    const int32_t a = micronet_even_bytes(four), b = micronet_odd_bytes(four);
    MICRONET_UNROLL(4)
    for (int lane = 0; lane < MICRONET_BLOCK; lane++) {
      int32_t even, odd;
      micronet_load_two(rows + 2 * (lane * words + k), &even, &odd);
      sums[lane] = micronet_dot(b, odd, micronet_dot(a, even, sums[lane]));
    }
  }
}

/* All outputs of a group for one pixel with many channels: each word of pixels serves 4 outputs. */
MICRONET_INLINE void micronet_pointwise_many(const int8_t *x, const int32_t *w, int8_t *y, int words, int width,
                                             micronet_output q) {
  const int8_t *end = x + words / 4 * 16;
  MICRONET_UNROLL(1)
  for (int o = 0; o < width; o += MICRONET_BLOCK) {
    const int32_t *rows = w + MICRONET_BLOCK_HEAD;
    int32_t sums[4] = {w[0], w[1], w[2], w[3]};
    MICRONET_UNROLL(1)
    for (const int8_t *at = x; at < end; at += 16, rows += 32) micronet_pointwise_chunk(at, rows, 4, sums);
    micronet_pointwise_chunk(end, rows, words % 4, sums);
    y[o] = (int8_t)micronet_requantize(sums[0], w[4], q);
    if (width % 4 == 0 || o + 1 < width) y[o + 1] = (int8_t)micronet_requantize(sums[1], w[5], q);
    if (width % 4 == 0 || o + 2 < width) y[o + 2] = (int8_t)micronet_requantize(sums[2], w[6], q);
    if (width % 4 == 0 || o + 3 < width) y[o + 3] = (int8_t)micronet_requantize(sums[3], w[7], q);
    w += MICRONET_BLOCK_HEAD + MICRONET_BLOCK * 2 * words;
  }
}

/* All pixels of a row, for one group. */
MICRONET_INLINE void micronet_pointwise_row(const int8_t *x, const int32_t *w, int8_t *y, int columns, int words,
                                            int width, int ci, int co, micronet_output q) {
  const int at_once = words > MICRONET_FEW_WORDS ? 1 : micronet_pixels_at_once(words);
  int column = 0;
  for (; column + at_once <= columns; column += at_once, x += at_once * ci, y += at_once * co) {
    if (words > MICRONET_FEW_WORDS)
      micronet_pointwise_many(x, w, y, words, width, q);
    else
      micronet_pointwise_few(x, w, y, at_once, words, width, ci, co, q);
  }
  if (at_once == 1) return;
  for (; column < columns; column++, x += ci, y += co)
    micronet_pointwise_few(x, w, y, 1, words, width, ci, co, q);
}

/* A convolution of 1 x 1: every group of ci / groups channels gives co / groups channels. */
MICRONET_INLINE void micronet_pointwise(const int8_t *x, const int32_t *w, int8_t *y, int rows, int columns,
                                        int x_pitch, int y_pitch, int ci, int co, int groups, micronet_output q) {
  const int depth = ci / groups, width = co / groups, words = (depth + 3) / 4;
  const int group_words = (width + 3) / 4 * (MICRONET_BLOCK_HEAD + MICRONET_BLOCK * 2 * words);
  if (x_pitch == columns * ci && y_pitch == columns * co) {
    columns *= rows; /* no borders: all pixels are one row */
    rows = 1;
  }
  for (int group = 0; group < groups; group++)
    for (int row = 0; row < rows; row++)
      micronet_pointwise_row(x + group * depth + row * x_pitch, w + group * group_words,
                             y + group * width + row * y_pitch, columns, words, width, ci, co, q);
}

/* ---- depthwise ---- */

/* How one channel walks: its inputs, its outputs and the distances. */
typedef struct {
  const int8_t *x;
  int8_t *y;
  int stride, length, x_step, y_step, wide_x, wide_y;
} micronet_walk;

/* The next two inputs as a pair. */
MICRONET_INLINE int32_t micronet_walk_pair(const micronet_walk *at) {
  return micronet_pair(micronet_element(at->x, at->wide_x), micronet_element(at->x + at->x_step, at->wide_x));
}

/* What one output channel needs. Taps in pairs as they are stored, and moved by one place for every second output. */
enum { MICRONET_MOST_PAIRS = 4 };
typedef struct {
  int32_t bias, multiplier, total;
  int32_t even[MICRONET_MOST_PAIRS], odd[MICRONET_MOST_PAIRS];
} micronet_filter;

MICRONET_INLINE micronet_filter micronet_load_filter(const int32_t *w, int c, int pairs) {
  const int lane = c % MICRONET_BLOCK;
  const int32_t *block = w + c / MICRONET_BLOCK * (MICRONET_BLOCK_HEAD + MICRONET_BLOCK * pairs);
  micronet_filter filter = {0, 0, 0, {0}, {0}};
  filter.bias = block[lane];
  filter.multiplier = block[MICRONET_BLOCK + lane];
  filter.total = 0;
  MICRONET_UNROLL(4)
  for (int k = 0; k < pairs; k++) {
    filter.even[k] = block[MICRONET_BLOCK_HEAD + lane * pairs + k];
    filter.odd[k] = k == 0 ? 0 : micronet_pair(filter.even[k - 1] >> 16, filter.even[k]);
  }
  return filter;
}

/* Stores one output of a filter. */
MICRONET_INLINE void micronet_put(int8_t *y, int wide, int32_t sum, micronet_filter *filter, int summed,
                                  micronet_output q) {
  const int value = micronet_requantize(sum, filter->multiplier, q);
  micronet_set_element(y, wide, value);
  if (summed) filter->total += value;
}

/* The output whose first tap is the low half of x[0], but for the last tap (the taps are odd in number). */
MICRONET_INLINE int32_t micronet_even_output(const int32_t *x, const micronet_filter *filter, int pairs) {
  int32_t sum = filter->bias;
  MICRONET_UNROLL(4)
  for (int k = 0; k + 1 < pairs; k++) sum = micronet_dot(x[k], filter->even[k], sum);
  return sum;
}

/* The output after it: its first tap is the high half of x[0]. */
MICRONET_INLINE int32_t micronet_odd_output(const int32_t *x, const micronet_filter *filter, int pairs) {
  int32_t sum = micronet_high_low(x[0], filter->even[0], filter->bias);
  MICRONET_UNROLL(4)
  for (int k = 1; k < pairs; k++) sum = micronet_dot(x[k], filter->odd[k], sum);
  return sum;
}

/* Adds the last tap of filter m (0 or 1) to an even output. Odd outputs have the tap in a register anyway; without
   them the last taps of both filters share one, `last`. */
MICRONET_INLINE int32_t micronet_last_tap(int32_t x, const micronet_filter *filter, int32_t last, int m, int pairs,
                                          int stride, int32_t sum) {
  if (stride == 1) return micronet_low_high(x, filter->odd[pairs - 1], sum);
  return m == 0 ? micronet_low_low(x, last, sum) : micronet_low_high(x, last, sum);
}

/* One line of `filters` (1 or 2) filters with 2 * pairs - 1 taps over the same channel; `apart` bytes between their
   outputs. Inputs travel in pairs: each pair is loaded once and serves two outputs (stride 1) or one (stride 2). */
MICRONET_INLINE void micronet_walk_line(micronet_walk at, micronet_filter *filter, int filters, int apart, int pairs,
                                        int summed, micronet_output q) {
  int32_t x[MICRONET_MOST_PAIRS] = {0};
  const int32_t last = micronet_pair(filter[0].even[pairs - 1], filter[filters - 1].even[pairs - 1]);
  MICRONET_UNROLL(4)
  for (int k = 0; k + 1 < pairs; k++, at.x += 2 * at.x_step) x[k] = micronet_walk_pair(&at);
  const int outputs = 3 - at.stride; /* of each pair */
  /* The last pair of stride 2 is half outside. */
  const int loops = at.stride == 1 ? at.length / 2 : at.length - 1;
  MICRONET_UNROLL(2)
  for (int i = 0; i < loops; i++) {
    int32_t sums[2] = {0, 0};
    MICRONET_UNROLL(2)
    for (int m = 0; m < filters; m++) sums[m] = micronet_even_output(x, filter + m, pairs);
    x[pairs - 1] = micronet_walk_pair(&at);
    MICRONET_UNROLL(2)
    for (int m = 0; m < filters; m++) {
      int8_t *y = at.y + m * apart;
      sums[m] = micronet_last_tap(x[pairs - 1], filter + m, last, m, pairs, at.stride, sums[m]);
      micronet_put(y, at.wide_y, sums[m], filter + m, summed, q);
      if (outputs == 2)
        micronet_put(y + at.y_step, at.wide_y, micronet_odd_output(x, filter + m, pairs), filter + m, summed, q);
    }
    at.x += 2 * at.x_step;
    at.y += outputs * at.y_step;
    MICRONET_UNROLL(4)
    for (int k = 0; k + 1 < pairs; k++) x[k] = x[k + 1];
  }
  if (loops * outputs == at.length) return;
  const int32_t end = micronet_element(at.x, at.wide_x);
  MICRONET_UNROLL(2)
  for (int m = 0; m < filters; m++) {
    const int32_t sum = micronet_even_output(x, filter + m, pairs);
    micronet_put(at.y + m * apart, at.wide_y, micronet_last_tap(end, filter + m, last, m, pairs, at.stride, sum),
                 filter + m, summed, q);
  }
}

/* All lines of `filters` (1 or 2) output channels from `first`, which have the same input channel. */
MICRONET_INLINE void micronet_lines_channel(const int8_t *x, const int32_t *w, int8_t *y, int32_t *sums,
                                            const uint16_t *to, int first, int filters, micronet_lines f,
                                            micronet_output q) {
  const int pairs = (f.taps + 1) / 2;
  const int place = to ? to[first] : first, next = filters == 1 ? place : to ? to[first + 1] : first + 1;
  micronet_filter filter[2] = {{0, 0, 0, {0}, {0}}, {0, 0, 0, {0}, {0}}};
  micronet_walk at;
  filter[0] = micronet_load_filter(w, first, pairs);
  if (filters == 2) filter[1] = micronet_load_filter(w, first + 1, pairs);
  at.stride = f.stride;
  at.length = f.length;
  at.x_step = f.x_step;
  at.y_step = f.y_step;
  at.wide_x = f.wide_x;
  at.wide_y = f.wide_y;
  for (int line = 0; line < f.lines; line++) {
    at.x = x + line * f.x_line + ((first / f.multiplier) << f.wide_x);
    at.y = y + line * f.y_line + (place << f.wide_y);
    micronet_walk_line(at, filter, filters, (to ? next - place : 1) * (1 + f.wide_y), pairs, sums != NULL, q);
  }
  if (sums) sums[place] = filter[0].total;
  if (sums && filters == 2) sums[next] = filter[1].total;
}

/* A depthwise filter along lines (K x 1 or 1 x K). x points to the first tap of the first output of a padded tensor;
   `to` says where an output channel goes (NULL: stays); `sums` receives the sum of each output channel, or is NULL. */
MICRONET_INLINE void micronet_depthwise_lines(const void *x, const int32_t *w, void *y, int32_t *sums,
                                              const uint16_t *to, micronet_lines f, micronet_output q) {
  if (f.taps % 2 == 0 || f.taps < 3 || f.taps > 2 * MICRONET_MOST_PAIRS - 1 || f.stride > 2) {
    micronet_lines_any((const int8_t *)x, w, (int8_t *)y, sums, to, f, q);
    return;
  }
  for (int c = 0; c < f.channels * f.multiplier; c += f.multiplier) {
    int m = 0;
    for (; m + 2 <= f.multiplier; m += 2)
      micronet_lines_channel((const int8_t *)x, w, (int8_t *)y, sums, to, c + m, 2, f, q);
    if (m < f.multiplier) micronet_lines_channel((const int8_t *)x, w, (int8_t *)y, sums, to, c + m, 1, f, q);
  }
}

/* The weights of a square filter by columns: pairs of rows, then the last row alone. */
enum { MICRONET_MOST_SIZE = 5, MICRONET_MOST_COLUMN = 3 };
typedef struct {
  int32_t bias, multiplier, total;
  int32_t column[MICRONET_MOST_SIZE][MICRONET_MOST_COLUMN];
} micronet_square_filter;

MICRONET_INLINE micronet_square_filter micronet_load_square(const int32_t *w, int c, int size) {
  const int lane = c % MICRONET_BLOCK, line_words = (size + 1) / 2, row_words = size * line_words;
  const int32_t *block = w + c / MICRONET_BLOCK * (MICRONET_BLOCK_HEAD + MICRONET_BLOCK * row_words);
  const int32_t *taps = block + MICRONET_BLOCK_HEAD + lane * row_words;
  micronet_square_filter filter;
  filter.bias = block[lane];
  filter.multiplier = block[MICRONET_BLOCK + lane];
  filter.total = 0;
  MICRONET_UNROLL(5)
  for (int k = 0; k < size; k++) {
    MICRONET_UNROLL(2)
    for (int v = 0; v < size / 2; v++)
      filter.column[k][v] =
          micronet_pair(micronet_tap(taps + 2 * v * line_words, k), micronet_tap(taps + (2 * v + 1) * line_words, k));
    filter.column[k][size / 2] = micronet_tap(taps + (size - 1) * line_words, k);
  }
  return filter;
}

/* Adds one column of pixels to all outputs that it belongs to: to the oldest unfinished one as its column `place`. */
MICRONET_INLINE void micronet_square_column(const int8_t *x, int x_pitch, const micronet_square_filter *filter,
                                            int32_t *sums, int place, int size, int stride) {
  int32_t pairs[MICRONET_MOST_COLUMN];
  MICRONET_UNROLL(2)
  for (int v = 0; v < size / 2; v++) pairs[v] = micronet_pair(x[2 * v * x_pitch], x[(2 * v + 1) * x_pitch]);
  const int32_t last = x[(size - 1) * x_pitch];
  MICRONET_UNROLL(5)
  for (int t = 0; t * stride <= place; t++) {
    const int32_t *weights = filter->column[place - t * stride];
    MICRONET_UNROLL(2)
    for (int v = 0; v < size / 2; v++) sums[t] = micronet_dot(pairs[v], weights[v], sums[t]);
    sums[t] = micronet_low_low(last, weights[size / 2], sums[t]);
  }
}

/* One row of outputs. Each column of pixels is loaded once and added to every output that it belongs to. */
MICRONET_INLINE void micronet_square_row(const int8_t *x, int8_t *y, micronet_square_filter *filter, int size,
                                         int stride, int summed, micronet_square f, micronet_output q) {
  const int open = (size - 1) / stride + 1; /* outputs that a column belongs to */
  int32_t sums[MICRONET_MOST_SIZE + 1];
  MICRONET_UNROLL(6)
  for (int t = 0; t <= open; t++) sums[t] = filter->bias;
  MICRONET_UNROLL(4)
  for (int k = 0; k < size - stride; k++, x += f.channels)
    micronet_square_column(x, f.x_pitch, filter, sums, k, size, stride);
  MICRONET_UNROLL(3)
  for (int column = 0; column < f.columns; column++, y += f.channels) {
    MICRONET_UNROLL(2)
    for (int k = size - stride; k < size; k++, x += f.channels)
      micronet_square_column(x, f.x_pitch, filter, sums, k, size, stride);
    const int value = micronet_requantize(sums[0], filter->multiplier, q);
    *y = (int8_t)value;
    if (summed) filter->total += value;
    micronet_loads_stay_here();
    MICRONET_UNROLL(5)
    for (int t = 0; t + 1 < open; t++) sums[t] = sums[t + 1];
    sums[open - 1] = filter->bias;
  }
}

/* The rows of every channel, for a size of 3 or 5 and a stride of 1 or 2. */
MICRONET_INLINE void micronet_square_of(const int8_t *x, const int32_t *w, int8_t *y, int32_t *sums, int size,
                                        int stride, micronet_square f, micronet_output q) {
  for (int c = 0; c < f.channels; c++) {
    micronet_square_filter filter = micronet_load_square(w, c, size);
    for (int row = 0; row < f.rows; row++)
      micronet_square_row(x + row * stride * f.x_pitch + c, y + row * f.y_pitch + c, &filter, size, stride,
                          sums != NULL, f, q);
    if (sums) sums[c] = filter.total;
  }
}

/* A depthwise filter of size x size. x points to the first tap of the first output of a padded tensor. */
MICRONET_INLINE void micronet_depthwise_square(const int8_t *x, const int32_t *w, int8_t *y, int32_t *sums,
                                               micronet_square f, micronet_output q) {
  if (f.size == 3 && f.stride == 1)
    micronet_square_of(x, w, y, sums, 3, 1, f, q);
  else if (f.size == 3 && f.stride == 2)
    micronet_square_of(x, w, y, sums, 3, 2, f, q);
  else if (f.size == 5 && f.stride == 1)
    micronet_square_of(x, w, y, sums, 5, 1, f, q);
  else if (f.size == 5 && f.stride == 2)
    micronet_square_of(x, w, y, sums, 5, 2, f, q);
  else
    micronet_square_any(x, w, y, sums, f, q);
}

/* ---- any other convolution ---- */

/* The taps of one window in pairs, in the order of the weights: kernel row, kernel column, channel. */
enum { MICRONET_MOST_TAP_PAIRS = 16 };
MICRONET_INLINE void micronet_gather_taps(const int8_t *lines, int pitch, int line_taps, int taps, int32_t *pairs) {
  MICRONET_UNROLL(16)
  for (int k = 0; k < taps; k += 2) {
    const int8_t *first = lines + k / line_taps * pitch + k % line_taps;
    const int8_t *second = lines + (k + 1) / line_taps * pitch + (k + 1) % line_taps;
    pairs[k / 2] = k + 1 < taps ? micronet_pair(*first, *second) : *first;
  }
}

/* `lanes` outputs of 1 or 2 pixels whose taps are gathered. */
MICRONET_INLINE void micronet_window_lanes(int32_t (*x)[MICRONET_MOST_TAP_PAIRS], const int32_t *block, int8_t *y,
                                           int pixels, int pairs, int lanes, int co, int wide, micronet_output q) {
  MICRONET_UNROLL(4)
  for (int lane = 0; lane < lanes; lane++) {
    int32_t sums[2] = {block[lane], block[lane]};
    MICRONET_UNROLL(16)
    for (int k = 0; k < pairs; k++) {
      const int32_t weights = block[MICRONET_BLOCK_HEAD + lane * pairs + k];
      MICRONET_UNROLL(2)
      for (int p = 0; p < pixels; p++) sums[p] = micronet_dot(x[p][k], weights, sums[p]);
    }
    MICRONET_UNROLL(2)
    for (int p = 0; p < pixels; p++) {
      const int value = micronet_requantize(sums[p], block[MICRONET_BLOCK + lane], q);
      micronet_set_element(y + ((p * co + lane) << wide), wide, value);
    }
  }
}

/* All outputs of 1 or 2 pixels whose taps are gathered. */
MICRONET_INLINE void micronet_window_outputs(int32_t (*x)[MICRONET_MOST_TAP_PAIRS], const int32_t *w, int8_t *y,
                                             int pixels, int pairs, int co, int wide, micronet_output q) {
  int o = 0;
  w = micronet_loaded_here(w);
  MICRONET_UNROLL(1)
  for (; o + MICRONET_BLOCK <= co; o += MICRONET_BLOCK, w += MICRONET_BLOCK_HEAD + MICRONET_BLOCK * pairs)
    micronet_window_lanes(x, w, y + (o << wide), pixels, pairs, MICRONET_BLOCK, co, wide, q);
  if (o < co) micronet_window_lanes(x, w, y + (o << wide), pixels, pairs, co - o, co, wide, q);
}

/* One row of outputs of a window with up to 32 taps and one group: two pixels share the loads of weights. */
MICRONET_INLINE void micronet_window_row(const int8_t *lines, int pitch, const int32_t *w, int8_t *y, micronet_window f,
                                         micronet_output q) {
  const int line_taps = f.kernel_w * f.ci, taps = f.kernel_h * line_taps, pairs = (taps + 1) / 2;
  const int step = f.stride_w * f.ci;
  int32_t x[2][MICRONET_MOST_TAP_PAIRS] = {{0}, {0}};
  int column = 0;
  for (; column + 2 <= f.columns; column += 2, lines += 2 * step, y += (2 * f.co) << f.wide_y) {
    micronet_gather_taps(lines, pitch, line_taps, taps, x[0]);
    micronet_gather_taps(lines + step, pitch, line_taps, taps, x[1]);
    micronet_window_outputs(x, w, y, 2, pairs, f.co, f.wide_y, q);
  }
  if (column < f.columns) {
    micronet_gather_taps(lines, pitch, line_taps, taps, x[0]);
    micronet_window_outputs(x, w, y, 1, pairs, f.co, f.wide_y, q);
  }
}

/* A convolution of any window. x has no borders and is uint8 where f.is_unsigned says so; `border` holds the ci
   values around it, `scratch` kernel_h * ((columns - 1) * stride_w + kernel_w) * ci + 16 bytes. */
MICRONET_INLINE void micronet_convolution(const void *x, const int32_t *w, void *y, int8_t *scratch,
                                          const int8_t *border, micronet_window f, micronet_output q) {
  const int pitch = ((f.columns - 1) * f.stride_w + f.kernel_w) * f.ci;
  const int is_whole = !f.is_unsigned && f.left == 0 && pitch == f.x_pitch; /* lines need no copy */
  for (int row = 0; row < f.rows; row++) {
    const int first = row * f.stride_h - f.top;
    const int8_t *lines = scratch;
    if (is_whole && first >= -f.above && first + f.kernel_h <= f.rows_in)
      lines = (const int8_t *)x + first * f.x_pitch;
    else
      for (int i = 0; i < f.kernel_h; i++)
        micronet_padded_line((const uint8_t *)x, scratch + i * pitch, first + i, border, f);
    if (f.groups == 1 && f.kernel_h * f.kernel_w * f.ci <= 2 * MICRONET_MOST_TAP_PAIRS)
      micronet_window_row(lines, pitch, w, (int8_t *)y + row * f.y_pitch, f, q);
    else
      micronet_window_row_any(lines, pitch, w, (int8_t *)y + row * f.y_pitch, f, q);
  }
}

#endif
