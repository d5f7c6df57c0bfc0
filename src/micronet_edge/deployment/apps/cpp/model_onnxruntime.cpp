#include <stdexcept>
#include <string>
#include <type_traits>

#include "image.h"
#include "model.h"
#include "onnxruntime_c.h"

namespace {

constexpr uint32_t kVersion = 16;  // of the interface; every later runtime offers it
constexpr int kErrorsOnly = 3;
constexpr int32_t kFloat = 1, kUint8 = 2, kInt8 = 3;  // element types
constexpr int32_t kArena = 1, kDefaultMemory = 0;
constexpr int32_t kType = std::is_same_v<Number, float> ? kFloat : std::is_same_v<Number, uint8_t> ? kUint8 : kInt8;
constexpr int64_t kShape[] = {1, kChannelsFirst ? kChannels : kHeight, kChannelsFirst ? kHeight : kWidth,
                              kChannelsFirst ? kWidth : kChannels};

const OrtApi& api() {
  static const OrtApi* const table = OrtGetApiBase()->GetApi(kVersion);
  if (table == nullptr) throw std::runtime_error("ONNX Runtime is older than 1.16: install a newer one");
  return *table;
}

void check(OrtStatus* status) {
  if (status == nullptr) return;
  const std::string message = api().GetErrorMessage(status);
  api().ReleaseStatus(status);
  throw std::runtime_error(message);
}

// Something of the runtime's that is released at the end.
template <class Thing, void (*OrtApi::*Release)(Thing*)>
class Owned {
 public:
  Owned() = default;
  Owned(const Owned&) = delete;
  Owned& operator=(const Owned&) = delete;
  ~Owned() {
    if (thing_ != nullptr) (api().*Release)(thing_);
  }
  operator Thing*() const { return thing_; }
  Thing** operator&() { return &thing_; }

 private:
  Thing* thing_ = nullptr;
};

using Name = OrtStatus* (*)(const OrtSession*, size_t, OrtAllocator*, char**);

std::string name_of(Name function, const OrtSession* session) {
  OrtAllocator* allocator = nullptr;
  char* name = nullptr;
  check(api().GetAllocatorWithDefaultOptions(&allocator));
  check(function(session, 0, allocator, &name));
  const std::string kept = name;
  check(api().AllocatorFree(allocator, name));
  return kept;
}

}  // namespace

struct Model::Parts {
  Owned<OrtEnv, &OrtApi::ReleaseEnv> environment;
  Owned<OrtSessionOptions, &OrtApi::ReleaseSessionOptions> options;
  Owned<OrtSession, &OrtApi::ReleaseSession> session;
  Owned<OrtMemoryInfo, &OrtApi::ReleaseMemoryInfo> memory;
  std::string input, output;

  void check_input() const {
    size_t inputs = 0, outputs = 0, rank = 0;
    check(api().SessionGetInputCount(session, &inputs));
    check(api().SessionGetOutputCount(session, &outputs));
    if (inputs != 1 || outputs != 1) throw std::runtime_error("it has several inputs or outputs");
    Owned<OrtTypeInfo, &OrtApi::ReleaseTypeInfo> type;
    const OrtTensorTypeAndShapeInfo* tensor = nullptr;
    int32_t element = 0;
    int64_t shape[4] = {};
    check(api().SessionGetInputTypeInfo(session, 0, &type));
    check(api().CastTypeInfoToTensorInfo(type, &tensor));
    if (tensor == nullptr) throw std::runtime_error("its input is no tensor");
    check(api().GetTensorElementType(tensor, &element));
    check(api().GetDimensionsCount(tensor, &rank));
    bool fits = element == kType && rank == 4;
    if (fits) check(api().GetDimensions(tensor, shape, rank));
    for (size_t i = 0; i < 4; ++i) fits = fits && (shape[i] == kShape[i] || (i == 0 && shape[i] < 1));
    if (!fits) throw std::runtime_error("it takes another input than facts.h says");
  }
};

Model::Model(const std::string& path) : parts_(std::make_unique<Parts>()) {
  const std::vector<uint8_t> content = read_file(path);
  check(api().CreateEnv(kErrorsOnly, "classify", &parts_->environment));
  check(api().CreateSessionOptions(&parts_->options));
  check(api().CreateSessionFromArray(parts_->environment, content.data(), content.size(), parts_->options,
                                     &parts_->session));
  check(api().CreateCpuMemoryInfo(kArena, kDefaultMemory, &parts_->memory));
  parts_->check_input();
  parts_->input = name_of(api().SessionGetInputName, parts_->session);
  parts_->output = name_of(api().SessionGetOutputName, parts_->session);
}

Model::~Model() = default;

std::vector<float> Model::run(const std::vector<Number>& input) {
  Owned<OrtValue, &OrtApi::ReleaseValue> image, scores;
  void* pixels = const_cast<Number*>(input.data());  // the runtime only reads an input
  check(api().CreateTensorWithDataAsOrtValue(parts_->memory, pixels, input.size() * sizeof(Number), kShape, 4, kType,
                                             &image));
  const char *in = parts_->input.c_str(), *out = parts_->output.c_str();
  const OrtValue* given = image;
  check(api().Run(parts_->session, nullptr, &in, &given, 1, &out, 1, &scores));

  Owned<OrtTensorTypeAndShapeInfo, &OrtApi::ReleaseTensorTypeAndShapeInfo> info;
  int32_t type = 0;
  size_t count = 0;
  void* data = nullptr;
  check(api().GetTensorTypeAndShape(scores, &info));
  check(api().GetTensorElementType(info, &type));
  check(api().GetTensorShapeElementCount(info, &count));
  check(api().GetTensorMutableData(scores, &data));
  if (type != kFloat || count != size_t(kClasses))
    throw std::runtime_error("it gives another number of scores than labels");
  const auto* first = static_cast<const float*>(data);
  return {first, first + count};
}
