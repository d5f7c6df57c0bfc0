// A delegate that takes nothing over and writes what it sees through our own declarations, one fact a line, into the
// file that the environment names.
#include <cstdio>
#include <cstdlib>

#include "tflite_abi.h"

using namespace micronet_edge::tflite;

namespace {

std::FILE* out;

void write_array(const char* what, const IntArray* array) {
  std::fprintf(out, " %s", what);
  for (int32_t i = 0; array != nullptr && i < array->size; ++i) std::fprintf(out, ",%d", array->data[i]);
}

void write_tensor(size_t index, const Tensor& tensor) {
  std::fprintf(out, "tensor %zu %s type=%d bytes=%zu constant=%d scale=%.9g zero=%d", index,
               tensor.name == nullptr ? "?" : tensor.name, tensor.type, tensor.bytes,
               tensor.allocation_type == kReadOnly && tensor.data != nullptr, tensor.scale, tensor.zero_point);
  write_array("dims=", tensor.dims);
  if (tensor.quantization_type == kAffine) {
    const auto* affine = static_cast<const AffineQuantization*>(tensor.quantization);
    std::fprintf(out, " channels=%d last=%.9g dimension=%d", affine->scale->size,
                 affine->scale->data[affine->scale->size - 1], affine->dimension);
  }
  std::fprintf(out, "\n");
}

void write_options(int32_t kind, const void* options) {
  switch (kind) {
    case kConv2d: {
      const auto& conv = *static_cast<const ConvOptions*>(options);
      std::fprintf(out, " options=%d,%d,%d,%d,%d,%d", conv.padding, conv.stride_width, conv.stride_height,
                   conv.activation, conv.dilation_width, conv.dilation_height);
      break;
    }
    case kConcatenation:
      std::fprintf(out, " options=%d,%d", static_cast<const ConcatenationOptions*>(options)->axis,
                   static_cast<const ConcatenationOptions*>(options)->activation);
      break;
    case kGather:
      std::fprintf(out, " options=%d,%d", static_cast<const GatherOptions*>(options)->axis,
                   static_cast<const GatherOptions*>(options)->batch_dims);
      break;
    case kBatchMatmul:
      std::fprintf(out, " options=%d,%d", static_cast<const BatchMatmulOptions*>(options)->adjoint_x,
                   static_cast<const BatchMatmulOptions*>(options)->adjoint_y);
      break;
    case kMean:
      std::fprintf(out, " options=%d", static_cast<const MeanOptions*>(options)->keep_dims);
      break;
    case kAdd:
    case kMul:
      std::fprintf(out, " options=%d", static_cast<const ActivationOption*>(options)->activation);
      break;
    default:
      break;
  }
}

int32_t prepare(Context* context, Delegate*) {
  IntArray* plan = nullptr;
  if (context->get_execution_plan(context, &plan) != kOk) return kError;
  for (int32_t i = 0; i < plan->size; ++i) {
    Node* node = nullptr;
    Registration* registration = nullptr;
    if (context->get_node_and_registration(context, plan->data[i], &node, &registration) != kOk) return kError;
    std::fprintf(out, "node %d kind=%d", plan->data[i], registration->builtin_code);
    write_array("inputs=", node->inputs);
    write_array("outputs=", node->outputs);
    write_options(registration->builtin_code, node->builtin_data);
    std::fprintf(out, "\n");
  }
  for (size_t i = 0; i < context->tensors_size; ++i) write_tensor(i, context->tensors[i]);
  DelegateParams* parts = nullptr;
  int32_t count = 0;
  if (context->preview_delegate_partitioning(context, plan, &parts, &count) != kOk) return kError;
  std::fprintf(out, "parts %d", count);
  write_array("nodes=", parts[0].nodes_to_replace);
  write_array("outputs=", parts[0].output_tensors);
  std::fprintf(out, "\n");
  std::fclose(out);
  return kOk;
}

}  // namespace

extern "C" Delegate* tflite_plugin_create_delegate(const char* const*, const char* const*, size_t,
                                                   void (*)(const char*)) {
  out = std::fopen(std::getenv("PROBED"), "w");
  auto* delegate = new Delegate{};
  delegate->prepare = prepare;
  return delegate;
}

extern "C" void tflite_plugin_destroy_delegate(Delegate* delegate) { delete delegate; }
