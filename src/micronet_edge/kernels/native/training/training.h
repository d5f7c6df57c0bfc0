// Dynamic Shift-Max in training: values and gradients of a batch of rows [images, pixels, channels].
#pragma once

#include <cstdint>

namespace micronet_edge {

// The channels of the result may stand in another order than the activation's own: a shuffle that follows costs nothing.
struct TrainingShape {
  int32_t shifts, fusions;
  int64_t images, pixels, channels;
  const int32_t* sources;  // [shifts, channels]: the channel of x that a channel of the result reads
  const int32_t* order;    // [channels]: the channel of the coefficients that it takes

  // Whether one or two shifts and fusions are wanted, as in the released networks, and all lists are permutations.
  bool is_sound() const;
};

// A batch of rows whose channels are put in another order.
struct ReorderingShape {
  int64_t rows, channels;
  const int32_t* order;  // [channels]: the channel of x that a channel of the result is

  bool is_sound() const;
};

// The loops for one type of number. Coefficients `a` are [images, fusions, shifts, channels].
template <class Number>
struct TrainingLoops {
  void (*fuse)(const TrainingShape&, const Number* a, const Number* x, Number* y);

  // The gradients of x and of the coefficients; either may be null. Equal sums share a gradient in halves.
  void (*differentiate)(const TrainingShape&, const Number* a, const Number* x, const Number* dy, Number* dx,
                        Number* da);

  // y = clip(x, low, high), reordered.
  void (*reorder)(const ReorderingShape&, Number low, Number high, const Number* x, Number* y);

  // The gradient of x: that of y, or zero where `y` is at an end.
  void (*differentiate_reordered)(const ReorderingShape&, Number low, Number high, const Number* y, const Number* dy,
                                  Number* dx);
};

// The loops, compiled once per instruction set.
struct Training {
  const char* name;
  TrainingLoops<float> floats;
  TrainingLoops<double> doubles;
};

extern const Training kPlainTraining;  // for every CPU
#if defined(__x86_64__)
extern const Training kAvx2Training;
#endif

// The best loops for this CPU.
const Training& best_training();

// The loops of that name, if this CPU can run them.
const Training* find_training(const char* name);

}  // namespace micronet_edge
