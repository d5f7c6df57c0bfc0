// Single numbers, in plain C++: what the vector loops leave over, and the definition that they follow.
#pragma once

#include <cmath>
#include <cstdint>

#include "shape.h"

namespace micronet_edge {
namespace {  // compiled once for each set of instructions

// Reads x at x[source * step].
inline float float_output(const Shape& shape, const Ends& ends, const float* a, const float* x, int64_t step,
                          int64_t o) {
  float largest = 0;
  for (int32_t k = 0; k < shape.fusions; ++k) {
    float sum = 0;
    for (int32_t j = 0; j < shape.shifts; ++j) {
      const int64_t place = j * shape.outputs + o;
      const float product = a[k * shape.shifts * shape.outputs + place] * x[shape.sources[place] * step];
      sum = j == 0 ? product : sum + product;
    }
    // Not a number, once met, stays.
    if (k == 0 || sum > largest || sum != sum) largest = largest != largest ? largest : sum;
  }
  return largest < ends.low ? ends.low : largest > ends.high ? ends.high : largest;
}

// What is not a number stays. The compiler makes vectors of it.
inline void finish(float* __restrict y, const float* scale, const float* bias, const float* low, const float* high,
                   const float* offset, int64_t count) {
  for (int64_t i = 0; i < count; ++i) {
    float number = y[i] * scale[i] + bias[i];
    number = number < low[i] ? low[i] : number;
    number = number > high[i] ? high[i] : number;
    y[i] = number + offset[i];
  }
}

inline int8_t requantized(const Grids& grids, int32_t sum) {
  const float steps = std::nearbyint(static_cast<float>(sum) * grids.multiplier);
  const float shifted = steps + static_cast<float>(grids.y_zero);
  const float low = static_cast<float>(grids.lowest), high = static_cast<float>(grids.highest);
  return static_cast<int8_t>(shifted < low ? low : shifted > high ? high : shifted);
}

inline int8_t int8_output(const Shape& shape, const Grids& grids, const int16_t* a, const int8_t* x, int64_t step,
                          int64_t o) {
  int32_t largest = 0;
  for (int32_t k = 0; k < shape.fusions; ++k) {
    int32_t sum = 0;
    for (int32_t j = 0; j < shape.shifts; ++j) {
      const int64_t place = j * shape.outputs + o;
      sum += a[k * shape.shifts * shape.outputs + place] * (x[shape.sources[place] * step] - grids.x_zero);
    }
    if (k == 0 || sum > largest) largest = sum;
  }
  return requantized(grids, largest);
}

}  // namespace
}  // namespace micronet_edge
