// Finds Dynamic Shift-Max in a plain TFLite graph: the nodes that compute it, and what it computes.
#pragma once

#include <memory>
#include <vector>

#include "activation.h"
#include "graph.h"

namespace micronet_edge::tflite {

struct Cluster {
  int32_t x, y;                // tensors
  std::vector<int32_t> nodes;  // whose results nobody else reads
  std::unique_ptr<Activation> activation;
};

// Of every activation of at least two terms, all of whose coefficients come of means of its own input.
std::vector<Cluster> find_clusters(const Graph& graph);

}  // namespace micronet_edge::tflite
