#include "training_loops.h"

namespace micronet_edge {

const Training kAvx2Training = training_named("avx2");

}  // namespace micronet_edge
