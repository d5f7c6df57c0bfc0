#include "activation.h"

#include <cmath>
#include <utility>

namespace micronet_edge {
namespace {

// Rounds to the nearest integer, ties to even, for numbers below 2^22. The compiler vectorizes this, but not calls
// of the library's function.
float rounded(float x) {
  constexpr float kWhole = 3 << 22;
  return (x + kWhole) - kWhole;
}

// The buffers of a thread while it runs an activation, kept for the next one.
struct Scratch {
  std::vector<float> means, between[2], a;
  std::vector<int32_t> sums;
  std::vector<int16_t> quantized;
};

thread_local Scratch t_scratch;

}  // namespace

Activation::Activation(Shape shape, Layout layout, Branch branch)
    : shape_(std::move(shape)), layout_(layout), branch_(std::move(branch)), with_(best_instructions()) {}

std::unique_ptr<Activation> Activation::of_floats(Shape shape, Layout layout, Branch branch, const Ends& ends) {
  if (!(ends.low <= ends.high) || !shape.is_sound() || !branch.is_sound(shape)) return nullptr;
  std::unique_ptr<Activation> made(new Activation(std::move(shape), layout, std::move(branch)));
  if (layout == Layout::kRows) {
    made->tile_.emplace(made->shape_, sizeof(float), kFloatsInVector, made->with_.float_load);
  }
  made->ends_ = ends;
  return made;
}

std::unique_ptr<Activation> Activation::of_int8(Shape shape, Layout layout, Branch branch,
                                                const Int8Tensors& tensors) {
  if (!shape.is_sound() || !branch.is_sound(shape)) return nullptr;
  std::unique_ptr<Activation> made(new Activation(std::move(shape), layout, std::move(branch)));
  if (layout == Layout::kRows) {
    made->tile_.emplace(made->shape_, sizeof(int8_t), kBytesInVector, kBytesInVector);
  }
  const float largest = made->branch_.excite.largest();
  made->levels_per_unit_ = static_cast<float>(largest_coefficient(made->shape_.shifts)) / largest;
  const double multiplier = double{tensors.x_scale} / made->levels_per_unit_ / tensors.y_scale;
  made->tensors_ = tensors;
  made->qparams_ = {tensors.x_zero, tensors.y_zero, static_cast<float>(multiplier), tensors.lowest, tensors.highest};
  const bool finite = std::isfinite(largest) && std::isfinite(made->levels_per_unit_);
  return finite && made->qparams_.is_sound(made->shape_.shifts) ? std::move(made) : nullptr;
}

void Activation::means(const float* x, int64_t pixels, float* to) const {
  (layout_ == Layout::kPlanes ? with_.sum_float_planes : with_.sum_float_rows)(x, to, shape_.inputs, pixels);
  for (int64_t c = 0; c < shape_.inputs; ++c) to[c] /= static_cast<float>(pixels);
}

void Activation::means(const int8_t* x, int64_t pixels, float* to) const {
  auto& sums = t_scratch.sums;
  sums.resize(shape_.inputs);
  (layout_ == Layout::kPlanes ? with_.sum_int8_planes : with_.sum_int8_rows)(x, sums.data(), shape_.inputs, pixels);
  for (int64_t c = 0; c < shape_.inputs; ++c) {
    const float mean = static_cast<float>(sums[c]) / static_cast<float>(pixels);
    to[c] = (mean - static_cast<float>(tensors_.x_zero)) * tensors_.x_scale;
  }
}

void Activation::run(const float* x, float* y, int64_t pixels) const {
  auto& [means_of, between, a, sums, quantized] = t_scratch;
  means_of.resize(shape_.inputs);
  means(x, pixels, means_of.data());
  branch_.apply(with_, means_of.data(), &between, &a);
  if (layout_ == Layout::kPlanes) {
    with_.float_planes(shape_, ends_, a.data(), x, y, pixels);
  } else {
    with_.float_rows(shape_, *tile_, ends_, a.data(), x, y, pixels);
  }
}

void Activation::run(const int8_t* x, int8_t* y, int64_t pixels) const {
  auto& [means_of, between, a, sums, quantized] = t_scratch;
  means_of.resize(shape_.inputs);
  means(x, pixels, means_of.data());
  branch_.apply(with_, means_of.data(), &between, &a);
  quantized.resize(a.size());
  for (size_t i = 0; i < a.size(); ++i) quantized[i] = static_cast<int16_t>(rounded(a[i] * levels_per_unit_));
  if (layout_ == Layout::kPlanes) {
    with_.int8_planes(shape_, qparams_, quantized.data(), x, y, pixels);
  } else {
    with_.int8_rows(shape_, *tile_, qparams_, quantized.data(), x, y, pixels);
  }
}

}  // namespace micronet_edge
