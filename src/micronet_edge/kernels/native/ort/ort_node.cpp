#include "ort_node.h"

#include <algorithm>
#include <stdexcept>
#include <string>

namespace micronet_edge::ort {

void expect(bool holds, const char* what) {
  if (!holds) throw std::invalid_argument(std::string("DynamicShiftMax: ") + what);
}

namespace {

constexpr Ends kNoEnds{-Ends::kInfinity, Ends::kInfinity};

// The index of a coefficient by fusion, shift and output.
int64_t column_of(const Attributes& attributes, const Shape& shape, int64_t o) {
  const int64_t each = int64_t{shape.fusions} * shape.shifts;
  return attributes.by_channel != 0 ? o % shape.outputs * each + o / shape.outputs : o;
}

Shape shape_of(const Attributes& attributes, int64_t width) {
  const auto shifts = static_cast<int32_t>(attributes.shifts), fusions = static_cast<int32_t>(attributes.fusions);
  const auto outputs = static_cast<int64_t>(attributes.sources.size()) / shifts;
  const Shape shape{shifts, fusions, width, outputs, attributes.sources};
  expect(shape.is_sound() && are_below(attributes.means, width), "its sources are not channels of x");
  return shape;
}

void check_sizes(const Attributes& attributes, const Shape& shape, const Weights& weights) {
  const auto& squeeze = weights[kSqueeze].shape;
  const auto& excite = weights[kExcite].shape;
  const int64_t count = shape.coefficients();
  const auto width = static_cast<int64_t>(attributes.means.size());
  expect(squeeze.size() == 2 && squeeze[1] == width && squeeze[0] > 0, "squeeze has the wrong size");
  expect(excite.size() == 2 && excite[0] == squeeze[0] && excite[1] == count, "excite has the wrong size");
  expect(weights[kSqueezeBias].count() == squeeze[0], "the bias of squeeze has the wrong size");
  expect(weights[kExciteBias].count() == count, "the bias of excite has the wrong size");
  expect(weights[kOffset].count() == count, "the offset has the wrong size");
}

Branch branch_of(const Attributes& attributes, const Shape& shape, const Weights& weights) {
  const int64_t inputs = weights[kSqueeze].shape[1], hidden = weights[kSqueeze].shape[0], count = shape.coefficients();
  const float *squeeze = weights[kSqueeze].floats(), *excite = weights[kExcite].floats();
  Branch branch{attributes.means, kNoEnds.low, kNoEnds.high, {inputs, hidden, false}, {hidden, count, false}};
  for (int64_t h = 0; h < hidden; ++h) {
    for (int64_t i = 0; i < inputs; ++i) branch.squeeze.set(h, i, squeeze[h * inputs + i]);
    branch.squeeze.set_bias(h, weights[kSqueezeBias].floats()[h]);
    branch.squeeze.set_clip(h, 0, kNoEnds.high);
  }
  const float scale = attributes.scale, end = attributes.span * scale;
  for (int64_t o = 0; o < count; ++o) {
    const int64_t from = column_of(attributes, shape, o);
    for (int64_t h = 0; h < hidden; ++h) branch.excite.set(o, h, excite[h * count + from] * scale);
    branch.excite.set_bias(o, weights[kExciteBias].floats()[from] * scale);
    branch.excite.set_clip(o, std::min(end, 0.0f), std::max(end, 0.0f));
    branch.excite.set_offset(o, weights[kOffset].floats()[from] * scale);
  }
  return branch;
}

}  // namespace

std::unique_ptr<const Activation> activation_of(const Attributes& attributes, int64_t width, const Weights& weights) {
  const Shape shape = shape_of(attributes, width);
  check_sizes(attributes, shape, weights);
  auto made = Activation::of_floats(shape, Layout::kPlanes, branch_of(attributes, shape, weights), kNoEnds);
  expect(made != nullptr, "its attributes and weights are inconsistent");
  return made;
}

}  // namespace micronet_edge::ort
