// For TFLite: an external delegate that replaces the activations of a plain file.
#include <algorithm>
#include <cstdlib>
#include <exception>
#include <memory>
#include <new>
#include <set>
#include <vector>

#include "shift_max_matcher.h"
#include "export.h"

namespace micronet_edge::tflite {
namespace {

using Clusters = std::vector<Cluster>;

struct Free {
  void operator()(void* memory) const { std::free(memory); }
};
using OwnedArray = std::unique_ptr<IntArray, Free>;

// Resizing a tensor passes ownership of the array to the runtime.
OwnedArray array_of(const int32_t* values, size_t count) {
  auto* array = static_cast<IntArray*>(std::malloc(sizeof(int32_t) * (count + 1)));
  if (array == nullptr) throw std::bad_alloc();
  array->size = static_cast<int32_t>(count);
  std::copy_n(values, count, array->data);
  return OwnedArray(array);
}

// Catches all exceptions, since the host may be built without them.
template <class Result, class Work>
Result guarded(Context* context, Result failed, const Work& work) {
  try {
    return work();
  } catch (const std::exception& error) {
    context->report_error(context, "micronet-edge kernels: %s", error.what());
    return failed;
  }
}

struct OurDelegate : Delegate {
  int32_t fused = 0, parts = 0;  // activations, and the parts of the graph they form
};

// --- The kernel: one or more adjacent activations

void* init(Context* context, const char* buffer, size_t) {
  return guarded<void*>(context, nullptr, [&]() -> void* {
    const auto& params = *reinterpret_cast<const DelegateParams*>(buffer);
    const Graph graph(context, params.nodes_to_replace);
    if (!graph.is_sound()) return nullptr;
    auto clusters = std::make_unique<Clusters>(find_clusters(graph));
    static_cast<OurDelegate*>(params.delegate)->parts += 1;
    return clusters.release();
  });
}

void free_kernel(Context*, void* clusters) { delete static_cast<Clusters*>(clusters); }

int32_t prepare_one(Context* context, const Cluster& cluster) {
  const Tensor& x = context->tensors[cluster.x];
  Tensor* y = &context->tensors[cluster.y];
  const Shape& shape = cluster.activation->shape();
  if (x.dims->size != 4 || x.dims->data[3] != shape.inputs) return kError;
  if (int64_t{x.dims->data[1]} * x.dims->data[2] > kMostPixels) return kError;
  const bool rows = y->dims->size == 4 && y->dims->data[1] == 1 && x.dims->data[1] != 1;
  auto sides = array_of(x.dims->data, 4);
  sides->data[3] = static_cast<int32_t>(shape.outputs);
  if (rows) sides->data[1] = 1, sides->data[2] = x.dims->data[1] * x.dims->data[2];
  return context->resize_tensor(context, y, sides.release());
}

int32_t prepare_kernel(Context* context, Node* node) {
  const auto* clusters = static_cast<const Clusters*>(node->user_data);
  if (clusters == nullptr) return kError;
  return guarded<int32_t>(context, kError, [&] {
    const auto works = [&](const Cluster& cluster) { return prepare_one(context, cluster) == kOk; };
    return std::all_of(clusters->begin(), clusters->end(), works) ? kOk : kError;
  });
}

template <class Number>
void run(const Cluster& cluster, const Tensor& x, const Tensor& y) {
  const Shape& shape = cluster.activation->shape();
  const int64_t pixels = int64_t{x.dims->data[1]} * x.dims->data[2];
  const auto* from = static_cast<const Number*>(x.data);
  auto* to = static_cast<Number*>(y.data);
  for (int32_t n = 0; n < x.dims->data[0]; ++n) {
    cluster.activation->run(from, to, pixels);
    from += pixels * shape.inputs, to += pixels * shape.outputs;
  }
}

int32_t invoke(Context* context, Node* node) {
  return guarded<int32_t>(context, kError, [&] {
    for (const Cluster& cluster : *static_cast<const Clusters*>(node->user_data)) {
      const Tensor &x = context->tensors[cluster.x], &y = context->tensors[cluster.y];
      if (x.data == nullptr || y.data == nullptr) return kError;
      x.type == kInt8 ? run<int8_t>(cluster, x, y) : run<float>(cluster, x, y);
    }
    return kOk;
  });
}

// --- The delegate

OwnedArray nodes_of(const Clusters& clusters) {
  std::set<int32_t> nodes;
  for (const Cluster& cluster : clusters) nodes.insert(cluster.nodes.begin(), cluster.nodes.end());
  const std::vector<int32_t> sorted(nodes.begin(), nodes.end());
  return array_of(sorted.data(), sorted.size());
}

// The results of a part of the graph that consists of whole clusters, each with only its result read outside. A
// tensor that the runtime does not need, such as a result read only within the same part, has no memory.
std::set<int32_t> results_of(Context* context, const DelegateParams& part) {
  const Graph graph(context, part.nodes_to_replace);
  if (!graph.is_sound()) return {};
  size_t nodes = 0;
  std::set<int32_t> made;
  for (const Cluster& cluster : find_clusters(graph)) {
    nodes += cluster.nodes.size();
    made.insert(cluster.y);
  }
  const IntArray* outputs = part.output_tensors;
  const std::set<int32_t> wanted(outputs->data, outputs->data + outputs->size);
  const bool whole = static_cast<int32_t>(nodes) == part.nodes_to_replace->size &&
                     std::includes(made.begin(), made.end(), wanted.begin(), wanted.end());
  return whole ? wanted : std::set<int32_t>{};
}

// Without the clusters that the runtime would split.
bool keep_whole(Context* context, Clusters* clusters) {
  const auto nodes = nodes_of(*clusters);
  DelegateParams* parts = nullptr;
  int32_t count = 0;
  if (context->preview_delegate_partitioning(context, nodes.get(), &parts, &count) != kOk) return false;
  std::set<int32_t> results;
  for (int32_t i = 0; i < count; ++i) results.merge(results_of(context, parts[i]));
  const auto is_torn = [&](const Cluster& cluster) { return results.count(cluster.y) == 0; };
  clusters->erase(std::remove_if(clusters->begin(), clusters->end(), is_torn), clusters->end());
  return true;
}

int32_t prepare(Context* context, Delegate* delegate) {
  return guarded<int32_t>(context, kError, [&] {
    const Graph graph(context);
    auto* ours = static_cast<OurDelegate*>(delegate);
    ours->fused = ours->parts = 0;
    if (!graph.is_sound()) return static_cast<int32_t>(kError);
    if (!graph.is_in_order()) return static_cast<int32_t>(kOk);
    Clusters clusters = find_clusters(graph);
    if (!keep_whole(context, &clusters)) return static_cast<int32_t>(kError);
    if (clusters.empty()) return static_cast<int32_t>(kOk);
    ours->fused = static_cast<int32_t>(clusters.size());
    const Registration kernel = {init, free_kernel, prepare_kernel, invoke, nullptr, kDelegate, "DynamicShiftMax", 1,
                                 nullptr, nullptr, 0};
    return context->replace_node_subsets_with_delegate_kernels(context, kernel, nodes_of(clusters).get(), delegate);
  });
}

}  // namespace
}  // namespace micronet_edge::tflite

using micronet_edge::tflite::Delegate;
using micronet_edge::tflite::OurDelegate;

EXPORTED Delegate* tflite_plugin_create_delegate(const char* const*, const char* const*, size_t,
                                                 void (*)(const char*)) {
  auto* delegate = new (std::nothrow) OurDelegate{};
  if (delegate != nullptr) delegate->prepare = micronet_edge::tflite::prepare;
  return delegate;
}

EXPORTED void tflite_plugin_destroy_delegate(Delegate* delegate) { delete static_cast<OurDelegate*>(delegate); }

// The number of activations that the delegate replaces in its interpreter, and of the parts of the graph they form.
EXPORTED int32_t micronet_edge_fused_activations(const Delegate* delegate) {
  return delegate == nullptr ? 0 : static_cast<const OurDelegate*>(delegate)->fused;
}

EXPORTED int32_t micronet_edge_fused_parts(const Delegate* delegate) {
  return delegate == nullptr ? 0 : static_cast<const OurDelegate*>(delegate)->parts;
}
