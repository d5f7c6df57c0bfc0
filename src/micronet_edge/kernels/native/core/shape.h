// What a Dynamic Shift-Max with known coefficients computes, for every pixel p and output channel o:
//
//   y[p, o] = max over k < fusions of  sum over j < shifts of  a[k, j, o] * x[p, sources[j, o]]
#pragma once

#include <cstdint>
#include <limits>
#include <vector>

namespace micronet_edge {

constexpr int64_t kMostPixels = 1 << 24;  // the sum of that many int8 numbers fits 32 bits

struct Shape {
  int32_t shifts, fusions;
  int64_t inputs, outputs;       // channels
  std::vector<int32_t> sources;  // [shifts, outputs]

  // Whether the numbers are consistent and small enough for the index arithmetic.
  bool is_sound() const;
  bool has_sound_sides() const;
  int64_t coefficients() const { return int64_t{shifts} * fusions * outputs; }
};

// The bounds of float results, infinite for none. NaN stays.
struct Ends {
  float low, high;

  bool cut_anything() const { return low > -kInfinity || high < kInfinity; }
  static constexpr float kInfinity = std::numeric_limits<float>::infinity();
};

// Whether all lie in [0, end).
bool are_below(const std::vector<int32_t>& values, int64_t end);

// Quantization parameters: x = scale * (integer - zero), y likewise, a = scale * integer.
struct QParams {
  int32_t x_zero, y_zero;
  float multiplier;         // scale of x times scale of a over scale of y
  int32_t lowest, highest;  // the bounds of y

  bool is_sound(int32_t shifts) const;
};

// The largest |a| with which a sum of that many products is still exact in float32.
int32_t largest_coefficient(int32_t shifts);

}  // namespace micronet_edge
