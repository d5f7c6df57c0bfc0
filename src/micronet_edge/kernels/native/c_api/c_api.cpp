// The C interface: plain functions over arrays, which the tests call as well.
#include <exception>

#include "export.h"
#include "instructions.h"

using namespace micronet_edge;

namespace {

enum Status : int32_t { kOk = 0, kUnsound = 1, kNoSuchInstructions = 2, kFailed = 3 };

// Calls `work` with a valid shape and the instructions of that name.
template <class Work>
int32_t checked(const char* instructions, int32_t shifts, int32_t fusions, int64_t inputs, int64_t outputs,
                const int32_t* sources, int64_t pixels, const Work& work) {
  if (instructions == nullptr || sources == nullptr || pixels < 0 || pixels > kMostPixels) return kUnsound;
  const Instructions* with = find_instructions(instructions);
  if (with == nullptr) return kNoSuchInstructions;
  try {
    Shape shape{shifts, fusions, inputs, outputs, {}};
    if (!shape.has_sound_sides()) return kUnsound;
    shape.sources.assign(sources, sources + shifts * outputs);
    return shape.is_sound() ? work(*with, shape) : kUnsound;
  } catch (const std::exception&) {
    return kFailed;
  }
}

template <class Number, class Sum, class Choose>
int32_t summed(const char* instructions, const Number* x, Sum* sums, int64_t channels, int64_t pixels,
               const Choose& function_of) {
  const Instructions* with = instructions == nullptr ? nullptr : find_instructions(instructions);
  if (with == nullptr) return kNoSuchInstructions;
  if (x == nullptr || sums == nullptr || channels < 1 || pixels < 0 || pixels > kMostPixels) return kUnsound;
  function_of(*with)(x, sums, channels, pixels);
  return kOk;
}

}  // namespace

// y [outputs, pixels] of x [inputs, pixels], or both transposed with `rows`, clipped to [low, high];
// a [fusions, shifts, outputs], sources [shifts, outputs].
EXPORTED int32_t micronet_edge_shift_max_float(const char* instructions, int32_t rows, int32_t shifts, int32_t fusions,
                                               int64_t inputs, int64_t outputs, const int32_t* sources, const float* a,
                                               const float* x, float* y, int64_t pixels, float low,
                                               float high) {
  if (a == nullptr || x == nullptr || y == nullptr || !(low <= high)) return kUnsound;
  return checked(instructions, shifts, fusions, inputs, outputs, sources, pixels,
                 [&](const Instructions& with, const Shape& shape) -> int32_t {
                   const Ends ends{low, high};
                   if (rows == 0) {
                     with.float_planes(shape, ends, a, x, y, pixels);
                   } else {
                     const Tile tile(shape, sizeof(float), kFloatsInVector, with.float_load);
                     with.float_rows(shape, tile, ends, a, x, y, pixels);
                   }
                   return kOk;
                 });
}

// The same in int8: y = clip(round(multiplier * largest sum) + y_zero), with quantized coefficients a.
EXPORTED int32_t micronet_edge_shift_max_int8(const char* instructions, int32_t rows, int32_t shifts, int32_t fusions,
                                              int64_t inputs, int64_t outputs, const int32_t* sources, const int16_t* a,
                                              const int8_t* x, int8_t* y, int64_t pixels, int32_t x_zero,
                                              int32_t y_zero, float multiplier, int32_t lowest, int32_t highest) {
  if (a == nullptr || x == nullptr || y == nullptr) return kUnsound;
  return checked(instructions, shifts, fusions, inputs, outputs, sources, pixels,
                 [&](const Instructions& with, const Shape& shape) -> int32_t {
                   const QParams qparams{x_zero, y_zero, multiplier, lowest, highest};
                   if (!qparams.is_sound(shifts)) return kUnsound;
                   const int32_t largest = largest_coefficient(shifts);
                   for (int64_t i = 0; i < shape.coefficients(); ++i) {
                     if (a[i] > largest || a[i] < -largest) return kUnsound;
                   }
                   if (rows == 0) {
                     with.int8_planes(shape, qparams, a, x, y, pixels);
                   } else {
                     with.int8_rows(shape, Tile(shape, 1, kBytesInVector, kBytesInVector), qparams, a, x, y, pixels);
                   }
                   return kOk;
                 });
}

// The sums of x over all pixels, per channel.
EXPORTED int32_t micronet_edge_sum_float(const char* instructions, int32_t rows, const float* x, float* sums,
                                         int64_t channels, int64_t pixels) {
  return summed(instructions, x, sums, channels, pixels, [rows](const Instructions& with) {
    return rows == 0 ? with.sum_float_planes : with.sum_float_rows;
  });
}

EXPORTED int32_t micronet_edge_sum_int8(const char* instructions, int32_t rows, const int8_t* x, int32_t* sums,
                                        int64_t channels, int64_t pixels) {
  return summed(instructions, x, sums, channels, pixels, [rows](const Instructions& with) {
    return rows == 0 ? with.sum_int8_planes : with.sum_int8_rows;
  });
}

// The name of the best instructions of this CPU.
EXPORTED const char* micronet_edge_instructions() { return best_instructions().name; }
