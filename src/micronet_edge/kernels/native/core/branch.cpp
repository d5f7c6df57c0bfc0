#include "branch.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace micronet_edge {

namespace {

int64_t filled(int64_t count, int64_t width) { return (count + width - 1) / width * width; }

}  // namespace

Matrix::Matrix(int64_t inputs, int64_t outputs, bool in_integers)
    : inputs_(inputs),
      outputs_(outputs),
      stride_(filled(outputs, in_integers ? kBlock : kFloatsInVector)),
      scales_(stride_, 1.0f),
      bias_(stride_, 0.0f),
      low_(stride_, -std::numeric_limits<float>::infinity()),
      high_(stride_, std::numeric_limits<float>::infinity()),
      offset_(stride_, 0.0f) {
  if (in_integers) {
    integers_.resize(inputs * stride_);
  } else {
    floats_.resize(inputs * stride_);
  }
}

float Matrix::largest() const {
  float most = 0;
  for (int64_t o = 0; o < outputs_; ++o) {
    most = std::max({most, std::abs(low_[o] + offset_[o]), std::abs(high_[o] + offset_[o])});
  }
  return most;
}

void Matrix::apply(const Instructions& with, const float* x, std::vector<float>* y) const {
  y->assign(stride_, 0.0f);
  if (floats_.empty()) {
    with.add_products_in_blocks(x, inputs_, integers_.data(), y->data(), stride_);
  } else {
    with.add_products(x, inputs_, floats_.data(), y->data(), stride_);
  }
  with.finish(y->data(), scales_.data(), bias_.data(), low_.data(), high_.data(), offset_.data(), stride_);
}

bool Branch::is_sound(const Shape& shape) const {
  return squeeze.inputs() == static_cast<int64_t>(channels.size()) && squeeze.inputs() > 0 && squeeze.outputs() > 0 &&
         excite.inputs() == squeeze.outputs() && excite.outputs() == shape.coefficients() &&
         are_below(channels, shape.inputs) && mean_low <= mean_high;
}

void Branch::apply(const Instructions& with, const float* means, std::vector<float> (*between)[2],
                   std::vector<float>* a) const {
  auto& [taken, squeezed] = *between;
  taken.resize(channels.size());
  for (size_t i = 0; i < channels.size(); ++i) {
    const float mean = means[channels[i]];
    taken[i] = mean < mean_low ? mean_low : mean > mean_high ? mean_high : mean;
  }
  squeeze.apply(with, taken.data(), &squeezed);
  excite.apply(with, squeezed.data(), a);
}

}  // namespace micronet_edge
