// The attributes and weights of an ONNX Runtime node, and the activation made from them.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "activation.h"

namespace micronet_edge::ort {

enum Input : size_t { kX, kSqueeze, kSqueezeBias, kExcite, kExciteBias, kOffset, kInputs };

struct Tensor {
  const void* data;
  int32_t type;
  std::vector<int64_t> shape;

  int64_t count() const {
    int64_t product = 1;
    for (const int64_t side : shape) product *= side;
    return product;
  }
  const float* floats() const { return static_cast<const float*>(data); }
};

using Weights = std::array<Tensor, kInputs>;  // all inputs except x

struct Attributes {
  int64_t shifts, fusions, by_channel;
  float span, scale;
  std::vector<int32_t> sources, means;
};

// Throws std::invalid_argument with the message unless the condition holds.
void expect(bool holds, const char* what);

// The activation for tensors of that many channels. Throws std::invalid_argument if attributes and weights are
// inconsistent.
std::unique_ptr<const Activation> activation_of(const Attributes& attributes, int64_t width, const Weights& weights);

}  // namespace micronet_edge::ort
