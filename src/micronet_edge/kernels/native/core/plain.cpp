#include "plain.h"

#include <algorithm>
#include <cstring>

#include "instructions.h"

namespace micronet_edge {
namespace {

void float_planes(const Shape& shape, const Ends& ends, const float* a, const float* x, float* y, int64_t pixels) {
  for (int64_t o = 0; o < shape.outputs; ++o) {
    for (int64_t p = 0; p < pixels; ++p) y[o * pixels + p] = float_output(shape, ends, a, x + p, pixels, o);
  }
}

void int8_planes(const Shape& shape, const QParams& qparams, const int16_t* a, const int8_t* x, int8_t* y,
                 int64_t pixels) {
  for (int64_t o = 0; o < shape.outputs; ++o) {
    for (int64_t p = 0; p < pixels; ++p) y[o * pixels + p] = int8_output(shape, qparams, a, x + p, pixels, o);
  }
}

void float_rows(const Shape& shape, const Tile&, const Ends& ends, const float* a, const float* x, float* y,
                int64_t pixels) {
  for (int64_t p = 0; p < pixels; ++p, x += shape.inputs, y += shape.outputs) {
    for (int64_t o = 0; o < shape.outputs; ++o) y[o] = float_output(shape, ends, a, x, 1, o);
  }
}

void int8_rows(const Shape& shape, const Tile&, const QParams& qparams, const int16_t* a, const int8_t* x, int8_t* y,
               int64_t pixels) {
  for (int64_t p = 0; p < pixels; ++p, x += shape.inputs, y += shape.outputs) {
    for (int64_t o = 0; o < shape.outputs; ++o) y[o] = int8_output(shape, qparams, a, x, 1, o);
  }
}

template <class Number, class Sum>
void sum_planes(const Number* x, Sum* sums, int64_t channels, int64_t pixels) {
  for (int64_t c = 0; c < channels; ++c, x += pixels) {
    sums[c] = 0;
    for (int64_t p = 0; p < pixels; ++p) sums[c] += x[p];
  }
}

template <class Number, class Sum>
void sum_rows(const Number* x, Sum* sums, int64_t channels, int64_t pixels) {
  std::fill_n(sums, channels, Sum{0});
  for (int64_t p = 0; p < pixels; ++p, x += channels) {
    for (int64_t c = 0; c < channels; ++c) sums[c] += x[c];
  }
}

void add_products(const float* x, int64_t inputs, const float* weight, float* sums, int64_t outputs) {
  for (int64_t i = 0; i < inputs; ++i, weight += outputs) {
    for (int64_t o = 0; o < outputs; ++o) sums[o] += x[i] * weight[o];
  }
}

void add_products_in_blocks(const float* x, int64_t inputs, const int8_t* weight, float* sums, int64_t outputs) {
  for (int64_t o = 0; o < outputs; o += kBlock) {
    for (int64_t i = 0; i < inputs; ++i, weight += kBlock) {
      for (int lane = 0; lane < kBlock; ++lane) sums[o + lane] += x[i] * static_cast<float>(weight[lane]);
    }
  }
}

}  // namespace

const Instructions kPlain = {
    "plain",
    16,
    float_planes,
    int8_planes,
    float_rows,
    int8_rows,
    sum_planes<float, float>,
    sum_planes<int8_t, int32_t>,
    sum_rows<float, float>,
    sum_rows<int8_t, int32_t>,
    add_products,
    add_products_in_blocks,
    finish,
};

const Instructions& best_instructions() {
#if defined(__x86_64__)
  static const Instructions& best =
      __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") ? kAvx2 : kPlain;
  return best;
#elif defined(__aarch64__)
  return kNeon;
#else
  return kPlain;
#endif
}

const Instructions* find_instructions(const char* name) {
  if (std::strcmp(name, kPlain.name) == 0) return &kPlain;
  const Instructions& best = best_instructions();
  return std::strcmp(name, best.name) == 0 ? &best : nullptr;
}

}  // namespace micronet_edge
