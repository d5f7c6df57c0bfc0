// The branch that computes the coefficients of Dynamic Shift-Max: means over all pixels, two matrices, a clip.
//
//   squeezed = clip(squeeze * clip(mean(x)) + bias), a = clip(excite * squeezed + bias) + offset
#pragma once

#include <cstdint>
#include <vector>

#include "instructions.h"

namespace micronet_edge {

// A matrix in float32, or in int8 with one scale per output, and what follows the products: a bias, a clip, an
// offset.
class Matrix {
 public:
  Matrix() = default;
  Matrix(int64_t inputs, int64_t outputs, bool in_integers);

  int64_t inputs() const { return inputs_; }
  int64_t outputs() const { return outputs_; }
  void set(int64_t output, int64_t input, float weight) { floats_[input * stride_ + output] = weight; }
  void set(int64_t output, int64_t input, int8_t weight) {
    integers_[(output / kBlock * inputs_ + input) * kBlock + output % kBlock] = weight;
  }
  void set_scale(int64_t output, float scale) { scales_[output] = scale; }
  void set_bias(int64_t output, float bias) { bias_[output] = bias; }
  void set_clip(int64_t output, float low, float high) { low_[output] = low, high_[output] = high; }
  void set_offset(int64_t output, float offset) { offset_[output] = offset; }

  // The largest possible output.
  float largest() const;
  // y = clip(weight * x + bias) + offset for x [inputs], with the outputs padded to whole vectors, or to whole blocks
  // of integers.
  void apply(const Instructions& with, const float* x, std::vector<float>* y) const;

 private:
  int64_t inputs_ = 0, outputs_ = 0, stride_ = 0;
  std::vector<float> floats_;     // [inputs, stride]
  std::vector<int8_t> integers_;  // if there are no floats, [stride / kBlock, inputs, kBlock]
  std::vector<float> scales_, bias_, low_, high_, offset_;
};

struct Branch {
  std::vector<int32_t> channels;  // of x, whose means are the input
  float mean_low, mean_high;
  Matrix squeeze, excite;

  bool is_sound(const Shape& shape) const;
  // Computes the coefficients, padded to whole vectors, from the means of all channels of x; `between` is scratch.
  void apply(const Instructions& with, const float* means, std::vector<float> (*between)[2],
             std::vector<float>* a) const;
};

}  // namespace micronet_edge
