// The vectorized loops over pixels, for the `Vectors` of the including file.
//
// Compiled for one or two shifts and fusions, as in the released networks; the plain loops handle more.
#pragma once

#include "instructions.h"
#include "plain.h"

namespace micronet_edge {
namespace {

using Floats = Vectors::Floats;
using Bytes = Vectors::Bytes;

constexpr int kFew = 2;
constexpr int64_t kBlockBytes = 16 * 1024;  // of a map: fits the L1 cache while the vectors take turns

int64_t smaller(int64_t x, int64_t y) { return x < y ? x : y; }
bool is_few(const Shape& shape) { return shape.shifts <= kFew && shape.fusions <= kFew; }

// --- One vector of outputs

template <int J, int K, bool Clips>
struct FloatCoefficients {
  Floats a[K][J];
  Floats low, high;

  Floats fused(const Floats (&x)[J]) const {
    Floats largest = sum(0, x);
    for (int k = 1; k < K; ++k) largest = Vectors::larger(largest, sum(k, x));
    return Clips ? Vectors::clip(largest, low, high) : largest;
  }
  Floats sum(int k, const Floats (&x)[J]) const {
    Floats total = Vectors::multiply(a[k][0], x[0]);
    for (int j = 1; j < J; ++j) total = Vectors::multiply_add(a[k][j], x[j], total);
    return total;
  }
};

// A single shift counts as two, with zero as the second coefficient.
template <int K>
struct Int8Coefficients {
  Vectors::Two a[K];
  Vectors::Shorts zero;
  Vectors::Rounding rounding;

  Bytes fused(Bytes first, Bytes second) const {
    const Vectors::Two x = Vectors::pairs(Vectors::less(first, zero), Vectors::less(second, zero));
    auto largest = Vectors::dot(x, a[0]);
    for (int k = 1; k < K; ++k) largest = Vectors::larger(largest, Vectors::dot(x, a[k]));
    return Vectors::requantized(largest, rounding);
  }
};

// --- planes

template <int J, int K, bool Clips>
void float_planes_of(const Shape& shape, const Ends& ends, const float* a, const float* x, float* y,
                     int64_t pixels) {
  for (int64_t o = 0; o < shape.outputs; ++o, y += pixels) {
    FloatCoefficients<J, K, Clips> coefficients;
    coefficients.low = Vectors::all(ends.low), coefficients.high = Vectors::all(ends.high);
    const float* plane[J];
    for (int j = 0; j < J; ++j) {
      plane[j] = x + shape.sources[j * shape.outputs + o] * pixels;
      for (int k = 0; k < K; ++k) coefficients.a[k][j] = Vectors::all(a[(k * J + j) * shape.outputs + o]);
    }
    for (int64_t p = 0;; p = smaller(p + kFloatsInVector, pixels - kFloatsInVector)) {
      Floats taken[J];
      for (int j = 0; j < J; ++j) taken[j] = Vectors::load(plane[j] + p);
      Vectors::store(y + p, coefficients.fused(taken));
      if (p + kFloatsInVector == pixels) break;
    }
  }
}

void float_planes(const Shape& shape, const Ends& ends, const float* a, const float* x, float* y, int64_t pixels) {
  if (!is_few(shape) || pixels < kFloatsInVector) return kPlain.float_planes(shape, ends, a, x, y, pixels);
  constexpr decltype(&float_planes_of<1, 1, false>) kRuns[2][2][2] = {
      {{float_planes_of<1, 1, false>, float_planes_of<1, 1, true>},
       {float_planes_of<1, 2, false>, float_planes_of<1, 2, true>}},
      {{float_planes_of<2, 1, false>, float_planes_of<2, 1, true>},
       {float_planes_of<2, 2, false>, float_planes_of<2, 2, true>}}};
  kRuns[shape.shifts - 1][shape.fusions - 1][ends.cut_anything()](shape, ends, a, x, y, pixels);
}

template <int K>
void int8_planes_of(const Shape& shape, const QParams& qparams, const int16_t* a, const int8_t* x, int8_t* y,
                    int64_t pixels) {
  const int64_t second = shape.shifts > 1 ? shape.outputs : 0;
  Int8Coefficients<K> coefficients;
  coefficients.zero = Vectors::all_shorts(static_cast<int16_t>(qparams.x_zero));
  coefficients.rounding = Vectors::rounding(qparams);
  for (int64_t o = 0; o < shape.outputs; ++o, y += pixels) {
    const int8_t* planes[2] = {x + shape.sources[o] * pixels, x + shape.sources[second + o] * pixels};
    for (int k = 0; k < K; ++k) {
      const int16_t* row = a + k * shape.shifts * shape.outputs + o;
      coefficients.a[k] = Vectors::pairs(Vectors::all_shorts(row[0]),
                                         Vectors::all_shorts(second != 0 ? row[second] : int16_t{0}));
    }
    for (int64_t p = 0;; p = smaller(p + kBytesInVector, pixels - kBytesInVector)) {
      Vectors::store_bytes(y + p, coefficients.fused(Vectors::load_bytes(planes[0] + p),
                                                     Vectors::load_bytes(planes[1] + p)));
      if (p + kBytesInVector == pixels) break;
    }
  }
}

void int8_planes(const Shape& shape, const QParams& qparams, const int16_t* a, const int8_t* x, int8_t* y,
                 int64_t pixels) {
  if (!is_few(shape) || pixels < kBytesInVector) return kPlain.int8_planes(shape, qparams, a, x, y, pixels);
  const auto run = shape.fusions > 1 ? int8_planes_of<2> : int8_planes_of<1>;
  run(shape, qparams, a, x, y, pixels);
}

// Own memory management: the linker might use a library template compiled here elsewhere, where these instructions
// are missing.
template <class Number>
class Buffer {
 public:
  explicit Buffer(int64_t count) : numbers_(count > 0 ? new Number[count] : nullptr) {}
  ~Buffer() { delete[] numbers_; }
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;
  Number* get() const { return numbers_; }

 private:
  Number* numbers_;
};

// --- Rows: a vector's coefficients stay in registers while it passes over a block of tiles

// The coefficients, repeated for every pixel of a tile: [fusions * shifts, tile pixels * outputs].
template <class Number>
class Repeated {
 public:
  Repeated(const Shape& shape, const Tile& tile, const Number* a)
      : copies_(tile.pixels() > 1 ? shape.coefficients() * tile.pixels() : 0),
        a_(tile.pixels() > 1 ? copies_.get() : a),
        width_(tile.pixels() * shape.outputs) {
    Number* to = copies_.get();
    for (int64_t row = 0; to != nullptr && row < int64_t{shape.fusions} * shape.shifts; ++row) {
      for (int64_t p = 0; p < tile.pixels(); ++p, to += shape.outputs) {
        for (int64_t o = 0; o < shape.outputs; ++o) to[o] = a[row * shape.outputs + o];
      }
    }
  }
  const Number* at(int64_t row, int64_t place) const { return a_ + row * width_ + place; }

 private:
  Buffer<Number> copies_;
  const Number* a_;
  int64_t width_;
};

Bytes picked(const Tile& tile, const Reading& reading, int part, const void* x) {
  const Piece* piece = tile.pieces() + reading.first[part];
  const auto take = [x](const Piece& each) {
    const auto* from = static_cast<const uint8_t*>(x) + each.offset;
    return Vectors::pick(Vectors::load_bytes(from), Vectors::load_bytes(each.bytes));
  };
  Bytes bytes = take(*piece);
  for (int32_t i = 1; i < reading.count[part]; ++i) bytes = Vectors::both(bytes, take(piece[i]));
  return bytes;
}

template <bool Direct>
Floats floats_at(const Tile& tile, const Reading& reading, const float* x) {
  if (Direct) return Vectors::load(x + reading.offset / static_cast<int>(sizeof(float)));
  return Vectors::picked(tile.pieces(), reading, x);
}

template <bool Direct>
Bytes bytes_at(const Tile& tile, const Reading& reading, const int8_t* x) {
  return Direct ? Vectors::load_bytes(x + reading.offset) : picked(tile, reading, 0, x);
}

struct Block {
  int64_t tiles, x_step, y_step;
};

template <bool First, bool Second, int J, int K, bool Clips>
__attribute__((always_inline)) inline void float_column(const Tile& tile, const Reading* readings,
                                                        FloatCoefficients<J, K, Clips> coefficients,
                                                        const Block& block, const float* x, float* y) {
  for (int64_t t = 0; t < block.tiles; ++t, x += block.x_step, y += block.y_step) {
    Floats taken[J];
    taken[0] = floats_at<First>(tile, readings[0], x);
    if (J > 1) taken[J - 1] = floats_at<Second>(tile, readings[J - 1], x);
    Vectors::store(y, coefficients.fused(taken));
  }
}

template <int J, int K, bool Clips>
void float_block(const Tile& tile, const Repeated<float>& a, const Ends& ends, const Block& block, const float* x,
                 float* y) {
  for (int64_t v = 0; v < tile.vectors(); ++v) {
    FloatCoefficients<J, K, Clips> coefficients;
    coefficients.low = Vectors::all(ends.low), coefficients.high = Vectors::all(ends.high);
    for (int k = 0; k < K; ++k) {
      for (int j = 0; j < J; ++j) {
        coefficients.a[k][j] = Vectors::load(a.at(k * J + j, v * kFloatsInVector));
      }
    }
    const Reading* readings = &tile.reading(v, 0);
    const bool first = readings[0].is_direct(), second = readings[J - 1].is_direct();
    float* to = y + v * kFloatsInVector;
    if (first && second) {
      float_column<true, true>(tile, readings, coefficients, block, x, to);
    } else if (first) {
      float_column<true, false>(tile, readings, coefficients, block, x, to);
    } else if (second) {
      float_column<false, true>(tile, readings, coefficients, block, x, to);
    } else {
      float_column<false, false>(tile, readings, coefficients, block, x, to);
    }
  }
}

template <int K, bool First, bool Second>
__attribute__((always_inline)) inline void int8_column(const Tile& tile, const Reading* readings, Int8Coefficients<K> coefficients,
                 const Block& block, int last, const int8_t* x, int8_t* y) {
  for (int64_t t = 0; t < block.tiles; ++t, x += block.x_step, y += block.y_step) {
    const Bytes first = bytes_at<First>(tile, readings[0], x);
    const Bytes second = last == 0 ? first : bytes_at<Second>(tile, readings[last], x);
    Vectors::store_bytes(y, coefficients.fused(first, second));
  }
}

template <int K>
void int8_block(const Tile& tile, const Repeated<int16_t>& a, int shifts, Int8Coefficients<K>& coefficients,
                const Block& block, const int8_t* x, int8_t* y) {
  const int last = shifts - 1;
  for (int64_t v = 0; v < tile.vectors(); ++v) {
    for (int k = 0; k < K; ++k) {
      const auto* row = a.at(k * shifts, v * kBytesInVector);
      const auto second = last == 0 ? Vectors::all_shorts(0)
                                    : Vectors::load_shorts(a.at(k * shifts + last, v * kBytesInVector));
      coefficients.a[k] = Vectors::pairs(Vectors::load_shorts(row), second);
    }
    const Reading* readings = &tile.reading(v, 0);
    const bool first = readings[0].is_direct(), second = readings[last].is_direct();
    int8_t* to = y + v * kBytesInVector;
    if (first && second) {
      int8_column<K, true, true>(tile, readings, coefficients, block, last, x, to);
    } else if (first) {
      int8_column<K, true, false>(tile, readings, coefficients, block, last, x, to);
    } else if (second) {
      int8_column<K, false, true>(tile, readings, coefficients, block, last, x, to);
    } else {
      int8_column<K, false, false>(tile, readings, coefficients, block, last, x, to);
    }
  }
}

// Calls `run` with whole blocks of tiles; the last tile overlaps the one before if the pixels end inside it.
template <class Number, class Run>
void for_each_block(const Shape& shape, const Tile& tile, const Number* x, Number* y, int64_t pixels,
                    const Run& run) {
  const int64_t x_step = tile.pixels() * shape.inputs, y_step = tile.pixels() * shape.outputs;
  const int64_t tiles = pixels / tile.pixels();
  const int64_t fitting = kBlockBytes / (x_step * static_cast<int64_t>(sizeof(Number)));
  const int64_t most = fitting > 1 ? fitting : 1;
  for (int64_t t = 0; t < tiles; t += most) {
    run(Block{smaller(most, tiles - t), x_step, y_step}, x + t * x_step, y + t * y_step);
  }
  if (const int64_t back = pixels - tile.pixels(); pixels % tile.pixels() != 0) {
    run(Block{1, x_step, y_step}, x + back * shape.inputs, y + back * shape.outputs);
  }
}

void float_rows(const Shape& shape, const Tile& tile, const Ends& ends, const float* a, const float* x, float* y,
                int64_t pixels) {
  if (!is_few(shape) || !tile.is_usable() || pixels < tile.pixels()) {
    return kPlain.float_rows(shape, tile, ends, a, x, y, pixels);
  }
  constexpr decltype(&float_block<1, 1, false>) kRuns[2][2][2] = {
      {{float_block<1, 1, false>, float_block<1, 1, true>}, {float_block<1, 2, false>, float_block<1, 2, true>}},
      {{float_block<2, 1, false>, float_block<2, 1, true>}, {float_block<2, 2, false>, float_block<2, 2, true>}}};
  const auto run = kRuns[shape.shifts - 1][shape.fusions - 1][ends.cut_anything()];
  const Repeated<float> repeated(shape, tile, a);
  for_each_block(shape, tile, x, y, pixels, [&](const Block& block, const float* from, float* to) {
    run(tile, repeated, ends, block, from, to);
  });
}

template <int K>
void int8_rows_of(const Shape& shape, const Tile& tile, const QParams& qparams, const int16_t* a, const int8_t* x,
                  int8_t* y, int64_t pixels) {
  const Repeated<int16_t> repeated(shape, tile, a);
  Int8Coefficients<K> coefficients;
  coefficients.zero = Vectors::all_shorts(static_cast<int16_t>(qparams.x_zero));
  coefficients.rounding = Vectors::rounding(qparams);
  for_each_block(shape, tile, x, y, pixels, [&](const Block& block, const int8_t* from, int8_t* to) {
    int8_block<K>(tile, repeated, shape.shifts, coefficients, block, from, to);
  });
}

void int8_rows(const Shape& shape, const Tile& tile, const QParams& qparams, const int16_t* a, const int8_t* x,
               int8_t* y, int64_t pixels) {
  if (!is_few(shape) || !tile.is_usable() || pixels < tile.pixels()) {
    return kPlain.int8_rows(shape, tile, qparams, a, x, y, pixels);
  }
  const auto run = shape.fusions > 1 ? int8_rows_of<2> : int8_rows_of<1>;
  run(shape, tile, qparams, a, x, y, pixels);
}

// --- Sums: many independent ones at a time, so that none waits for the previous one

constexpr int64_t kAtATime = 256;

void sum_float_planes(const float* x, float* sums, int64_t channels, int64_t pixels) {
  for (int64_t c = 0; c < channels; ++c, x += pixels) {
    Floats lanes[4];
    for (Floats& each : lanes) each = Vectors::all(0);
    int64_t p = 0;
    for (; p + 4 * kFloatsInVector <= pixels; p += 4 * kFloatsInVector) {
      for (int i = 0; i < 4; ++i) lanes[i] = Vectors::add(lanes[i], Vectors::load(x + p + i * kFloatsInVector));
    }
    for (; p + kFloatsInVector <= pixels; p += kFloatsInVector) {
      lanes[0] = Vectors::add(lanes[0], Vectors::load(x + p));
    }
    sums[c] = Vectors::sum(Vectors::add(Vectors::add(lanes[0], lanes[1]), Vectors::add(lanes[2], lanes[3])));
    for (; p < pixels; ++p) sums[c] += x[p];
  }
}

void sum_int8_planes(const int8_t* x, int32_t* sums, int64_t channels, int64_t pixels) {
  for (int64_t c = 0; c < channels; ++c, x += pixels) {
    int32_t sum = 0;  // the compiler vectorizes integer sums itself
    for (int64_t p = 0; p < pixels; ++p) sum += x[p];
    sums[c] = sum;
  }
}

template <class Number, class Sum>
void sum_rows(const Number* x, Sum* sums, int64_t channels, int64_t pixels) {
  const int64_t most = (kAtATime + channels - 1) / channels, rows = pixels < most ? pixels : most;
  const int64_t width = rows * channels;
  const Buffer<Sum> buffer(width);
  Sum* __restrict lanes = buffer.get();
  for (int64_t i = 0; i < width; ++i) lanes[i] = 0;
  int64_t p = 0;
  for (; p + rows <= pixels; p += rows, x += width) {
    for (int64_t i = 0; i < width; ++i) lanes[i] += x[i];
  }
  for (int64_t i = 0; i < (pixels - p) * channels; ++i) lanes[i] += x[i];
  for (int64_t c = 0; c < channels; ++c) {
    sums[c] = 0;
    for (int64_t i = c; i < width; i += channels) sums[c] += lanes[i];
  }
}

// --- Matrix products: four rows at a time, added in order; rows with zero input are skipped

void add_four(const float (&x)[4], const float* const (&rows)[4], float* __restrict sums, int64_t outputs) {
  const float *__restrict first = rows[0], *__restrict second = rows[1];
  const float *__restrict third = rows[2], *__restrict fourth = rows[3];
  const float a = x[0], b = x[1], c = x[2], d = x[3];
  for (int64_t o = 0; o < outputs; ++o) {
    float sum = sums[o] + a * first[o];
    sum += b * second[o];
    sum += c * third[o];
    sums[o] = sum + d * fourth[o];
  }
}

void add_products(const float* x, int64_t inputs, const float* weight, float* __restrict sums, int64_t outputs) {
  const float* rows[4];
  float factors[4];
  int count = 0;
  for (int64_t i = 0; i < inputs; ++i) {
    if (x[i] == 0) continue;
    rows[count] = weight + i * outputs, factors[count] = x[i];
    if (++count < 4) continue;
    add_four(factors, rows, sums, outputs);
    count = 0;
  }
  for (int r = 0; r < count; ++r) {
    const float* __restrict row = rows[r];
    for (int64_t o = 0; o < outputs; ++o) sums[o] += factors[r] * row[o];
  }
}

void add_products_in_blocks(const float* x, int64_t inputs, const int8_t* weight, float* sums, int64_t outputs) {
  static_assert(kBlock == 2 * kFloatsInVector);
  for (int64_t o = 0; o < outputs; o += kBlock) {
    Floats low = Vectors::load(sums + o), high = Vectors::load(sums + o + kFloatsInVector);
    for (int64_t i = 0; i < inputs; ++i, weight += kBlock) {
      if (x[i] == 0) continue;
      const Floats factor = Vectors::all(x[i]);
      low = Vectors::add(low, Vectors::multiply(factor, Vectors::load(weight)));
      high = Vectors::add(high, Vectors::multiply(factor, Vectors::load(weight + kFloatsInVector)));
    }
    Vectors::store(sums + o, low);
    Vectors::store(sums + o + kFloatsInVector, high);
  }
}

constexpr Instructions instructions_named(const char* name) {
  return {
      name,
      Vectors::kFloatLoad,
      float_planes,
      int8_planes,
      float_rows,
      int8_rows,
      sum_float_planes,
      sum_int8_planes,
      sum_rows<float, float>,
      sum_rows<int8_t, int32_t>,
      add_products,
      add_products_in_blocks,
      finish,
  };
}

}  // namespace
}  // namespace micronet_edge
