#include "training_loops.h"

namespace micronet_edge {

const Training kPlainTraining = training_named("plain");

}  // namespace micronet_edge
