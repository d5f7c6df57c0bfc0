// The loops over pixels, once per instruction set.
//
// Layouts: planes are [channels, pixels], rows are [pixels, channels]. Coefficients are [fusions, shifts, outputs].
#pragma once

#include <cstdint>

#include "shape.h"
#include "tile.h"

namespace micronet_edge {

struct Instructions {
  const char* name;
  int float_load;  // bytes per load of floats, for which a Tile for float_rows is made

  void (*float_planes)(const Shape&, const Ends&, const float* a, const float* x, float* y, int64_t pixels);
  void (*int8_planes)(const Shape&, const QParams&, const int16_t* a, const int8_t* x, int8_t* y, int64_t pixels);
  void (*float_rows)(const Shape&, const Tile&, const Ends&, const float* a, const float* x, float* y,
                     int64_t pixels);
  void (*int8_rows)(const Shape&, const Tile&, const QParams&, const int16_t* a, const int8_t* x, int8_t* y,
                    int64_t pixels);

  // Sums over all pixels, [channels].
  void (*sum_float_planes)(const float* x, float* sums, int64_t channels, int64_t pixels);
  void (*sum_int8_planes)(const int8_t* x, int32_t* sums, int64_t channels, int64_t pixels);
  void (*sum_float_rows)(const float* x, float* sums, int64_t channels, int64_t pixels);
  void (*sum_int8_rows)(const int8_t* x, int32_t* sums, int64_t channels, int64_t pixels);

  // sums[o] += x[i] * weight[i, o], in the order of i, with product and sum rounded separately.
  void (*add_products)(const float* x, int64_t inputs, const float* weight, float* sums, int64_t outputs);

  // sums[o] += x[i] * weight[o / kBlock, i, o % kBlock], likewise, for whole blocks. A block's sums stay in registers,
  // which is faster unless memory is the bottleneck.
  void (*add_products_in_blocks)(const float* x, int64_t inputs, const int8_t* weight, float* sums, int64_t outputs);

  // y = clip(y * scale + bias, low, high) + offset, elementwise.
  void (*finish)(float* y, const float* scale, const float* bias, const float* low, const float* high,
                 const float* offset, int64_t count);
};

extern const Instructions kPlain;  // for every CPU
#if defined(__x86_64__)
extern const Instructions kAvx2;
#elif defined(__aarch64__)
extern const Instructions kNeon;
#endif

// The best instructions of this CPU.
const Instructions& best_instructions();

// The instructions of that name, if this CPU has them.
const Instructions* find_instructions(const char* name);

// Numbers per vector, in every instruction set.
constexpr int kFloatsInVector = 8;
constexpr int kBytesInVector = 16;

// Outputs per block of a matrix.
constexpr int kBlock = 16;

}  // namespace micronet_edge
