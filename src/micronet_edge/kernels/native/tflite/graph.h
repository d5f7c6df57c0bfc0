// A TFLite graph as it stands before any delegate has changed it, seen by who makes and who reads each tensor.
#pragma once

#include <cstdint>
#include <unordered_map>
#include <vector>

#include "tflite_abi.h"

namespace micronet_edge::tflite {

class Graph {
 public:
  // The nodes given, or all where there are none. Asks the context; `is_sound` tells whether it answered.
  explicit Graph(Context* context, const IntArray* nodes = nullptr);

  bool is_sound() const { return sound_; }
  // Whether every tensor that a node makes is made once, and before it is read.
  bool is_in_order() const;
  const std::vector<int32_t>& nodes() const { return order_; }
  const Node& node(int32_t index) const { return *entries_.at(index).node; }
  int32_t kind(int32_t index) const { return entries_.at(index).kind; }
  // The node that makes the tensor, or -1.
  int32_t producer(int32_t tensor) const;
  const std::vector<int32_t>& readers(int32_t tensor) const;

  const Tensor& tensor(int32_t index) const { return context_->tensors[index]; }
  bool is_constant(int32_t tensor) const;
  // The tensor's sides.
  std::vector<int64_t> shape(int32_t tensor) const;
  // A constant's numbers, dequantized; none where it is no such constant.
  std::vector<double> numbers(int32_t tensor) const;
  std::vector<int32_t> integers(int32_t tensor) const;
  // The ends of what the tensor can hold: those of its grid in int8, infinite in float32.
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
