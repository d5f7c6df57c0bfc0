// The part of LiteRT's C interface (2.2 and later) that this program uses: its Python package has the library and no
// headers. With the runtime's own litert/c headers, this file is not needed.
#pragma once

#include <cstddef>
#include <cstdint>

using LiteRtStatus = int32_t;  // 0: no error

using LiteRtEnvironment = struct LiteRtEnvironmentT*;
using LiteRtModel = struct LiteRtModelT*;
using LiteRtOptions = struct LiteRtOptionsT*;
using LiteRtCompiledModel = struct LiteRtCompiledModelT*;
using LiteRtSubgraph = struct LiteRtSubgraphT*;
using LiteRtTensor = struct LiteRtTensorT*;
using LiteRtTensorBuffer = struct LiteRtTensorBufferT*;
using LiteRtTensorBufferRequirements = struct LiteRtTensorBufferRequirementsT*;

enum LiteRtElementType : int32_t { kLiteRtFloat32 = 1, kLiteRtUint8 = 3, kLiteRtInt8 = 9 };
enum LiteRtLockMode : int32_t { kLiteRtRead = 0, kLiteRtWrite = 1 };
constexpr int32_t kLiteRtCpu = 1;                    // an accelerator
constexpr int32_t kLiteRtErrorsOnly = 3;             // a severity of messages
constexpr int32_t kLiteRtQuantizationPerTensor = 1;  // a kind of quantization

struct LiteRtEnvOption {
  int32_t tag;
  alignas(8) int32_t value_type;
  int64_t value;
};
constexpr int32_t kLiteRtAccelerators = 24, kLiteRtLeastSeverity = 25;  // tags
constexpr int32_t kLiteRtWholeNumber = 2;                               // a type of value
static_assert(sizeof(LiteRtEnvOption) == 24 && offsetof(LiteRtEnvOption, value) == 16);

struct LiteRtRankedTensorType {
  int32_t element_type;
  uint32_t rank : 7;
  uint32_t has_strides : 1;
  int32_t dimensions[8];
  uint32_t strides[8];
};
static_assert(sizeof(LiteRtRankedTensorType) == 72 && offsetof(LiteRtRankedTensorType, dimensions) == 8);

struct LiteRtQuantizationPerTensor {
  float scale;
  int64_t zero_point;
};

extern "C" {
LiteRtStatus LiteRtCreateEnvironment(int count, const LiteRtEnvOption* options, LiteRtEnvironment*);
LiteRtStatus LiteRtCreateModelFromFile(LiteRtEnvironment, const char* path, LiteRtModel*);
LiteRtStatus LiteRtCreateOptions(LiteRtOptions*);
LiteRtStatus LiteRtSetOptionsHardwareAccelerators(LiteRtOptions, int32_t accelerators);
LiteRtStatus LiteRtCreateCompiledModel(LiteRtEnvironment, LiteRtModel, LiteRtOptions, LiteRtCompiledModel*);
LiteRtStatus LiteRtRunCompiledModel(LiteRtCompiledModel, size_t signature, size_t input_count,
                                    LiteRtTensorBuffer* inputs, size_t output_count, LiteRtTensorBuffer* outputs);
void LiteRtDestroyEnvironment(LiteRtEnvironment);
void LiteRtDestroyModel(LiteRtModel);
void LiteRtDestroyOptions(LiteRtOptions);
void LiteRtDestroyCompiledModel(LiteRtCompiledModel);

LiteRtStatus LiteRtGetMainModelSubgraphIndex(LiteRtModel, size_t*);
LiteRtStatus LiteRtGetModelSubgraph(LiteRtModel, size_t index, LiteRtSubgraph*);
LiteRtStatus LiteRtGetNumSubgraphInputs(LiteRtSubgraph, size_t*);
LiteRtStatus LiteRtGetNumSubgraphOutputs(LiteRtSubgraph, size_t*);
LiteRtStatus LiteRtGetSubgraphInput(LiteRtSubgraph, size_t index, LiteRtTensor*);
LiteRtStatus LiteRtGetSubgraphOutput(LiteRtSubgraph, size_t index, LiteRtTensor*);
LiteRtStatus LiteRtGetRankedTensorType(LiteRtTensor, LiteRtRankedTensorType*);
LiteRtStatus LiteRtGetQuantizationTypeId(LiteRtTensor, int32_t*);
LiteRtStatus LiteRtGetPerTensorQuantization(LiteRtTensor, LiteRtQuantizationPerTensor*);

LiteRtStatus LiteRtGetCompiledModelInputBufferRequirements(LiteRtCompiledModel, size_t signature, size_t index,
                                                           LiteRtTensorBufferRequirements*);
LiteRtStatus LiteRtGetCompiledModelOutputBufferRequirements(LiteRtCompiledModel, size_t signature, size_t index,
                                                            LiteRtTensorBufferRequirements*);
LiteRtStatus LiteRtCreateManagedTensorBufferFromRequirements(LiteRtEnvironment, const LiteRtRankedTensorType*,
                                                             LiteRtTensorBufferRequirements, LiteRtTensorBuffer*);
LiteRtStatus LiteRtLockTensorBuffer(LiteRtTensorBuffer, void** memory, LiteRtLockMode);
LiteRtStatus LiteRtUnlockTensorBuffer(LiteRtTensorBuffer);
void LiteRtDestroyTensorBuffer(LiteRtTensorBuffer);
}
