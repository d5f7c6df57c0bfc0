// The door to ONNX Runtime: the operators DynamicShiftMax0 to DynamicShiftMax63 of the domain micronet_edge.
//
// They are all one. A file says of each activation what it is in plain operators, as a function of the node's own
// name; ONNX Runtime 1.20 takes no two functions of one name, so every activation of a file has a name of its own.
//
//   y = DynamicShiftMax(x, squeeze, squeeze bias, excite, excite bias, offset)
//
// x [n, inputs, h, w], squeeze [hidden, means], excite [hidden, coefficients], offset [coefficients]. Attributes:
// `sources` and `means`, channels of x as decimal numbers between commas, of `shifts` shifts one behind the other and
// of what is squeezed. The coefficients [fusions, shifts, outputs], or with `by_channel` 1 [outputs, fusions, shifts],
// are (clip(excite, 0, span) + offset) * scale.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <vector>

#include "export.h"
#include "instructions.h"
#include "ort_abi.h"

namespace micronet_edge::ort {
namespace {

constexpr const char* kDomain = "micronet_edge";
constexpr int kOperators = 64;  // as many activations a file may have
constexpr Ends kNoEnds{-Ends::kInfinity, Ends::kInfinity};
enum Input : size_t { kX, kSqueeze, kSqueezeBias, kExcite, kExciteBias, kOffset, kInputs };

const void* const* g_api = nullptr;

template <class Result, class... Arguments>
Result call(Slot slot, Arguments... arguments) {
  return reinterpret_cast<Result (*)(Arguments...)>(const_cast<void*>(g_api[slot]))(arguments...);
}

Status* failed(ErrorCode code, const char* message) {
  return call<Status*>(kCreateStatus, static_cast<int32_t>(code), message);
}

// A status of the runtime, on its way out through our own functions.
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

void expect(bool holds, const char* what) {
  if (!holds) throw std::invalid_argument(std::string("DynamicShiftMax: ") + what);
}

struct Attributes {
  int64_t shifts, fusions, by_channel;
  float span, scale;
  std::vector<int32_t> sources, means;
};

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
    expect(end != rest && (*end == ',' || *end == '\0') && channel >= 0 && channel <= UINT16_MAX, "no list of channels");
    channels.push_back(static_cast<int32_t>(channel));
    rest = *end == ',' ? end + 1 : end;
  }
  return channels;
}

// --- one run

class Run {
 public:
  Run(const Attributes& attributes, KernelContext* context)
      : attributes_(attributes), with_(best_instructions()), context_(context) {
    for (size_t i = 0; i < kInputs; ++i) {
      inputs_[i] = input_of(context, i);
      expect(inputs_[i].type == kFloat, "an input is no tensor of float32");
    }
    read_shape();
    check_sizes();
  }

  void operator()() {
    const Tensor& x = inputs_[kX];
    const int64_t sides[] = {x.shape[0], shape_.outputs, x.shape[2], x.shape[3]};
    Value* value = nullptr;
    void* result = nullptr;
    check(call<Status*>(kGetOutput, context_, size_t{0}, static_cast<const int64_t*>(sides), size_t{4}, &value));
    check(call<Status*>(kGetData, value, &result));
    const int64_t pixels = x.shape[2] * x.shape[3];
    const float* from = x.floats();
    auto* to = static_cast<float*>(result);
    for (int64_t n = 0; n < x.shape[0] && pixels > 0; ++n) {
      with_.float_planes(shape_, kNoEnds, coefficients(from, pixels).data(), from, to, pixels);
      from += shape_.inputs * pixels, to += shape_.outputs * pixels;
    }
  }

 private:
  void read_shape() {
    const Tensor& x = inputs_[kX];
    expect(x.shape.size() == 4, "x has not four sides");
    const auto shifts = static_cast<int32_t>(attributes_.shifts), fusions = static_cast<int32_t>(attributes_.fusions);
    const auto outputs = static_cast<int64_t>(attributes_.sources.size()) / shifts;
    shape_ = {shifts, fusions, x.shape[1], outputs, attributes_.sources};
    expect(shape_.is_sound() && are_below(attributes_.means, x.shape[1]), "its sources are no channels of x");
    expect(x.shape[2] >= 0 && x.shape[3] >= 0 && x.shape[2] * x.shape[3] <= kMostPixels, "x is too large");
  }

  void check_sizes() const {
    const auto& squeeze = inputs_[kSqueeze].shape;
    const auto& excite = inputs_[kExcite].shape;
    const int64_t count = shape_.coefficients();
    const auto width = static_cast<int64_t>(attributes_.means.size());
    expect(squeeze.size() == 2 && squeeze[1] == width && squeeze[0] > 0, "squeeze is of another size");
    expect(excite.size() == 2 && excite[0] == squeeze[0] && excite[1] == count, "excite is of another size");
    expect(inputs_[kSqueezeBias].count() == squeeze[0], "the bias of squeeze is of another size");
    expect(inputs_[kExciteBias].count() == count, "the bias of excite is of another size");
    expect(inputs_[kOffset].count() == count, "the offset is of another size");
  }

  std::vector<float> coefficients(const float* x, int64_t pixels) const {
    std::vector<float> sums(shape_.inputs), means(attributes_.means.size()), squeezed(inputs_[kSqueeze].shape[0]);
    with_.sum_float_planes(x, sums.data(), shape_.inputs, pixels);
    for (size_t i = 0; i < means.size(); ++i) means[i] = sums[attributes_.means[i]] / static_cast<float>(pixels);
    for (size_t h = 0; h < squeezed.size(); ++h) {
      const float* row = inputs_[kSqueeze].floats() + h * means.size();
      const float product = with_.product(means.data(), row, static_cast<int64_t>(means.size()));
      const float sum = product + inputs_[kSqueezeBias].floats()[h];
      squeezed[h] = sum < 0 ? 0 : sum;
    }
    const float *bias = inputs_[kExciteBias].floats(), *offset = inputs_[kOffset].floats();
    std::vector<float> a(shape_.coefficients(), 0.0f);
    with_.add_products(squeezed.data(), inputs_[kExcite].shape[0], inputs_[kExcite].floats(), a.data(),
                       inputs_[kExcite].shape[1]);
    for (size_t i = 0; i < a.size(); ++i) {
      const float gate = a[i] + bias[i];
      a[i] = ((gate < 0 ? 0 : gate > attributes_.span ? attributes_.span : gate) + offset[i]) * attributes_.scale;
    }
    return attributes_.by_channel != 0 ? channels_last(a) : a;
  }

  std::vector<float> channels_last(const std::vector<float>& a) const {
    const int64_t each = int64_t{shape_.fusions} * shape_.shifts;
    std::vector<float> moved(a.size());
    for (int64_t o = 0; o < shape_.outputs; ++o) {
      for (int64_t i = 0; i < each; ++i) moved[i * shape_.outputs + o] = a[o * each + i];
    }
    return moved;
  }

  const Attributes& attributes_;
  const Instructions& with_;
  KernelContext* context_;
  Tensor inputs_[kInputs];
  Shape shape_;
};

// --- the operator

Status* create_kernel(const CustomOp*, const void*, const KernelInfo* info, void** kernel) {
  return guarded([&] {
    auto attributes = std::make_unique<Attributes>();
    attributes->shifts = int_attribute(info, "shifts");
    attributes->fusions = int_attribute(info, "fusions");
    attributes->by_channel = int_attribute(info, "by_channel");
    attributes->span = float_attribute(info, "span");
    attributes->scale = float_attribute(info, "scale");
    attributes->sources = channels_attribute(info, "sources");
    attributes->means = channels_attribute(info, "means");
    expect(attributes->shifts > 0 && attributes->shifts <= INT16_MAX, "no shifts");
    expect(attributes->fusions > 0 && attributes->fusions <= INT16_MAX, "no fusions");
    *kernel = attributes.release();
  });
}

Status* compute(void* kernel, KernelContext* context) {
  return guarded([&] { Run(*static_cast<const Attributes*>(kernel), context)(); });
}

void destroy(void* kernel) { delete static_cast<Attributes*>(kernel); }

// What older runtimes would call; none does that offers the version that we ask for.
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
const char* provider_of(const CustomOp*) { return nullptr; }  // that of the CPU
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

// Lives as long as the library: sessions go on to need it.
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
  if (g_api == nullptr) return nullptr;  // without a table there is no way to say why; the file runs as it is
  Domain* made = nullptr;
  if (Status* status = domain(&made)) return status;
  return call<Status*>(kAddDomain, options, made);
}
