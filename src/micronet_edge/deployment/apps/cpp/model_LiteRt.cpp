#include <cstring>
#include <stdexcept>
#include <string>
#include <type_traits>

#include "litert_c.h"
#include "model.h"

namespace {

constexpr int32_t kType = std::is_same_v<Number, float>     ? kLiteRtFloat32
                          : std::is_same_v<Number, uint8_t> ? kLiteRtUint8
                                                            : kLiteRtInt8;
constexpr int32_t kShape[] = {1, kChannelsFirst ? kChannels : kHeight, kChannelsFirst ? kHeight : kWidth,
                              kChannelsFirst ? kWidth : kChannels};

void check(LiteRtStatus status, const char* doing) {
  if (status != 0)
    throw std::runtime_error(std::string("LiteRT fails ") + doing + ", status " + std::to_string(status));
}

// Something of the runtime's that is destroyed at the end.
template <class Thing, void (*Destroy)(Thing)>
class Owned {
 public:
  Owned() = default;
  Owned(const Owned&) = delete;
  Owned& operator=(const Owned&) = delete;
  ~Owned() {
    if (thing_ != nullptr) Destroy(thing_);
  }
  operator Thing() const { return thing_; }
  Thing* operator&() { return &thing_; }

 private:
  Thing thing_ = nullptr;
};

size_t elements_of(const LiteRtRankedTensorType& type) {
  size_t count = 1;
  for (uint32_t i = 0; i < type.rank; ++i) count *= size_t(type.dimensions[i]);
  return count;
}

bool is_image(const LiteRtRankedTensorType& type) {
  return type.element_type == kType && type.rank == 4 && std::memcmp(type.dimensions, kShape, sizeof kShape) == 0;
}

bool are_scores(const LiteRtRankedTensorType& type) {
  const bool is_known =
      type.element_type == kLiteRtFloat32 || type.element_type == kLiteRtUint8 || type.element_type == kLiteRtInt8;
  return is_known && elements_of(type) == size_t(kClasses);
}

}  // namespace

struct Model::Parts {
  Owned<LiteRtEnvironment, LiteRtDestroyEnvironment> environment;
  Owned<LiteRtModel, LiteRtDestroyModel> model;
  Owned<LiteRtOptions, LiteRtDestroyOptions> options;
  Owned<LiteRtCompiledModel, LiteRtDestroyCompiledModel> compiled;
  Owned<LiteRtTensorBuffer, LiteRtDestroyTensorBuffer> image, scores;
  int32_t score_type = 0;
  LiteRtQuantizationPerTensor score_levels{1.0f, 0};  // score = (stored - zero_point) * scale

  // Makes room for the image and the scores.
  void make_buffers() {
    size_t index = 0, inputs = 0, outputs = 0;
    LiteRtSubgraph graph = nullptr;
    LiteRtTensor input = nullptr, output = nullptr;
    check(LiteRtGetMainModelSubgraphIndex(model, &index), "to find the graph");
    check(LiteRtGetModelSubgraph(model, index, &graph), "to find the graph");
    check(LiteRtGetNumSubgraphInputs(graph, &inputs), "to find the input");
    check(LiteRtGetNumSubgraphOutputs(graph, &outputs), "to find the output");
    if (inputs != 1 || outputs != 1) throw std::runtime_error("it has several inputs or outputs");
    check(LiteRtGetSubgraphInput(graph, 0, &input), "to find the input");
    check(LiteRtGetSubgraphOutput(graph, 0, &output), "to find the output");

    LiteRtRankedTensorType image_type{}, scores_type{};
    check(LiteRtGetRankedTensorType(input, &image_type), "to describe the input");
    check(LiteRtGetRankedTensorType(output, &scores_type), "to describe the output");
    if (!is_image(image_type)) throw std::runtime_error("it takes another input than facts.h says");
    if (!are_scores(scores_type)) throw std::runtime_error("it gives another number of scores than labels");
    score_type = scores_type.element_type;
    if (score_type != kLiteRtFloat32) read_levels(output);

    LiteRtTensorBufferRequirements room = nullptr;
    check(LiteRtGetCompiledModelInputBufferRequirements(compiled, 0, 0, &room), "to plan the input");
    check(LiteRtCreateManagedTensorBufferFromRequirements(environment, &image_type, room, &image), "to make the input");
    check(LiteRtGetCompiledModelOutputBufferRequirements(compiled, 0, 0, &room), "to plan the output");
    check(LiteRtCreateManagedTensorBufferFromRequirements(environment, &scores_type, room, &scores),
          "to make the output");
  }

  void read_levels(LiteRtTensor output) {
    int32_t kind = 0;
    check(LiteRtGetQuantizationTypeId(output, &kind), "to describe the output");
    if (kind != kLiteRtQuantizationPerTensor) throw std::runtime_error("its scores are integers without a scale");
    check(LiteRtGetPerTensorQuantization(output, &score_levels), "to describe the output");
  }

  float score_at(const void* memory, size_t index) const {
    if (score_type == kLiteRtFloat32) return static_cast<const float*>(memory)[index];
    const int stored = score_type == kLiteRtUint8 ? static_cast<const uint8_t*>(memory)[index]
                                                  : static_cast<const int8_t*>(memory)[index];
    return float(stored - int(score_levels.zero_point)) * score_levels.scale;
  }
};

Model::Model(const std::string& path) : parts_(std::make_unique<Parts>()) {
  const LiteRtEnvOption settings[] = {{kLiteRtAccelerators, kLiteRtWholeNumber, kLiteRtCpu},
                                      {kLiteRtLeastSeverity, kLiteRtWholeNumber, kLiteRtErrorsOnly}};
  check(LiteRtCreateEnvironment(2, settings, &parts_->environment), "to start");
  check(LiteRtCreateModelFromFile(parts_->environment, path.c_str(), &parts_->model), "to read the file");
  check(LiteRtCreateOptions(&parts_->options), "to start");
  check(LiteRtSetOptionsHardwareAccelerators(parts_->options, kLiteRtCpu), "to choose the CPU");
  check(LiteRtCreateCompiledModel(parts_->environment, parts_->model, parts_->options, &parts_->compiled),
        "to compile");
  parts_->make_buffers();
}

Model::~Model() = default;

std::vector<float> Model::run(const std::vector<Number>& input) {
  LiteRtTensorBuffer image = parts_->image, scores = parts_->scores;
  void* memory = nullptr;
  check(LiteRtLockTensorBuffer(image, &memory, kLiteRtWrite), "to open the input");
  std::memcpy(memory, input.data(), input.size() * sizeof(Number));
  check(LiteRtUnlockTensorBuffer(image), "to close the input");
  check(LiteRtRunCompiledModel(parts_->compiled, 0, 1, &image, 1, &scores), "to run");
  check(LiteRtLockTensorBuffer(scores, &memory, kLiteRtRead), "to open the output");
  std::vector<float> made;
  for (size_t i = 0; i < size_t(kClasses); ++i) made.push_back(parts_->score_at(memory, i));
  check(LiteRtUnlockTensorBuffer(scores), "to close the output");
  return made;
}
