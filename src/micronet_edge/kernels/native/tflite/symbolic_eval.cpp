#include "symbolic_eval.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace micronet_edge::tflite {
namespace {

constexpr int kDeepest = 64;
constexpr int64_t kMostNumbers = 1 << 20;

const SymbolicValue kNothing{};

SymbolicValue channels_of_root(int32_t root, std::vector<int32_t> channels) {
  return {SymbolicValue::Kind::kChannels, root, std::move(channels), {}, {}};
}
SymbolicValue of_coefficients(std::vector<Coefficient> coefficients) {
  return {SymbolicValue::Kind::kCoefficients, -1, {}, std::move(coefficients), {}};
}
SymbolicValue of_fusion(int32_t root, std::vector<Sum> sums) {
  return {SymbolicValue::Kind::kFusions, root, {}, {}, {std::move(sums)}};
}

template <class Options>
const Options& options_of(const Node& node) {
  return *static_cast<const Options*>(node.builtin_data);
}

bool is_plain(const Node& node) { return options_of<ActivationOption>(node).activation == kNoActivation; }

// The number of values per image.
int64_t count_of_one(const std::vector<int64_t>& shape) {
  return shape.empty() || shape[0] < 1 ? 0 : count_of(shape) / shape[0];
}

bool is_batch_apart(const std::vector<int64_t>& before, const std::vector<int64_t>& after) {
  return !before.empty() && !after.empty() && before[0] == after[0];
}

// Whether a constant is the same for every image; one without axes is read by no cluster.
bool is_for_all_images(const std::vector<int64_t>& shape) { return !shape.empty() && shape[0] == 1; }

void narrow(Coefficient& c, double low, double high) {
  c.low = std::min(std::max(c.low, low - c.offset), high - c.offset);
  c.high = std::max(std::min(c.high, high - c.offset), low - c.offset);
}

bool moves_only(int32_t kind) {
  return kind == kSlice || kind == kGather || kind == kConcatenation || kind == kReshape;
}

bool has_options(int32_t kind) {
  return kind == kConv2d || kind == kGather || kind == kConcatenation || kind == kMul || kind == kAdd ||
         kind == kBatchMatmul;
}

bool have_same_qparams(const Tensor& one, const Tensor& other) {
  if (one.type != other.type || (one.type != kFloat32 && one.type != kInt8)) return false;
  return one.type == kFloat32 || (one.scale == other.scale && one.zero_point == other.zero_point);
}

// The range of an int8 tensor clips coefficients.
SymbolicValue clipped_to_range(const Graph& graph, int32_t tensor, SymbolicValue meaning) {
  for (Coefficient& c : meaning.coefficients) {
    if (!c.is_nothing()) narrow(c, graph.lowest(tensor), graph.highest(tensor));
  }
  return meaning;
}

// The index in `of` that a broadcast reads for each value of `whole`, without the batch.
std::vector<int64_t> broadcast(const std::vector<int64_t>& of, const std::vector<int64_t>& whole) {
  std::vector<int64_t> places(static_cast<size_t>(count_of_one(whole)), 0);
  if (of.size() > whole.size()) return {};
  const size_t missing = whole.size() - of.size();
  for (size_t i = 0; i < places.size(); ++i) {
    int64_t rest = static_cast<int64_t>(i), step = 1, place = 0;
    for (size_t axis = whole.size(); axis-- > 1;) {
      const int64_t at = rest % whole[axis];
      rest /= whole[axis];
      if (axis < missing) continue;
      const int64_t side = of[axis - missing];
      if (side != 1 && side != whole[axis]) return {};
      place += side == 1 ? 0 : at * step;
      step *= side;
    }
    places[i] = place;
  }
  return places;
}

}  // namespace

const SymbolicValue& SymbolicEvaluator::of(int32_t tensor, int depth) {
  const auto known = known_.find(tensor);
  if (known != known_.end()) return known->second;
  return depth < kDeepest ? known_[tensor] = found(tensor, depth + 1) : kNothing;
}

SymbolicValue SymbolicEvaluator::found(int32_t tensor, int depth) {
  const int32_t index = graph_.producer(tensor);
  if (index < 0 || count_of_one(graph_.shape(tensor)) < 1) return kNothing;
  const Node& node = graph_.node(index);
  if (node.outputs->size != 1 || node.inputs->size < 1) return kNothing;
  if (has_options(graph_.kind(index)) && node.builtin_data == nullptr) return kNothing;
  const bool moves = moves_only(graph_.kind(index));
  if (moves && !have_same_qparams(graph_.tensor(node.inputs->data[0]), graph_.tensor(tensor))) return kNothing;
  const auto read = [&]() -> SymbolicValue {
    switch (graph_.kind(index)) {
      case kConv2d:
        return as_it_stands(node);
      case kSlice:
        return sliced(node, depth);
      case kGather:
        return gathered(node, depth);
      case kConcatenation:
        return concatenated(node, depth);
      case kReshape:
        return reshaped(node, depth);
      case kMul:
        return multiplied(node, depth);
      case kBatchMatmul:
        return mixed(node, depth);
      case kAdd:
        return added(node, depth);
      case kReluOperator:
        return activated(node, depth, kRelu);
      case kRelu6Operator:
        return activated(node, depth, kRelu6);
      case kMaximum:
        return compared(node, depth, true);
      case kMinimum:
        return compared(node, depth, false);
      default:
        return kNothing;
    }
  };
  return clipped_to_range(graph_, tensor, read());
}

// The outputs of a convolution on one pixel: raw coefficients.
SymbolicValue SymbolicEvaluator::as_it_stands(const Node& node) const {
  const int32_t tensor = node.outputs->data[0];
  double low, high;
  if (!ends_of(options_of<ConvOptions>(node).activation, &low, &high)) return kNothing;
  const auto shape = graph_.shape(tensor);
  const int64_t count = count_of_one(shape);
  if (shape.size() != 4 || shape[1] != 1 || shape[2] != 1 || count > kMostNumbers) return kNothing;
  std::vector<Coefficient> all;
  for (int64_t i = 0; i < count; ++i) all.push_back({tensor, static_cast<int32_t>(i), 1, low, high, 0, 0});
  return of_coefficients(std::move(all));
}

SymbolicValue SymbolicEvaluator::channels_of(int32_t tensor, int depth) {
  const SymbolicValue& meaning = of(tensor, depth);
  if (meaning.kind == SymbolicValue::Kind::kChannels) return meaning;
  const auto shape = graph_.shape(tensor);
  if (shape.size() < 2 || shape.back() < 1 || shape.back() > kMostNumbers) return kNothing;
  std::vector<int32_t> channels(shape.back());
  std::iota(channels.begin(), channels.end(), 0);
  return channels_of_root(tensor, std::move(channels));
}

SymbolicValue SymbolicEvaluator::sliced(const Node& node, int depth) {
  if (node.inputs->size != 3) return kNothing;
  const int32_t from = node.inputs->data[0];
  const auto whole = graph_.shape(from), part = graph_.shape(node.outputs->data[0]);
  const auto begin = graph_.integers(node.inputs->data[1]);
  if (begin.size() != whole.size() || part.size() != whole.size() || whole.empty()) return kNothing;
  for (size_t axis = 0; axis + 1 < whole.size(); ++axis) {
    if (begin[axis] != 0 || part[axis] != whole[axis]) return kNothing;
  }
  const int64_t first = begin.back(), count = part.back();
  if (first < 0 || first + count > whole.back()) return kNothing;
  if (const SymbolicValue& meaning = of(from, depth); meaning.kind == SymbolicValue::Kind::kCoefficients) {
    if (count_of_one(whole) != whole.back()) return kNothing;
    const auto start = meaning.coefficients.begin() + first;
    return of_coefficients({start, start + count});
  }
  SymbolicValue channels = channels_of(from, depth);
  if (channels.kind != SymbolicValue::Kind::kChannels) return kNothing;
  const auto start = channels.channels.begin() + first;
  channels.channels = std::vector<int32_t>(start, start + count);
  return channels;
}

SymbolicValue SymbolicEvaluator::gathered(const Node& node, int depth) {
  const auto& options = options_of<GatherOptions>(node);
  const int32_t from = node.inputs->data[0];
  const int64_t rank = static_cast<int64_t>(graph_.shape(from).size());
  if (node.inputs->size != 2 || options.batch_dims != 0) return kNothing;
  if (options.axis != rank - 1 && options.axis != -1) return kNothing;
  SymbolicValue channels = channels_of(from, depth);
  const auto places = graph_.integers(node.inputs->data[1]);
  if (places.empty() || graph_.shape(node.inputs->data[1]).size() != 1) return kNothing;
  std::vector<int32_t> taken;
  for (const int32_t place : places) {
    if (place < 0 || static_cast<size_t>(place) >= channels.channels.size()) return kNothing;
    taken.push_back(channels.channels[place]);
  }
  channels.channels = taken;
  return channels;
}

SymbolicValue SymbolicEvaluator::concatenated(const Node& node, int depth) {
  const auto& options = options_of<ConcatenationOptions>(node);
  const int32_t rank = static_cast<int32_t>(graph_.shape(node.outputs->data[0]).size());
  if (options.activation != kNoActivation || (options.axis != rank - 1 && options.axis != -1)) return kNothing;
  SymbolicValue joined = channels_of_root(-1, {});
  for (int32_t i = 0; i < node.inputs->size; ++i) {
    const SymbolicValue part = channels_of(node.inputs->data[i], depth);
    if (part.kind != SymbolicValue::Kind::kChannels || (i > 0 && part.root != joined.root)) return kNothing;
    joined.root = part.root;
    joined.channels.insert(joined.channels.end(), part.channels.begin(), part.channels.end());
  }
  return joined;
}

SymbolicValue SymbolicEvaluator::reshaped(const Node& node, int depth) {
  const int32_t from = node.inputs->data[0];
  const auto before = graph_.shape(from), after = graph_.shape(node.outputs->data[0]);
  if (!is_batch_apart(before, after) || count_of(before) != count_of(after)) return kNothing;
  const SymbolicValue& meaning = of(from, depth);
  if (meaning.kind == SymbolicValue::Kind::kCoefficients) return meaning;
  if (before.back() != after.back()) return kNothing;
  return meaning.kind == SymbolicValue::Kind::kFusions ? meaning : channels_of(from, depth);
}

SymbolicValue SymbolicEvaluator::multiplied(const Node& node, int depth) {
  if (node.inputs->size != 2 || !is_plain(node)) return kNothing;
  for (int32_t side = 0; side < 2; ++side) {
    const int32_t x = node.inputs->data[side], y = node.inputs->data[1 - side];
    const SymbolicValue& row = of(y, depth);
    if (row.kind != SymbolicValue::Kind::kCoefficients) continue;
    if (graph_.is_constant(x)) return scaled(node, row, graph_.numbers(x), x);
    const SymbolicValue channels = channels_of(x, depth);
    if (channels.kind != SymbolicValue::Kind::kChannels) return kNothing;
    const size_t count = channels.channels.size();
    if (row.coefficients.size() != count || graph_.shape(y).back() != static_cast<int64_t>(count)) return kNothing;
    std::vector<Sum> products(count);
    for (size_t c = 0; c < count; ++c) products[c] = {{row.coefficients[c], channels.channels[c]}};
    return of_fusion(channels.root, std::move(products));
  }
  return kNothing;
}

// Coefficients times constants: a scale, or a mask that places them in a matrix.
SymbolicValue SymbolicEvaluator::scaled(const Node& node, const SymbolicValue& row, const std::vector<double>& by, int32_t constant) {
  const auto whole = graph_.shape(node.outputs->data[0]);
  const int32_t other = node.inputs->data[node.inputs->data[0] == constant ? 1 : 0];
  if (by.empty() || count_of_one(whole) > kMostNumbers || !is_for_all_images(graph_.shape(constant))) return kNothing;
  const auto rows = broadcast(graph_.shape(other), whole), factors = broadcast(graph_.shape(constant), whole);
  if (rows.empty() || factors.size() != rows.size()) return kNothing;
  std::vector<Coefficient> result(rows.size());
  for (size_t i = 0; i < rows.size(); ++i) {
    Coefficient c = row.coefficients[rows[i]];
    const double factor = by[factors[i]];
    if (factor < 0) return kNothing;  // would reverse the clip
    if (factor == 0 || c.is_nothing()) continue;
    c.factor *= factor, c.low *= factor, c.high *= factor, c.offset *= factor;
    result[i] = c;
  }
  return of_coefficients(std::move(result));
}

// Rows of pixels times a matrix per image, [1, outputs, channels].
SymbolicValue SymbolicEvaluator::mixed(const Node& node, int depth) {
  const auto& options = options_of<BatchMatmulOptions>(node);
  if (node.inputs->size != 2 || options.adjoint_x || !options.adjoint_y) return kNothing;
  const SymbolicValue channels = channels_of(node.inputs->data[0], depth);
  const SymbolicValue& matrix = of(node.inputs->data[1], depth);
  if (channels.kind != SymbolicValue::Kind::kChannels || matrix.kind != SymbolicValue::Kind::kCoefficients) return kNothing;
  const size_t width = channels.channels.size(), outputs = matrix.coefficients.size() / width;
  const auto shape = graph_.shape(node.inputs->data[1]);
  if (outputs * width != matrix.coefficients.size() || shape.back() != static_cast<int64_t>(width)) return kNothing;
  if (graph_.shape(node.outputs->data[0]).back() != static_cast<int64_t>(outputs)) return kNothing;
  std::vector<Sum> sums(outputs);
  for (size_t o = 0; o < outputs; ++o) {
    Sum& sum = sums[o];
    for (size_t c = 0; c < width; ++c) {
      const Coefficient& place = matrix.coefficients[o * width + c];
      if (!place.is_nothing()) sum.push_back({place, channels.channels[c]});
    }
    std::stable_sort(sum.begin(), sum.end(), [](const Term& one, const Term& other) {
      return one.coefficient.order < other.coefficient.order;
    });
  }
  return of_fusion(channels.root, std::move(sums));
}

SymbolicValue SymbolicEvaluator::added(const Node& node, int depth) {
  if (node.inputs->size != 2) return kNothing;
  const int32_t x = node.inputs->data[0], y = node.inputs->data[1];
  const SymbolicValue &one = of(x, depth), &other = of(y, depth);
  if (!is_plain(node) && one.kind != SymbolicValue::Kind::kFusions) return kNothing;
  if (one.kind == SymbolicValue::Kind::kCoefficients && graph_.is_constant(y)) {
    SymbolicValue moved = one;
    const auto by = graph_.numbers(y);
    const auto places = broadcast(graph_.shape(y), graph_.shape(x));
    if (by.empty() || places.size() != moved.coefficients.size() || !is_for_all_images(graph_.shape(y))) return kNothing;
    for (size_t i = 0; i < places.size(); ++i) {
      if (moved.coefficients[i].is_nothing()) return kNothing;
      moved.coefficients[i].offset += by[places[i]];
    }
    return moved;
  }
  if (one.kind != other.kind) return kNothing;
  if (one.kind == SymbolicValue::Kind::kCoefficients) {  // disjoint parts of a matrix
    if (graph_.shape(x) != graph_.shape(y)) return kNothing;
    SymbolicValue joined = one;
    int32_t next = 0;
    for (const Coefficient& c : one.coefficients) next = std::max(next, c.order + 1);
    for (size_t i = 0; i < joined.coefficients.size(); ++i) {
      if (other.coefficients[i].is_nothing()) continue;
      if (!joined.coefficients[i].is_nothing()) return kNothing;
      joined.coefficients[i] = other.coefficients[i];
      joined.coefficients[i].order += next;
    }
    return joined;
  }
  const bool sums = one.kind == SymbolicValue::Kind::kFusions && one.root == other.root;
  if (!sums || one.fusions.size() != 1 || other.fusions.size() != 1) return kNothing;
  if (one.is_cut_off() || other.is_cut_off()) return kNothing;
  if (one.fusions[0].size() != other.fusions[0].size()) return kNothing;
  SymbolicValue total = one;
  for (size_t o = 0; o < total.fusions[0].size(); ++o) {
    const Sum& more = other.fusions[0][o];
    total.fusions[0][o].insert(total.fusions[0][o].end(), more.begin(), more.end());
  }
  const bool clips = ends_of(options_of<ActivationOption>(node).activation, &total.low, &total.high);
  return clips ? total : kNothing;
}

SymbolicValue SymbolicEvaluator::activated(const Node& node, int depth, FusedActivation activation) {
  SymbolicValue meaning = of(node.inputs->data[0], depth);
  if (meaning.kind != SymbolicValue::Kind::kFusions || meaning.is_cut_off()) return kNothing;
  ends_of(activation, &meaning.low, &meaning.high);
  return meaning;
}

SymbolicValue SymbolicEvaluator::compared(const Node& node, int depth, bool larger) {
  if (node.inputs->size != 2) return kNothing;
  const int32_t x = node.inputs->data[0], y = node.inputs->data[1];
  const SymbolicValue &one = of(x, depth), &other = of(y, depth);
  if (one.kind == SymbolicValue::Kind::kCoefficients && graph_.is_constant(y)) {
    const auto bound = graph_.numbers(y);
    if (bound.size() != 1) return kNothing;
    SymbolicValue cut = one;
    for (Coefficient& c : cut.coefficients) {
      if (c.is_nothing()) return kNothing;
      narrow(c, larger ? bound[0] : -kInfinity, larger ? kInfinity : bound[0]);
    }
    return cut;
  }
  const bool fusions = one.kind == SymbolicValue::Kind::kFusions && other.kind == SymbolicValue::Kind::kFusions;
  if (!larger || !fusions || one.root != other.root) return kNothing;
  if (one.is_cut_off() || other.is_cut_off()) return kNothing;
  if (one.fusions[0].size() != other.fusions[0].size()) return kNothing;
  SymbolicValue largest = one;
  largest.fusions.insert(largest.fusions.end(), other.fusions.begin(), other.fusions.end());
  return largest;
}

bool ends_of(int32_t activation, double* low, double* high) {
  *low = activation == kNoActivation ? -kInfinity : 0;
  *high = activation == kRelu6 ? 6 : kInfinity;
  return activation == kNoActivation || activation == kRelu || activation == kRelu6;
}

}  // namespace micronet_edge::tflite
