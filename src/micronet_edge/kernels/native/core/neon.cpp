#include "neon.h"

#include "loops.h"

namespace micronet_edge {

const Instructions kNeon = instructions_named("neon");

}  // namespace micronet_edge
