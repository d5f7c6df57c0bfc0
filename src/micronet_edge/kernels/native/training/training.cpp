#include "training.h"

#include <cstring>
#include <vector>

namespace micronet_edge {
namespace {

constexpr int64_t kMostChannels = 1 << 16, kMostPixels = 1 << 24;

bool is_permutation(const int32_t* values, int64_t count) {
  std::vector<bool> seen(count);
  for (int64_t i = 0; i < count; ++i) {
    if (values[i] < 0 || values[i] >= count || seen[values[i]]) return false;
    seen[values[i]] = true;
  }
  return true;
}

}  // namespace

bool TrainingShape::is_sound() const {
  if (shifts < 1 || shifts > 2 || fusions < 1 || fusions > 2) return false;
  if (images < 0 || pixels < 0 || pixels > kMostPixels || channels < 1 || channels > kMostChannels) return false;
  for (int32_t j = 0; j < shifts; ++j) {
    if (!is_permutation(sources + j * channels, channels)) return false;
  }
  return is_permutation(order, channels);
}

bool ReorderingShape::is_sound() const {
  return rows >= 0 && channels >= 1 && channels <= kMostChannels && is_permutation(order, channels);
}

const Training& best_training() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx2")) return kAvx2Training;
#endif
  return kPlainTraining;
}

const Training* find_training(const char* name) {
  if (std::strcmp(name, kPlainTraining.name) == 0) return &kPlainTraining;
  const Training& best = best_training();
  return std::strcmp(name, best.name) == 0 ? &best : nullptr;
}

}  // namespace micronet_edge
