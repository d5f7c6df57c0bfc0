#include "branch.h"

#include <algorithm>
#include <cmath>

namespace micronet_edge {
namespace {

// What is not a number stays.
float clipped(float value, float low, float high) { return value < low ? low : value > high ? high : value; }

bool has(const std::vector<float>& values, int64_t count) {
  return static_cast<int64_t>(values.size()) == count;
}

}  // namespace

Matrix::Matrix(int64_t inputs, int64_t outputs, bool in_integers)
    : inputs_(inputs),
      outputs_(outputs),
      stride_((outputs + kFloatsInVector - 1) / kFloatsInVector * kFloatsInVector),
      scales_(stride_, 1.0f),
      bias_(stride_, 0.0f) {
  if (in_integers) {
    integers_.resize(inputs * stride_);
  } else {
    floats_.resize(inputs * stride_);
  }
}

std::vector<float> Matrix::times(const Instructions& with, const float* x) const {
  std::vector<float> y(stride_, 0.0f);
  if (floats_.empty()) {
    with.add_products_int8(x, inputs_, integers_.data(), y.data(), stride_);
  } else {
    with.add_products_float(x, inputs_, floats_.data(), y.data(), stride_);
  }
  for (int64_t o = 0; o < stride_; ++o) y[o] = y[o] * scales_[o] + bias_[o];
  return y;
}

bool Branch::is_sound(const Shape& shape) const {
  const int64_t count = shape.coefficients();
  return squeeze.inputs() == static_cast<int64_t>(channels.size()) && squeeze.inputs() > 0 && squeeze.outputs() > 0 &&
         excite.inputs() == squeeze.outputs() && excite.outputs() == count && has(low, count) && has(high, count) &&
         has(offset, count) && are_below(channels, shape.inputs) && mean_low <= mean_high &&
         squeezed_low <= squeezed_high;
}

std::vector<float> Branch::coefficients(const Instructions& with, const float* means) const {
  std::vector<float> taken(channels.size());
  for (size_t i = 0; i < channels.size(); ++i) taken[i] = clipped(means[channels[i]], mean_low, mean_high);
  std::vector<float> squeezed = squeeze.times(with, taken.data());
  for (float& value : squeezed) value = clipped(value, squeezed_low, squeezed_high);
  std::vector<float> a = excite.times(with, squeezed.data());
  for (size_t i = 0; i < low.size(); ++i) a[i] = clipped(a[i], low[i], high[i]) + offset[i];
  return a;
}

float Branch::largest() const {
  float most = 0;
  for (size_t i = 0; i < low.size(); ++i) {
    most = std::max({most, std::abs(low[i] + offset[i]), std::abs(high[i] + offset[i])});
  }
  return most;
}

}  // namespace micronet_edge
