// The part of ONNX Runtime's C interface that a library of custom operators needs.
//
// Declared here because the runtime ships no headers. The table of functions grows only at its end; the slots used
// here are from its first version, the last one from its 15th. tests/kernels compares them with installed runtimes.
#pragma once

#include <cstddef>
#include <cstdint>

namespace micronet_edge::ort {

struct Status;
struct SessionOptions;
struct Domain;
struct Value;
struct KernelInfo;
struct KernelContext;
struct TypeAndShape;

constexpr uint32_t kVersion = 16;  // the first one in which a kernel can return a status

struct ApiBase {
  const void* const* (*get_api)(uint32_t version);
  const char* (*get_version_string)();
};

enum ErrorCode : int32_t { kFail = 1, kInvalidArgument = 2 };
enum ElementType : int32_t { kFloat = 1 };
enum Characteristic : int32_t { kRequired = 0 };

enum Slot : int32_t {
  kCreateStatus = 0,
  kCreateDomain = 26,
  kAddToDomain = 27,
  kAddDomain = 28,
  kGetData = 51,
  kGetElementType = 60,
  kGetDimensionsCount = 61,
  kGetDimensions = 62,
  kGetTypeAndShape = 65,
  kGetFloatAttribute = 85,
  kGetIntAttribute = 86,
  kGetStringAttribute = 87,
  kGetInput = 90,
  kGetOutput = 91,
  kReleaseStatus = 93,
  kReleaseTypeAndShape = 99,
  kGetConstantInput = 249,
};

struct CustomOp {
  uint32_t version;
  void* (*create_kernel)(const CustomOp*, const void* api, const KernelInfo*);
  const char* (*get_name)(const CustomOp*);
  const char* (*get_execution_provider)(const CustomOp*);
  int32_t (*get_input_type)(const CustomOp*, size_t);
  size_t (*get_input_count)(const CustomOp*);
  int32_t (*get_output_type)(const CustomOp*, size_t);
  size_t (*get_output_count)(const CustomOp*);
  void (*compute)(void* kernel, KernelContext*);
  void (*destroy)(void* kernel);
  int32_t (*get_input_characteristic)(const CustomOp*, size_t);
  int32_t (*get_output_characteristic)(const CustomOp*, size_t);
  int32_t (*get_input_memory_type)(const CustomOp*, size_t);
  int32_t (*get_variadic_input_min_arity)(const CustomOp*);
  int32_t (*get_variadic_input_homogeneity)(const CustomOp*);
  int32_t (*get_variadic_output_min_arity)(const CustomOp*);
  int32_t (*get_variadic_output_homogeneity)(const CustomOp*);
  Status* (*create_kernel_with_status)(const CustomOp*, const void* api, const KernelInfo*, void** kernel);
  Status* (*compute_with_status)(void* kernel, KernelContext*);
  Status* (*infer_output_shape)(const CustomOp*, void*);
  int32_t (*get_start_version)(const CustomOp*);
  int32_t (*get_end_version)(const CustomOp*);
  size_t (*get_may_inplace)(int32_t** inputs, int32_t** outputs);
  void (*release_may_inplace)(int32_t* inputs, int32_t* outputs);
  size_t (*get_alias_map)(int32_t** inputs, int32_t** outputs);
  void (*release_alias_map)(int32_t* inputs, int32_t* outputs);
};
static_assert(sizeof(CustomOp) == 208 && offsetof(CustomOp, compute) == 64);
static_assert(offsetof(CustomOp, create_kernel_with_status) == 136);

}  // namespace micronet_edge::ort
