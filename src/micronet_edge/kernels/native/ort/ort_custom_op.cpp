// For ONNX Runtime: the custom operators DynamicShiftMax0 to DynamicShiftMax63 of the domain micronet_edge.
//
// All are the same operator. A file defines each activation in plain operators, as a function with the node's name.
// ONNX Runtime 1.20 rejects two functions of one name, so every activation of a file has its own name.
//
//   y = DynamicShiftMax(x, squeeze, squeeze bias, excite, excite bias, offset)
//
// x [n, inputs, h, w], squeeze [hidden, means], excite [hidden, coefficients], offset [coefficients]. Attributes:
// `sources`, the channels of x for each of `shifts` shifts in turn, and `means`, the channels to squeeze, both as
// decimal numbers with commas. The coefficients [fusions, shifts, outputs], or with `by_channel` 1
// [outputs, fusions, shifts], are (clip(excite, 0, span) + offset) * scale.
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <vector>

#include "export.h"
#include "ort_abi.h"
#include "ort_node.h"

namespace micronet_edge::ort {
namespace {

constexpr const char* kDomain = "micronet_edge";
constexpr int kOperators = 64;  // maximum number of activations in a file

const void* const* g_api = nullptr;

template <class Result, class... Arguments>
Result call(Slot slot, Arguments... arguments) {
  return reinterpret_cast<Result (*)(Arguments...)>(const_cast<void*>(g_api[slot]))(arguments...);
}

Status* failed(ErrorCode code, const char* message) {
  return call<Status*>(kCreateStatus, static_cast<int32_t>(code), message);
}

// Carries a status of the runtime out through our functions.
class Failure : public std::exception {
 public:
  explicit Failure(Status* status) : status_(status) {}
  Status* status() const { return status_; }

 private:
  Status* status_;
};

void check(Status* status) {
  if (status != nullptr) throw Failure(status);
}

template <class Work>
Status* guarded(const Work& work) {
  try {
    work();
    return nullptr;
  } catch (const Failure& failure) {
    return failure.status();
  } catch (const std::invalid_argument& error) {
    return failed(kInvalidArgument, error.what());
  } catch (const std::exception& error) {
    return failed(kFail, error.what());
  }
}

Tensor input_of(KernelContext* context, size_t index) {
  const Value* value = nullptr;
  check(call<Status*>(kGetInput, static_cast<const KernelContext*>(context), index, &value));
  if (value == nullptr) throw std::invalid_argument("DynamicShiftMax lacks an input");
  TypeAndShape* info = nullptr;
  check(call<Status*>(kGetTypeAndShape, value, &info));
  const auto release = [](TypeAndShape* owned) { call<void>(kReleaseTypeAndShape, owned); };
  const std::unique_ptr<TypeAndShape, decltype(release)> owned(info, release);
  Tensor tensor{};
  size_t rank = 0;
  void* data = nullptr;
  check(call<Status*>(kGetElementType, static_cast<const TypeAndShape*>(info), &tensor.type));
  check(call<Status*>(kGetDimensionsCount, static_cast<const TypeAndShape*>(info), &rank));
  tensor.shape.resize(rank);
  check(call<Status*>(kGetDimensions, static_cast<const TypeAndShape*>(info), tensor.shape.data(), rank));
  check(call<Status*>(kGetData, const_cast<Value*>(value), &data));
  tensor.data = data;
  return tensor;
}

int64_t int_attribute(const KernelInfo* info, const char* name) {
  int64_t value = 0;
  check(call<Status*>(kGetIntAttribute, info, name, &value));
  return value;
}

float float_attribute(const KernelInfo* info, const char* name) {
  float value = 0;
  check(call<Status*>(kGetFloatAttribute, info, name, &value));
  return value;
}

std::vector<int32_t> channels_attribute(const KernelInfo* info, const char* name) {
  size_t size = 0;
  check(call<Status*>(kGetStringAttribute, info, name, static_cast<char*>(nullptr), &size));
  std::vector<char> text(size + 1, '\0');
  check(call<Status*>(kGetStringAttribute, info, name, text.data(), &size));
  std::vector<int32_t> channels;
  for (const char* rest = text.data(); *rest != '\0';) {
    char* end = nullptr;
    const long channel = std::strtol(rest, &end, 10);
    expect(end != rest && (*end == ',' || *end == '\0') && channel >= 0 && channel <= UINT16_MAX, "not a list of channels");
    channels.push_back(static_cast<int32_t>(channel));
    rest = *end == ',' ? end + 1 : end;
  }
  return channels;
}

// --- The kernel

class Kernel {
 public:
  Kernel(Attributes attributes, const KernelInfo* info) : attributes_(std::move(attributes)) {
    are_constant_ = true;
    for (size_t i = kX + 1; i < kInputs && are_constant_; ++i) {
      int32_t is_constant = 0;
      const Value* value = nullptr;
      check(call<Status*>(kGetConstantInput, info, i, &is_constant, &value));
      are_constant_ = is_constant != 0 && value != nullptr;
    }
  }

  void run(KernelContext* context) {
    const Tensor x = float_input(context, kX);
    expect(x.shape.size() == 4, "x does not have four dimensions");
    expect(x.shape[2] >= 0 && x.shape[3] >= 0 && x.shape[2] * x.shape[3] <= kMostPixels, "x is too large");
    if (!are_constant_) return run(*activation_of(attributes_, x.shape[1], weights_of(context)), x, context);
    const Activation& activation = kept(x.shape[1], context);
    expect(activation.shape().inputs == x.shape[1], "the number of channels of x has changed");
    run(activation, x, context);
  }

 private:
  // The activation, made by the first call, when the width of x is known.
  const Activation& kept(int64_t width, KernelContext* context) {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (activation_ == nullptr) activation_ = activation_of(attributes_, width, weights_of(context));
    return *activation_;
  }

  static Tensor float_input(KernelContext* context, size_t index) {
    Tensor tensor = input_of(context, index);
    expect(tensor.type == kFloat, "an input is not a float32 tensor");
    return tensor;
  }

  static Weights weights_of(KernelContext* context) {
    Weights weights{};
    for (size_t i = kX + 1; i < kInputs; ++i) weights[i] = float_input(context, i);
    return weights;
  }

  static void run(const Activation& activation, const Tensor& x, KernelContext* context) {
    const Shape& shape = activation.shape();
    const int64_t sides[] = {x.shape[0], shape.outputs, x.shape[2], x.shape[3]};
    Value* value = nullptr;
    void* result = nullptr;
    check(call<Status*>(kGetOutput, context, size_t{0}, static_cast<const int64_t*>(sides), size_t{4}, &value));
    check(call<Status*>(kGetData, value, &result));
    const int64_t pixels = x.shape[2] * x.shape[3];
    const float* from = x.floats();
    auto* to = static_cast<float*>(result);
    for (int64_t n = 0; n < x.shape[0] && pixels > 0; ++n) {
      activation.run(from, to, pixels);
      from += shape.inputs * pixels, to += shape.outputs * pixels;
    }
  }

  Attributes attributes_;
  bool are_constant_ = false;  // the weights
  std::mutex mutex_;
  std::unique_ptr<const Activation> activation_;
};

// --- The operator

Attributes attributes_of(const KernelInfo* info) {
  Attributes attributes{};
  attributes.shifts = int_attribute(info, "shifts");
  attributes.fusions = int_attribute(info, "fusions");
  attributes.by_channel = int_attribute(info, "by_channel");
  attributes.span = float_attribute(info, "span");
  attributes.scale = float_attribute(info, "scale");
  attributes.sources = channels_attribute(info, "sources");
  attributes.means = channels_attribute(info, "means");
  expect(attributes.shifts > 0 && attributes.shifts <= INT16_MAX, "no shifts");
  expect(attributes.fusions > 0 && attributes.fusions <= INT16_MAX, "no fusions");
  return attributes;
}

Status* create_kernel(const CustomOp*, const void*, const KernelInfo* info, void** kernel) {
  return guarded([&] { *kernel = new Kernel(attributes_of(info), info); });
}

Status* compute(void* kernel, KernelContext* context) {
  return guarded([&] { static_cast<Kernel*>(kernel)->run(context); });
}

void destroy(void* kernel) { delete static_cast<Kernel*>(kernel); }

// Older runtimes would call this; those with the version that we request do not.
void* create_kernel_without_status(const CustomOp* op, const void* api, const KernelInfo* info) {
  void* kernel = nullptr;
  Status* status = create_kernel(op, api, info, &kernel);
  if (status != nullptr) call<void>(kReleaseStatus, status);
  return kernel;
}

void compute_without_status(void* kernel, KernelContext* context) {
  Status* status = compute(kernel, context);
  if (status != nullptr) call<void>(kReleaseStatus, status);
}

struct NamedOp : CustomOp {
  char name[24];
};

const char* name_of(const CustomOp* op) { return static_cast<const NamedOp*>(op)->name; }
const char* provider_of(const CustomOp*) { return nullptr; }  // the CPU provider
int32_t input_type(const CustomOp*, size_t) { return kFloat; }
size_t input_count(const CustomOp*) { return kInputs; }
int32_t output_type(const CustomOp*, size_t) { return kFloat; }
size_t output_count(const CustomOp*) { return 1; }
int32_t required(const CustomOp*, size_t) { return kRequired; }
int32_t default_memory(const CustomOp*, size_t) { return 0; }
int32_t one(const CustomOp*) { return 1; }
int32_t newest(const CustomOp*) { return INT32_MAX; }

const CustomOp kTemplate = {
    kVersion,       create_kernel_without_status,
    name_of,        provider_of,
    input_type,     input_count,
    output_type,    output_count,
    compute_without_status, destroy,
    required,       required,
    default_memory, one,
    one,            one,
    one,            create_kernel,
    compute,        nullptr,
    one,            newest,
    nullptr,        nullptr,
    nullptr,        nullptr,
};

// Lives as long as the library, since sessions keep using it.
Status* domain(Domain** made) {
  static std::mutex mutex;
  static Domain* domain = nullptr;
  const std::lock_guard<std::mutex> lock(mutex);
  if (domain == nullptr) {
    Domain* fresh = nullptr;
    if (Status* status = call<Status*>(kCreateDomain, kDomain, &fresh)) return status;
    static NamedOp operators[kOperators];
    for (int i = 0; i < kOperators; ++i) {
      static_cast<CustomOp&>(operators[i]) = kTemplate;
      std::snprintf(operators[i].name, sizeof operators[i].name, "DynamicShiftMax%d", i);
      const CustomOp* op = &operators[i];
      if (Status* status = call<Status*>(kAddToDomain, fresh, op)) return status;
    }
    domain = fresh;
  }
  *made = domain;
  return nullptr;
}

}  // namespace
}  // namespace micronet_edge::ort

EXPORTED micronet_edge::ort::Status* RegisterCustomOps(micronet_edge::ort::SessionOptions* options,
                                                       const micronet_edge::ort::ApiBase* base) {
  using namespace micronet_edge::ort;
  g_api = base->get_api(kVersion);
  if (g_api == nullptr) return nullptr;  // without a table no error can be reported; the file runs in plain operators
  Domain* made = nullptr;
  if (Status* status = domain(&made)) return status;
  return call<Status*>(kAddDomain, options, made);
}
