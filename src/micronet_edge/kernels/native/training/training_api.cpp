// The C interface to the loops of training. Numbers are float, or double if `doubles` is not 0.
#include <exception>
#include <type_traits>

#include "export.h"
#include "training.h"

using namespace micronet_edge;

namespace {

enum Status : int32_t { kOk = 0, kUnsound = 1, kNoSuchInstructions = 2, kFailed = 3 };

// Calls `work` with the loops for the numbers, and a null pointer of their type.
template <class Work>
int32_t with_loops(const char* instructions, int32_t doubles, bool is_sound, const Work& work) {
  if (instructions == nullptr || !is_sound) return kUnsound;
  const Training* with = find_training(instructions);
  if (with == nullptr) return kNoSuchInstructions;
  try {
    if (doubles != 0) {
      work(with->doubles, static_cast<double*>(nullptr));
    } else {
      work(with->floats, static_cast<float*>(nullptr));
    }
    return kOk;
  } catch (const std::exception&) {
    return kFailed;
  }
}

bool is_sound(const TrainingShape& shape) {
  return shape.sources != nullptr && shape.order != nullptr && shape.is_sound();
}

}  // namespace

// y [images, pixels, channels] of x likewise and a [images, fusions, shifts, channels]; see TrainingShape.
EXPORTED int32_t micronet_edge_train_shift_max(const char* instructions, int32_t doubles, int32_t shifts,
                                               int32_t fusions, int64_t images, int64_t pixels, int64_t channels,
                                               const int32_t* sources, const int32_t* order, const void* a,
                                               const void* x, void* y) {
  const TrainingShape shape{shifts, fusions, images, pixels, channels, sources, order};
  const bool sound = a != nullptr && x != nullptr && y != nullptr && is_sound(shape);
  return with_loops(instructions, doubles, sound, [&](const auto& loops, auto* kind) {
    using Pointer = decltype(kind);
    loops.fuse(shape, static_cast<Pointer>(const_cast<void*>(a)), static_cast<Pointer>(const_cast<void*>(x)),
               static_cast<Pointer>(y));
  });
}

// The gradients dx and da, either of which may be null.
EXPORTED int32_t micronet_edge_train_shift_max_gradient(const char* instructions, int32_t doubles, int32_t shifts,
                                                        int32_t fusions, int64_t images, int64_t pixels,
                                                        int64_t channels, const int32_t* sources,
                                                        const int32_t* order, const void* a, const void* x,
                                                        const void* dy, void* dx, void* da) {
  const TrainingShape shape{shifts, fusions, images, pixels, channels, sources, order};
  const bool sound = a != nullptr && x != nullptr && dy != nullptr && is_sound(shape);
  return with_loops(instructions, doubles, sound, [&](const auto& loops, auto* kind) {
    using Pointer = decltype(kind);
    loops.differentiate(shape, static_cast<Pointer>(const_cast<void*>(a)),
                        static_cast<Pointer>(const_cast<void*>(x)), static_cast<Pointer>(const_cast<void*>(dy)),
                        static_cast<Pointer>(dx), static_cast<Pointer>(da));
  });
}

// y = clip(x, low, high) with its channels in another order; see ReorderingShape.
EXPORTED int32_t micronet_edge_train_reorder(const char* instructions, int32_t doubles, int64_t rows,
                                             int64_t channels, const int32_t* order, double low, double high,
                                             const void* x, void* y) {
  const ReorderingShape shape{rows, channels, order};
  const bool sound = x != nullptr && y != nullptr && order != nullptr && low <= high && shape.is_sound();
  return with_loops(instructions, doubles, sound, [&](const auto& loops, auto* kind) {
    using Pointer = decltype(kind);
    using Number = std::remove_pointer_t<Pointer>;
    loops.reorder(shape, static_cast<Number>(low), static_cast<Number>(high),
                  static_cast<Pointer>(const_cast<void*>(x)), static_cast<Pointer>(y));
  });
}

// Its gradient. Without y, nothing was clipped.
EXPORTED int32_t micronet_edge_train_reorder_gradient(const char* instructions, int32_t doubles, int64_t rows,
                                                      int64_t channels, const int32_t* order, double low, double high,
                                                      const void* y, const void* dy, void* dx) {
  const ReorderingShape shape{rows, channels, order};
  const bool sound = dy != nullptr && dx != nullptr && order != nullptr && shape.is_sound();
  return with_loops(instructions, doubles, sound, [&](const auto& loops, auto* kind) {
    using Pointer = decltype(kind);
    using Number = std::remove_pointer_t<Pointer>;
    loops.differentiate_reordered(shape, static_cast<Number>(low), static_cast<Number>(high),
                                  static_cast<Pointer>(const_cast<void*>(y)),
                                  static_cast<Pointer>(const_cast<void*>(dy)), static_cast<Pointer>(dx));
  });
}

// The name of the best loops for this CPU.
EXPORTED const char* micronet_edge_train_instructions() { return best_training().name; }
