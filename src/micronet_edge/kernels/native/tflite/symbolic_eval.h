// What a tensor of a plain graph means, as far as Dynamic Shift-Max needs it: which channels of another tensor
// it holds, which coefficients, or which sums of products of the two.
//
// Operators that only move numbers (slices, concatenations, reshapes) change nothing of the meaning, so a cluster
// is known by what it computes, however it was written.
#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <vector>

#include "graph.h"

namespace micronet_edge::tflite {

// A number of each image's own: clip(root[index] * factor, low, high) + offset, or zero where there is no root.
struct Coefficient {
  int32_t root = -1, index = 0;
  double factor = 1, low = 0, high = 0, offset = 0;
  int32_t order = 0;  // among those that were added up into one matrix

  bool is_nothing() const { return root < 0; }
};

struct Term {
  Coefficient coefficient;
  int32_t channel;
};
using Sum = std::vector<Term>;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

struct SymbolicValue {
  enum class Kind { kUnknown, kChannels, kCoefficients, kFusions };

  Kind kind = Kind::kUnknown;
  int32_t root = -1;                            // of channels and fusions
  std::vector<int32_t> channels;                // for each channel of the tensor the root's
  std::vector<Coefficient> coefficients;        // of one image, in the tensor's order
  std::vector<std::vector<Sum>> fusions;        // for each fusion and each output channel
  double low = -kInfinity, high = kInfinity;    // what the largest fusion is cut off at

  bool is_cut_off() const { return low > -kInfinity || high < kInfinity; }
};

class SymbolicEvaluator {
 public:
  explicit SymbolicEvaluator(const Graph& graph) : graph_(graph) {}

  const SymbolicValue& of(int32_t tensor) { return of(tensor, 0); }
  // The tensor as channels of another one; of itself, if it means nothing simpler.
  SymbolicValue channels_of(int32_t tensor, int depth = 0);

 private:
  const SymbolicValue& of(int32_t tensor, int depth);
  SymbolicValue found(int32_t tensor, int depth);
  SymbolicValue as_it_stands(const Node& node) const;
  SymbolicValue sliced(const Node& node, int depth);
  SymbolicValue gathered(const Node& node, int depth);
  SymbolicValue concatenated(const Node& node, int depth);
  SymbolicValue reshaped(const Node& node, int depth);
  SymbolicValue multiplied(const Node& node, int depth);
  SymbolicValue scaled(const Node& node, const SymbolicValue& coefficients, const std::vector<double>& by, int32_t constant);
  SymbolicValue mixed(const Node& node, int depth);
  SymbolicValue added(const Node& node, int depth);
  SymbolicValue activated(const Node& node, int depth, FusedActivation activation);
  SymbolicValue compared(const Node& node, int depth, bool larger);

  const Graph& graph_;
  std::map<int32_t, SymbolicValue> known_;  // whose places in memory stay
};

// What an activation that is part of an operator cuts off; false where it is no clip.
bool ends_of(int32_t activation, double* low, double* high);

}  // namespace micronet_edge::tflite
