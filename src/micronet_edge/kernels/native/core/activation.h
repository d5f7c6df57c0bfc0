// One Dynamic Shift-Max of a network, ready to run on many images, on several threads at once.
#pragma once

#include <memory>
#include <optional>

#include "branch.h"
#include "instructions.h"

namespace micronet_edge {

enum class Layout { kPlanes, kRows };

// The quantization parameters of the int8 tensors around an activation.
struct Int8Tensors {
  float x_scale, y_scale;
  int32_t x_zero, y_zero, lowest, highest;
};

class Activation {
 public:
  // Null if the shape, the branch or the tensors are invalid.
  static std::unique_ptr<Activation> of_floats(Shape shape, Layout layout, Branch branch, const Ends& ends);
  static std::unique_ptr<Activation> of_int8(Shape shape, Layout layout, Branch branch, const Int8Tensors& tensors);

  const Shape& shape() const { return shape_; }
  // One image: x [inputs, pixels] or [pixels, inputs], y likewise with outputs.
  void run(const float* x, float* y, int64_t pixels) const;
  void run(const int8_t* x, int8_t* y, int64_t pixels) const;

 private:
  Activation(Shape shape, Layout layout, Branch branch);
  void means(const float* x, int64_t pixels, float* to) const;
  void means(const int8_t* x, int64_t pixels, float* to) const;

  Shape shape_;
  Layout layout_;
  Branch branch_;
  const Instructions& with_;
  std::optional<Tile> tile_;
  Ends ends_{};
  Int8Tensors tensors_{};
  QParams qparams_{};
  float levels_per_unit_ = 0;  // of int16 coefficients
};

}  // namespace micronet_edge
