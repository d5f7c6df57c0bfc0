#include "shape.h"

#include <algorithm>
#include <cmath>

namespace micronet_edge {
namespace {

constexpr int32_t kMostTerms = 64;
constexpr int64_t kMostChannels = 1 << 16;
constexpr int32_t kWidestDifference = 255;  // between an int8 number and its zero point
constexpr int32_t kWholeInFloat = 1 << 24;

bool is_int8(int32_t value) { return value >= INT8_MIN && value <= INT8_MAX; }

}  // namespace

bool Shape::has_sound_sides() const {
  if (shifts < 1 || shifts > kMostTerms || fusions < 1 || fusions > kMostTerms) return false;
  return inputs >= 1 && inputs <= kMostChannels && outputs >= 1 && outputs <= kMostChannels;
}

bool Shape::is_sound() const {
  if (!has_sound_sides()) return false;
  if (sources.size() != static_cast<size_t>(shifts * outputs)) return false;
  return are_below(sources, inputs);
}

bool are_below(const std::vector<int32_t>& values, int64_t end) {
  bool below = true;
  for (const int32_t value : values) below &= value >= 0 && value < end;
  return below;
}

int32_t largest_coefficient(int32_t shifts) {
  return std::min<int32_t>(INT16_MAX, kWholeInFloat / (kWidestDifference * shifts));
}

bool QParams::is_sound(int32_t shifts) const {
  const double largest = double{multiplier} * kWidestDifference * largest_coefficient(shifts) * shifts;
  return is_int8(x_zero) && is_int8(y_zero) && is_int8(lowest) && is_int8(highest) && lowest <= highest &&
         std::isfinite(multiplier) && multiplier > 0 && largest < INT32_MAX;
}

}  // namespace micronet_edge
