// Symbolic evaluation of a plain graph, as far as Dynamic Shift-Max needs it: a tensor's value is channels of another
// tensor, coefficients, or sums of products of the two.
//
// Operators that only move data (slices, concatenations, reshapes) keep the symbolic value, so a cluster is
// recognized by what it computes, independent of how it is written.
#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <vector>

#include "graph.h"

namespace micronet_edge::tflite {

// A value per image: clip(root[index] * factor, low, high) + offset, or zero without a root.
struct Coefficient {
  int32_t root = -1, index = 0;
  double factor = 1, low = 0, high = 0, offset = 0;
  int32_t order = 0;  // among those summed into one matrix

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
  std::vector<int32_t> channels;                // for each channel of the tensor, the channel of the root
  std::vector<Coefficient> coefficients;        // of one image, in the tensor's order
  std::vector<std::vector<Sum>> fusions;        // by fusion and output channel
  double low = -kInfinity, high = kInfinity;    // the bounds of the largest fusion

  bool is_cut_off() const { return low > -kInfinity || high < kInfinity; }
};

class SymbolicEvaluator {
 public:
  explicit SymbolicEvaluator(const Graph& graph) : graph_(graph) {}

  const SymbolicValue& of(int32_t tensor) { return of(tensor, 0); }
  // The tensor as channels of another one, or of itself if it has no simpler value.
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
  std::map<int32_t, SymbolicValue> known_;  // a map, since references must stay valid
};

// The bounds of an operator's fused activation; false if it is not a clip.
bool ends_of(int32_t activation, double* low, double* high);

}  // namespace micronet_edge::tflite
