#include "shift_max_matcher.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <set>

#include "symbolic_eval.h"

namespace micronet_edge::tflite {
namespace {

constexpr int32_t kNone = -1;

// --- The fusions

// The shifts of every output and fusion in one order; empty if two fusions read different channels.
std::optional<Shape> shape_of(const SymbolicValue& meaning, int64_t inputs) {
  const auto& first = meaning.fusions[0];
  const size_t shifts = first.empty() ? 0 : first[0].size(), outputs = first.size();
  Shape shape{static_cast<int32_t>(shifts), static_cast<int32_t>(meaning.fusions.size()), inputs,
              static_cast<int64_t>(outputs), std::vector<int32_t>(shifts * outputs)};
  for (size_t o = 0; o < outputs; ++o) {
    if (first[o].size() != shifts) return std::nullopt;
    for (size_t j = 0; j < shifts; ++j) shape.sources[j * outputs + o] = first[o][j].channel;
  }
  if (shifts * meaning.fusions.size() < 2 || !shape.is_sound()) return std::nullopt;
  return shape;
}

// [fusions, shifts, outputs], in the order of the shape's sources; empty if one has no counterpart.
std::vector<Coefficient> coefficients_of(const SymbolicValue& meaning, const Shape& shape) {
  std::vector<Coefficient> all;
  for (const auto& sums : meaning.fusions) {
    if (static_cast<int64_t>(sums.size()) != shape.outputs) return {};
    for (int64_t place = 0; place < shape.shifts * shape.outputs; ++place) {
      Sum left = sums[place % shape.outputs];
      if (static_cast<int32_t>(left.size()) != shape.shifts) return {};
      // Repeated channels match in the order in which they were added.
      const int64_t before = place / shape.outputs, o = place % shape.outputs;
      int64_t skip = 0;
      for (int64_t j = 0; j < before; ++j) skip += shape.sources[j * shape.outputs + o] == shape.sources[place];
      const auto found = std::find_if(left.begin(), left.end(), [&](const Term& term) {
        return term.channel == shape.sources[place] && skip-- == 0;
      });
      if (found == left.end()) return {};
      all.push_back(found->coefficient);
    }
  }
  return all;
}

// --- The branch

struct Product {  // a convolution on one pixel
  int32_t input = kNone, output = kNone;
  const Tensor *weight = nullptr, *bias = nullptr;
  std::vector<double> scales;  // per output, for integers; empty for floats
  int64_t inputs = 0, outputs = 0;
  double low = 0, high = 0;
};

std::vector<double> scales_of(const Tensor& weight, int64_t outputs) {
  const auto* affine = static_cast<const AffineQuantization*>(weight.quantization);
  if (weight.quantization_type != kAffine || affine == nullptr || affine->scale == nullptr) return {};
  if (affine->scale->size != outputs && affine->scale->size != 1) return {};
  if (affine->scale->size == outputs && outputs > 1 && affine->dimension != 0) return {};
  for (int32_t i = 0; affine->zero_point != nullptr && i < affine->zero_point->size; ++i) {
    if (affine->zero_point->data[i] != 0) return {};
  }
  std::vector<double> scales(outputs);
  for (int64_t o = 0; o < outputs; ++o) scales[o] = affine->scale->data[affine->scale->size == 1 ? 0 : o];
  return scales;
}

bool is_one_pixel(const std::vector<int64_t>& shape) { return shape.size() == 4 && shape[1] == 1 && shape[2] == 1; }

std::optional<Product> product_at(const Graph& graph, int32_t tensor) {
  const int32_t index = graph.producer(tensor);
  if (index < 0 || graph.kind(index) != kConv2d) return std::nullopt;
  const Node& node = graph.node(index);
  const auto* options = static_cast<const ConvOptions*>(node.builtin_data);
  if (options == nullptr || node.inputs->size != 3 || node.outputs->size != 1) return std::nullopt;
  Product product;
  product.input = node.inputs->data[0], product.output = tensor;
  const int32_t weight = node.inputs->data[1], bias = node.inputs->data[2];
  const auto sides = graph.shape(weight);
  if (!graph.is_constant(weight) || !graph.is_constant(bias) || sides.size() != 4 || sides[1] != 1 || sides[2] != 1 ||
      !is_one_pixel(graph.shape(product.input)) || !is_one_pixel(graph.shape(tensor))) {
    return std::nullopt;
  }
  product.weight = &graph.tensor(weight), product.bias = &graph.tensor(bias);
  product.outputs = sides[0], product.inputs = sides[3];
  if (graph.shape(product.input)[3] != product.inputs || graph.shape(tensor)[3] != product.outputs) return std::nullopt;
  const size_t count = static_cast<size_t>(product.inputs * product.outputs);
  const Tensor& result = graph.tensor(tensor);
  if (result.type == kInt8) {
    product.scales = scales_of(*product.weight, product.outputs);
    const bool fits = product.weight->type == kInt8 && product.weight->bytes == count &&
                      product.bias->type == kInt32 && product.bias->bytes == product.outputs * sizeof(int32_t);
    if (product.scales.empty() || !fits || graph.tensor(product.input).type != kInt8) return std::nullopt;
  } else {
    const bool fits = product.weight->type == kFloat32 && product.weight->bytes == count * sizeof(float) &&
                      product.bias->type == kFloat32 && product.bias->bytes == product.outputs * sizeof(float);
    if (result.type != kFloat32 || !fits || graph.tensor(product.input).type != kFloat32) return std::nullopt;
  }
  if (!ends_of(options->activation, &product.low, &product.high)) return std::nullopt;
  product.low = std::max(product.low, graph.lowest(tensor));
  product.high = std::min(product.high, graph.highest(tensor));
  return product;
}

// Output o of the matrix is an output of a product times a factor.
void put(Matrix* matrix, int64_t o, const Graph& graph, const Product& product, int64_t from, double factor) {
  const bool integer = !product.scales.empty();
  for (int64_t i = 0; i < product.inputs; ++i) {
    const int64_t place = from * product.inputs + i;
    if (integer) {
      matrix->set(o, i, static_cast<const int8_t*>(product.weight->data)[place]);
    } else {
      matrix->set(o, i, static_cast<float>(static_cast<const float*>(product.weight->data)[place] * factor));
    }
  }
  if (integer) {
    const double scale = product.scales[from] * factor, step = scale * graph.tensor(product.input).scale;
    matrix->set_scale(o, static_cast<float>(scale));
    matrix->set_bias(o, static_cast<float>(static_cast<const int32_t*>(product.bias->data)[from] * step));
  } else {
    matrix->set_bias(o, static_cast<float>(static_cast<const float*>(product.bias->data)[from] * factor));
  }
}

bool is_mean_over_pixels(const Graph& graph, int32_t index) {
  if (index < 0 || graph.kind(index) != kMean) return false;
  const Node& node = graph.node(index);
  if (node.inputs->size != 2 || graph.shape(node.inputs->data[0]).size() != 4) return false;
  const auto axes = graph.integers(node.inputs->data[1]);
  const auto* options = static_cast<const MeanOptions*>(node.builtin_data);
  return options != nullptr && options->keep_dims && axes == std::vector<int32_t>{1, 2};
}

std::optional<Branch> branch_of(const Graph& graph, SymbolicEvaluator& evaluator, const std::vector<Coefficient>& all,
                                int32_t x, bool integer) {
  if (all.empty()) return std::nullopt;
  std::map<int32_t, Product> excites;
  for (const Coefficient& c : all) {
    if (c.is_nothing()) return std::nullopt;
    if (excites.count(c.root) != 0) continue;
    const auto product = product_at(graph, c.root);
    if (!product || product->input != excites.emplace(c.root, *product).first->second.input) return std::nullopt;
    if (product->input != excites.begin()->second.input) return std::nullopt;
  }
  const auto squeeze = product_at(graph, excites.begin()->second.input);
  if (!squeeze || !is_mean_over_pixels(graph, graph.producer(squeeze->input))) return std::nullopt;
  const SymbolicValue mean = evaluator.channels_of(graph.node(graph.producer(squeeze->input)).inputs->data[0]);
  if (mean.kind != SymbolicValue::Kind::kChannels || mean.root != x) return std::nullopt;
  if (static_cast<int64_t>(mean.channels.size()) != squeeze->inputs) return std::nullopt;

  Branch branch;
  branch.channels = mean.channels;
  branch.mean_low = static_cast<float>(graph.lowest(squeeze->input));
  branch.mean_high = static_cast<float>(graph.highest(squeeze->input));
  branch.squeeze = Matrix(squeeze->inputs, squeeze->outputs, integer);
  for (int64_t o = 0; o < squeeze->outputs; ++o) {
    put(&branch.squeeze, o, graph, *squeeze, o, 1);
    branch.squeeze.set_clip(o, static_cast<float>(squeeze->low), static_cast<float>(squeeze->high));
  }
  branch.excite = Matrix(squeeze->outputs, static_cast<int64_t>(all.size()), integer);
  for (size_t i = 0; i < all.size(); ++i) {
    const auto o = static_cast<int64_t>(i);
    put(&branch.excite, o, graph, excites.at(all[i].root), all[i].index, all[i].factor);
    branch.excite.set_clip(o, static_cast<float>(all[i].low), static_cast<float>(all[i].high));
    branch.excite.set_offset(o, static_cast<float>(all[i].offset));
  }
  return branch;
}

// --- The nodes

// All nodes from x to y, without those whose results have other consumers.
std::vector<int32_t> nodes_between(const Graph& graph, int32_t x, int32_t y) {
  std::set<int32_t> nodes;
  std::vector<int32_t> left{y};
  while (!left.empty()) {
    const int32_t tensor = left.back();
    left.pop_back();
    const int32_t index = tensor == x ? kNone : graph.producer(tensor);
    if (index < 0 || !nodes.insert(index).second) continue;
    const IntArray* inputs = graph.node(index).inputs;
    left.insert(left.end(), inputs->data, inputs->data + inputs->size);
  }
  const auto is_read_elsewhere = [&](int32_t index) {
    const int32_t result = graph.node(index).outputs->data[0];
    const auto& readers = graph.readers(result);
    const auto outside = [&](int32_t reader) { return nodes.count(reader) == 0; };
    return result != y && std::any_of(readers.begin(), readers.end(), outside);
  };
  for (bool changed = true; changed;) {
    changed = false;
    for (auto each = nodes.begin(); each != nodes.end();) {
      const bool read = is_read_elsewhere(*each);
      changed = changed || read;
      each = read ? nodes.erase(each) : std::next(each);
    }
  }
  return {nodes.begin(), nodes.end()};
}

// The tensor's integer for the value, clamped to the tensor's range.
int32_t level_of(const Tensor& tensor, double value) {
  const double level = value / tensor.scale + tensor.zero_point;
  return static_cast<int32_t>(std::nearbyint(std::min<double>(std::max<double>(level, INT8_MIN), INT8_MAX)));
}

std::optional<Cluster> cluster_at(const Graph& graph, SymbolicEvaluator& evaluator, int32_t y) {
  const SymbolicValue& meaning = evaluator.of(y);
  if (meaning.kind != SymbolicValue::Kind::kFusions) return std::nullopt;
  const int32_t x = meaning.root;
  const Tensor &from = graph.tensor(x), &to = graph.tensor(y);
  const bool integer = from.type == kInt8;
  if (from.type != to.type || (!integer && from.type != kFloat32)) return std::nullopt;
  if (graph.is_constant(x) || graph.shape(x).size() != 4) return std::nullopt;
  const auto shape = shape_of(meaning, graph.shape(x).back());
  if (!shape || graph.shape(y).back() != shape->outputs) return std::nullopt;
  auto branch = branch_of(graph, evaluator, coefficients_of(meaning, *shape), x, integer);
  if (!branch) return std::nullopt;
  const Ends ends{static_cast<float>(meaning.low), static_cast<float>(meaning.high)};
  const Int8Tensors tensors{from.scale,   to.scale, from.zero_point, to.zero_point, level_of(to, meaning.low),
                            level_of(to, meaning.high)};
  auto activation = integer ? Activation::of_int8(*shape, Layout::kRows, std::move(*branch), tensors)
                            : Activation::of_floats(*shape, Layout::kRows, std::move(*branch), ends);
  if (activation == nullptr) return std::nullopt;
  return Cluster{x, y, nodes_between(graph, x, y), std::move(activation)};
}

}  // namespace

std::vector<Cluster> find_clusters(const Graph& graph) {
  SymbolicEvaluator evaluator(graph);
  std::vector<Cluster> clusters;
  std::set<int32_t> taken;
  for (auto node = graph.nodes().rbegin(); node != graph.nodes().rend(); ++node) {
    if (taken.count(*node) != 0 || graph.node(*node).outputs->size != 1) continue;
    auto cluster = cluster_at(graph, evaluator, graph.node(*node).outputs->data[0]);
    if (!cluster) continue;
    taken.insert(cluster->nodes.begin(), cluster->nodes.end());
    clusters.push_back(std::move(*cluster));
  }
  std::reverse(clusters.begin(), clusters.end());
  return clusters;
}

}  // namespace micronet_edge::tflite
