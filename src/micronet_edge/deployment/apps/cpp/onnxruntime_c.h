// The part of ONNX Runtime's C interface that this program uses: its Python package has the library and no headers.
// The table of functions only grows at its end; what is used here stands in it since the first version.
// With the runtime's own onnxruntime_c_api.h, this file is not needed.
#pragma once

#include <cstddef>
#include <cstdint>

struct OrtAllocator;
struct OrtEnv;
struct OrtMemoryInfo;
struct OrtRunOptions;
struct OrtSession;
struct OrtSessionOptions;
struct OrtStatus;
struct OrtTensorTypeAndShapeInfo;
struct OrtTypeInfo;
struct OrtValue;

using OrtFunction = void (*)();  // one that is not used here

struct OrtApi {
  OrtFunction unused_0[2];
  const char* (*GetErrorMessage)(const OrtStatus*);
  OrtStatus* (*CreateEnv)(int log_severity_level, const char* name, OrtEnv**);
  OrtFunction unused_4[4];
  OrtStatus* (*CreateSessionFromArray)(const OrtEnv*, const void* model, size_t size, const OrtSessionOptions*,
                                       OrtSession**);
  OrtStatus* (*Run)(OrtSession*, const OrtRunOptions*, const char* const* input_names, const OrtValue* const* inputs,
                    size_t input_count, const char* const* output_names, size_t output_count, OrtValue** outputs);
  OrtStatus* (*CreateSessionOptions)(OrtSessionOptions**);
  OrtFunction unused_11[19];
  OrtStatus* (*SessionGetInputCount)(const OrtSession*, size_t*);
  OrtStatus* (*SessionGetOutputCount)(const OrtSession*, size_t*);
  OrtFunction unused_32;
  OrtStatus* (*SessionGetInputTypeInfo)(const OrtSession*, size_t index, OrtTypeInfo**);
  OrtFunction unused_34[2];
  OrtStatus* (*SessionGetInputName)(const OrtSession*, size_t index, OrtAllocator*, char**);
  OrtStatus* (*SessionGetOutputName)(const OrtSession*, size_t index, OrtAllocator*, char**);
  OrtFunction unused_38[11];
  OrtStatus* (*CreateTensorWithDataAsOrtValue)(const OrtMemoryInfo*, void* data, size_t size_bytes,
                                               const int64_t* shape, size_t rank, int32_t type, OrtValue**);
  OrtFunction unused_50;
  OrtStatus* (*GetTensorMutableData)(OrtValue*, void**);
  OrtFunction unused_52[3];
  OrtStatus* (*CastTypeInfoToTensorInfo)(const OrtTypeInfo*, const OrtTensorTypeAndShapeInfo**);
  OrtFunction unused_56[4];
  OrtStatus* (*GetTensorElementType)(const OrtTensorTypeAndShapeInfo*, int32_t*);
  OrtStatus* (*GetDimensionsCount)(const OrtTensorTypeAndShapeInfo*, size_t*);
  OrtStatus* (*GetDimensions)(const OrtTensorTypeAndShapeInfo*, int64_t*, size_t rank);
  OrtFunction unused_63;
  OrtStatus* (*GetTensorShapeElementCount)(const OrtTensorTypeAndShapeInfo*, size_t*);
  OrtStatus* (*GetTensorTypeAndShape)(const OrtValue*, OrtTensorTypeAndShapeInfo**);
  OrtFunction unused_66[3];
  OrtStatus* (*CreateCpuMemoryInfo)(int32_t allocator, int32_t memory, OrtMemoryInfo**);
  OrtFunction unused_70[6];
  OrtStatus* (*AllocatorFree)(OrtAllocator*, void*);
  OrtFunction unused_77;
  OrtStatus* (*GetAllocatorWithDefaultOptions)(OrtAllocator**);
  OrtFunction unused_79[13];
  void (*ReleaseEnv)(OrtEnv*);
  void (*ReleaseStatus)(OrtStatus*);
  void (*ReleaseMemoryInfo)(OrtMemoryInfo*);
  void (*ReleaseSession)(OrtSession*);
  void (*ReleaseValue)(OrtValue*);
  OrtFunction unused_97;
  void (*ReleaseTypeInfo)(OrtTypeInfo*);
  void (*ReleaseTensorTypeAndShapeInfo)(OrtTensorTypeAndShapeInfo*);
  void (*ReleaseSessionOptions)(OrtSessionOptions*);
};
static_assert(offsetof(OrtApi, CreateTensorWithDataAsOrtValue) == 49 * sizeof(OrtFunction));
static_assert(offsetof(OrtApi, ReleaseSessionOptions) == 100 * sizeof(OrtFunction));

struct OrtApiBase {
  const OrtApi* (*GetApi)(uint32_t version);
  const char* (*GetVersionString)();
};

extern "C" const OrtApiBase* OrtGetApiBase();
