// Finds Dynamic Shift-Max in a plain TFLite graph: its nodes and its parameters.
#pragma once

#include <memory>
#include <vector>

#include "activation.h"
#include "graph.h"

namespace micronet_edge::tflite {

struct Cluster {
  int32_t x, y;                // tensors
  std::vector<int32_t> nodes;  // whose results have no other consumers
  std::unique_ptr<Activation> activation;
};

// Finds activations of at least two terms whose coefficients all come from means of their own input.
std::vector<Cluster> find_clusters(const Graph& graph);

}  // namespace micronet_edge::tflite
