// The part of TFLite's C interface that a delegate needs, as common.h and builtin_op_data.h declare it.
//
// Declared here because the runtimes ship no headers: only what is used, in the order and size of the original, which
// has not changed since 2.5. tests/kernels compares it with installed runtimes.
#pragma once

#include <cstddef>
#include <cstdint>

namespace micronet_edge::tflite {

enum Status : int32_t { kOk = 0, kError = 1 };
enum Type : int32_t { kFloat32 = 1, kInt32 = 2, kInt8 = 9 };
enum Allocation : int32_t { kReadOnly = 1 };  // in the file itself
enum Quantization : int32_t { kAffine = 1 };
enum Operator : int32_t {
  kAdd = 0,
  kConcatenation = 2,
  kConv2d = 3,
  kMul = 18,
  kReluOperator = 19,
  kRelu6Operator = 21,
  kReshape = 22,
  kGather = 36,
  kMean = 40,
  kDelegate = 51,
  kMaximum = 55,
  kMinimum = 57,
  kSlice = 65,
  kBatchMatmul = 126,
};
enum FusedActivation : int32_t { kNoActivation = 0, kRelu = 1, kRelu6 = 3 };

struct IntArray {
  int32_t size;
  int32_t data[1];  // `size` of them
};

struct FloatArray {
  int32_t size;
  float data[1];
};

struct AffineQuantization {
  FloatArray* scale;
  IntArray* zero_point;
  int32_t dimension;
};

struct Delegate;

struct Tensor {
  int32_t type;
  void* data;
  IntArray* dims;
  float scale;
  int32_t zero_point;
  int32_t allocation_type;
  size_t bytes;
  const void* allocation;
  const char* name;
  Delegate* delegate;
  int32_t buffer_handle;
  bool data_is_stale, is_variable;
  int32_t quantization_type;
  void* quantization;  // AffineQuantization
  void* sparsity;
  const IntArray* dims_signature;
};
static_assert(sizeof(Tensor) == 112 && offsetof(Tensor, bytes) == 40 && offsetof(Tensor, quantization) == 88);

struct Node {
  IntArray *inputs, *outputs, *intermediates, *temporaries;
  void* user_data;
  void* builtin_data;
  const void* custom_initial_data;
  int32_t custom_initial_data_size;
  Delegate* delegate;
  bool might_have_side_effect;
};
static_assert(offsetof(Node, builtin_data) == 40 && offsetof(Node, delegate) == 64);

struct Registration;
struct DelegateParams;

struct Context {
  size_t tensors_size;
  int32_t (*get_execution_plan)(Context*, IntArray** plan);
  Tensor* tensors;
  void* impl;
  int32_t (*resize_tensor)(Context*, Tensor*, IntArray* owned_by_the_callee);
  void (*report_error)(Context*, const char* format, ...);
  void* add_tensors;
  int32_t (*get_node_and_registration)(Context*, int32_t index, Node**, Registration**);
  int32_t (*replace_node_subsets_with_delegate_kernels)(Context*, Registration, const IntArray* nodes, Delegate*);
  int32_t recommended_num_threads;
  void *get_external_context, *set_external_context;
  bool allow_fp32_relax_to_fp16;
  void *profiler, *allocate_persistent_buffer, *allocate_buffer_for_eval, *request_scratch_buffer_in_arena;
  void *get_scratch_buffer, *resize_tensor_explicit;
  int32_t (*preview_delegate_partitioning)(Context*, const IntArray* nodes, DelegateParams** parts, int32_t* count);
};
static_assert(offsetof(Context, tensors) == 16 && offsetof(Context, get_node_and_registration) == 56);
static_assert(offsetof(Context, preview_delegate_partitioning) == 152);

struct Registration {
  void* (*init)(Context*, const char* buffer, size_t length);
  void (*free)(Context*, void* user_data);
  int32_t (*prepare)(Context*, Node*);
  int32_t (*invoke)(Context*, Node*);
  const char* (*profiling_string)(const Context*, const Node*);
  int32_t builtin_code;
  const char* custom_name;
  int32_t version;
  void* registration_external;
  void* async_kernel;
  uint64_t inplace_operator;
};
static_assert(sizeof(Registration) == 88 && offsetof(Registration, version) == 56);

struct DelegateParams {  // what init() gets as its buffer
  Delegate* delegate;
  IntArray *nodes_to_replace, *input_tensors, *output_tensors;
};

struct Delegate {
  void* data;
  int32_t (*prepare)(Context*, Delegate*);
  void* copy_from_buffer_handle;
  void* copy_to_buffer_handle;
  void* free_buffer_handle;
  int64_t flags;
  void* opaque_builder;
};
static_assert(sizeof(Delegate) == 56);

// Parameters of single operators.
struct ConvOptions {
  int32_t padding, stride_width, stride_height, activation, dilation_width, dilation_height;
};
struct ConcatenationOptions {
  int32_t axis, activation;
};
struct GatherOptions {
  int32_t axis, batch_dims;
};
struct BatchMatmulOptions {
  bool adjoint_x, adjoint_y;
};
struct MeanOptions {
  bool keep_dims;
};
struct ActivationOption {  // of ADD and MUL
  int32_t activation;
};

}  // namespace micronet_edge::tflite
