#include "graph.h"

#include <limits>
#include <unordered_set>

namespace micronet_edge::tflite {

Graph::Graph(Context* context, const IntArray* nodes) : context_(context) {
  IntArray* plan = nullptr;
  if (nodes == nullptr) {
    if (context->get_execution_plan(context, &plan) != kOk || plan == nullptr) return;
    nodes = plan;
  }
  order_.assign(nodes->data, nodes->data + nodes->size);  // the next query may overwrite the plan
  for (const int32_t index : order_) {
    Node* node = nullptr;
    Registration* registration = nullptr;
    if (context->get_node_and_registration(context, index, &node, &registration) != kOk) return;
    entries_[index] = {node, registration->builtin_code};
    for (int32_t i = 0; i < node->outputs->size; ++i) producers_[node->outputs->data[i]] = index;
    for (int32_t i = 0; i < node->inputs->size; ++i) readers_[node->inputs->data[i]].push_back(index);
  }
  sound_ = true;
}

bool Graph::is_in_order() const {
  std::unordered_set<int32_t> made;
  for (const int32_t index : order_) {
    const IntArray *inputs = node(index).inputs, *outputs = node(index).outputs;
    for (int32_t i = 0; i < inputs->size; ++i) {
      if (producers_.count(inputs->data[i]) != 0 && made.count(inputs->data[i]) == 0) return false;
    }
    for (int32_t i = 0; i < outputs->size; ++i) {
      if (!made.insert(outputs->data[i]).second) return false;
    }
  }
  return true;
}

int32_t Graph::producer(int32_t tensor) const {
  const auto found = producers_.find(tensor);
  return found == producers_.end() ? -1 : found->second;
}

const std::vector<int32_t>& Graph::readers(int32_t tensor) const {
  static const std::vector<int32_t> kNone;
  const auto found = readers_.find(tensor);
  return found == readers_.end() ? kNone : found->second;
}

bool Graph::is_constant(int32_t index) const {
  if (index < 0 || static_cast<size_t>(index) >= context_->tensors_size) return false;
  return tensor(index).allocation_type == kReadOnly && tensor(index).data != nullptr;
}

std::vector<int64_t> Graph::shape(int32_t index) const {
  if (index < 0 || static_cast<size_t>(index) >= context_->tensors_size) return {};
  const IntArray* dims = tensor(index).dims;
  return dims == nullptr ? std::vector<int64_t>{} : std::vector<int64_t>(dims->data, dims->data + dims->size);
}

std::vector<double> Graph::numbers(int32_t index) const {
  if (!is_constant(index)) return {};
  const Tensor& constant = tensor(index);
  const size_t count = static_cast<size_t>(count_of(shape(index)));
  std::vector<double> numbers(count);
  if (constant.type == kFloat32 && constant.bytes == count * sizeof(float)) {
    const auto* from = static_cast<const float*>(constant.data);
    for (size_t i = 0; i < count; ++i) numbers[i] = from[i];
    return numbers;
  }
  if (constant.type == kInt8 && constant.bytes == count && constant.scale > 0) {
    const auto* from = static_cast<const int8_t*>(constant.data);
    for (size_t i = 0; i < count; ++i) numbers[i] = double{constant.scale} * (from[i] - constant.zero_point);
    return numbers;
  }
  return {};
}

std::vector<int32_t> Graph::integers(int32_t index) const {
  if (!is_constant(index) || tensor(index).type != kInt32) return {};
  const auto* from = static_cast<const int32_t*>(tensor(index).data);
  return {from, from + tensor(index).bytes / sizeof(int32_t)};
}

double Graph::end(int32_t index, int32_t integer) const {
  const Tensor& of = tensor(index);
  const double infinity = std::numeric_limits<double>::infinity();
  return of.type == kInt8 ? double{of.scale} * (integer - of.zero_point) : integer < 0 ? -infinity : infinity;
}

int64_t count_of(const std::vector<int64_t>& shape) {
  int64_t count = 1;
  for (const int64_t side : shape) count *= side;
  return count;
}

}  // namespace micronet_edge::tflite
