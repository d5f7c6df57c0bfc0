// A TFLite graph before any delegate has changed it, with the producer and the consumers of each tensor.
#pragma once

#include <cstdint>
#include <unordered_map>
#include <vector>

#include "tflite_abi.h"

namespace micronet_edge::tflite {

class Graph {
 public:
  // The given nodes, or all if there are none. Queries the context; `is_sound` says whether that succeeded.
  explicit Graph(Context* context, const IntArray* nodes = nullptr);

  bool is_sound() const { return sound_; }
  // Whether every tensor has one producer, before all its consumers.
  bool is_in_order() const;
  const std::vector<int32_t>& nodes() const { return order_; }
  const Node& node(int32_t index) const { return *entries_.at(index).node; }
  int32_t kind(int32_t index) const { return entries_.at(index).kind; }
  // The node that produces the tensor, or -1.
  int32_t producer(int32_t tensor) const;
  const std::vector<int32_t>& readers(int32_t tensor) const;

  const Tensor& tensor(int32_t index) const { return context_->tensors[index]; }
  bool is_constant(int32_t tensor) const;
  // The tensor's dimensions.
  std::vector<int64_t> shape(int32_t tensor) const;
  // A constant's dequantized numbers; empty if it is not a constant.
  std::vector<double> numbers(int32_t tensor) const;
  std::vector<int32_t> integers(int32_t tensor) const;
  // The range of the tensor: that of its quantization parameters in int8, infinite in float32.
  double lowest(int32_t tensor) const { return end(tensor, INT8_MIN); }
  double highest(int32_t tensor) const { return end(tensor, INT8_MAX); }

 private:
  struct Entry {
    Node* node;
    int32_t kind;
  };
  double end(int32_t tensor, int32_t integer) const;

  Context* context_;
  bool sound_ = false;
  std::vector<int32_t> order_;
  std::unordered_map<int32_t, Entry> entries_;
  std::unordered_map<int32_t, int32_t> producers_;
  std::unordered_map<int32_t, std::vector<int32_t>> readers_;
};

int64_t count_of(const std::vector<int64_t>& shape);

}  // namespace micronet_edge::tflite
