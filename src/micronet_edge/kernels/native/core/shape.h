// What one Dynamic Shift-Max computes, once its coefficients are known, for every pixel p and output channel o:
//
//   y[p, o] = max over k < fusions of  sum over j < shifts of  a[k, j, o] * x[p, sources[j, o]]
#pragma once

#include <cstdint>
#include <limits>
#include <vector>

namespace micronet_edge {

constexpr int64_t kMostPixels = 1 << 24;  // the sum of so many int8 numbers fits 32 bits

struct Shape {
  int32_t shifts, fusions;
  int64_t inputs, outputs;       // channels
  std::vector<int32_t> sources;  // [shifts, outputs]

  // Whether the numbers fit each other and none is too large to count with.
  bool is_sound() const;
  bool has_sound_sides() const;
  int64_t coefficients() const { return int64_t{shifts} * fusions * outputs; }
};

// What float results are cut off at; infinite where they are not. What is not a number stays.
struct Ends {
  float low, high;

  bool cut_anything() const { return low > -kInfinity || high < kInfinity; }
  static constexpr float kInfinity = std::numeric_limits<float>::infinity();
};

// Whether all are from 0 to, and without, `end`.
bool are_below(const std::vector<int32_t>& values, int64_t end);

// How integers stand for numbers: x = scale * (integer - zero), y likewise, a = scale * integer.
struct Grids {
  int32_t x_zero, y_zero;
  float multiplier;         // scale of x times scale of a over scale of y
  int32_t lowest, highest;  // what y is cut off at

  bool is_sound(int32_t shifts) const;
};

// The largest |a| with which a sum of so many products is still a whole number in float32.
int32_t largest_coefficient(int32_t shifts);

}  // namespace micronet_edge
