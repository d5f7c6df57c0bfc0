#include "avx2.h"

#include "loops.h"

namespace micronet_edge {

const Instructions kAvx2 = instructions_named("avx2");

}  // namespace micronet_edge
