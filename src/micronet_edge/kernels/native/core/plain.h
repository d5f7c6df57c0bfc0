// Scalar code in plain C++: the remainder of the vector loops, and their reference.
#pragma once

#include <cmath>
#include <cstdint>

#include "shape.h"

namespace micronet_edge {
namespace {  // compiled once per instruction set

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
    // NaN stays.
    if (k == 0 || sum > largest || sum != sum) largest = largest != largest ? largest : sum;
  }
  return largest < ends.low ? ends.low : largest > ends.high ? ends.high : largest;
}

// NaN stays. The compiler vectorizes this.
inline void finish(float* __restrict y, const float* scale, const float* bias, const float* low, const float* high,
                   const float* offset, int64_t count) {
  for (int64_t i = 0; i < count; ++i) {
    float number = y[i] * scale[i] + bias[i];
    number = number < low[i] ? low[i] : number;
    number = number > high[i] ? high[i] : number;
    y[i] = number + offset[i];
  }
}

inline int8_t requantized(const QParams& qparams, int32_t sum) {
  const float level = std::nearbyint(static_cast<float>(sum) * qparams.multiplier);
  const float shifted = level + static_cast<float>(qparams.y_zero);
  const float low = static_cast<float>(qparams.lowest), high = static_cast<float>(qparams.highest);
  return static_cast<int8_t>(shifted < low ? low : shifted > high ? high : shifted);
}

inline int8_t int8_output(const Shape& shape, const QParams& qparams, const int16_t* a, const int8_t* x, int64_t step,
                          int64_t o) {
  int32_t largest = 0;
  for (int32_t k = 0; k < shape.fusions; ++k) {
    int32_t sum = 0;
    for (int32_t j = 0; j < shape.shifts; ++j) {
      const int64_t place = j * shape.outputs + o;
      sum += a[k * shape.shifts * shape.outputs + place] * (x[shape.sources[place] * step] - qparams.x_zero);
    }
    if (k == 0 || sum > largest) largest = sum;
  }
  return requantized(qparams, largest);
}

}  // namespace
}  // namespace micronet_edge
