// The vector operations of the loops, on aarch64, where every CPU has NEON.
#pragma once

#include <arm_neon.h>

#include <cstdint>

#include "shape.h"
#include "tile.h"

namespace micronet_edge {
namespace {

struct Vectors {
  static constexpr int kFloatLoad = 16;

  struct Floats {
    float32x4_t low, high;
  };
  using Bytes = uint8x16_t;
  struct Shorts {
    int16x8_t low, high;
  };
  struct Two {  // pairs of sixteen numbers
    Shorts first, second;
  };
  struct Sums {
    int32x4_t part[4];
  };
  struct Rounding {
    float32x4_t multiplier;
    int16x8_t zero, lowest, highest;
  };

  static Floats load(const float* from) { return {vld1q_f32(from), vld1q_f32(from + 4)}; }
  static Floats load(const int8_t* from) {
    const int16x8_t shorts = vmovl_s8(vld1_s8(from));
    return {vcvtq_f32_s32(vmovl_s16(vget_low_s16(shorts))), vcvtq_f32_s32(vmovl_high_s16(shorts))};
  }
  static void store(float* to, Floats x) {
    vst1q_f32(to, x.low);
    vst1q_f32(to + 4, x.high);
  }
  static Floats all(float x) { return {vdupq_n_f32(x), vdupq_n_f32(x)}; }
  static Floats add(Floats x, Floats y) { return {vaddq_f32(x.low, y.low), vaddq_f32(x.high, y.high)}; }
  static float sum(Floats x) { return vaddvq_f32(vaddq_f32(x.low, x.high)); }
  static Floats multiply(Floats x, Floats y) { return {vmulq_f32(x.low, y.low), vmulq_f32(x.high, y.high)}; }
  static Floats multiply_add(Floats x, Floats y, Floats z) {
    return {vfmaq_f32(z.low, x.low, y.low), vfmaq_f32(z.high, x.high, y.high)};
  }
  // The instruction returns NaN if either operand is NaN.
  static Floats larger(Floats x, Floats y) { return {vmaxq_f32(x.low, y.low), vmaxq_f32(x.high, y.high)}; }

  static Floats clip(Floats x, Floats low, Floats high) {
    return {vminq_f32(vmaxq_f32(x.low, low.low), high.low), vminq_f32(vmaxq_f32(x.high, low.high), high.high)};
  }

  static Bytes load_bytes(const void* from) { return vld1q_u8(static_cast<const uint8_t*>(from)); }
  static void store_bytes(int8_t* to, Bytes x) { vst1q_s8(to, vreinterpretq_s8_u8(x)); }
  static Bytes pick(Bytes x, Bytes places) { return vqtbl1q_u8(x, places); }
  static Bytes both(Bytes x, Bytes y) { return vorrq_u8(x, y); }
  static Floats picked(const Piece* pieces, const Reading& reading, const float* x) {
    Bytes half[2] = {vdupq_n_u8(0), vdupq_n_u8(0)};
    for (int part = 0; part < 2; ++part) {
      const Piece* first = pieces + reading.first[part];
      for (const Piece* each = first; each != first + reading.count[part]; ++each) {
        const Bytes read = load_bytes(reinterpret_cast<const uint8_t*>(x) + each->offset);
        half[part] = both(half[part], pick(read, load_bytes(each->bytes)));
      }
    }
    return {vreinterpretq_f32_u8(half[0]), vreinterpretq_f32_u8(half[1])};
  }

  static Shorts load_shorts(const int16_t* from) { return {vld1q_s16(from), vld1q_s16(from + 8)}; }
  static Shorts all_shorts(int16_t x) { return {vdupq_n_s16(x), vdupq_n_s16(x)}; }
  static Shorts less(Bytes x, Shorts zero) {
    const int8x16_t bytes = vreinterpretq_s8_u8(x);
    return {vsubq_s16(vmovl_s8(vget_low_s8(bytes)), zero.low), vsubq_s16(vmovl_high_s8(bytes), zero.high)};
  }
  static Two pairs(Shorts x, Shorts y) { return {x, y}; }
  static Sums dot(Two x, Two a) {
    return {{dot_low(x.first.low, a.first.low, x.second.low, a.second.low),
             dot_high(x.first.low, a.first.low, x.second.low, a.second.low),
             dot_low(x.first.high, a.first.high, x.second.high, a.second.high),
             dot_high(x.first.high, a.first.high, x.second.high, a.second.high)}};
  }
  static Sums larger(Sums x, Sums y) {
    for (int i = 0; i < 4; ++i) x.part[i] = vmaxq_s32(x.part[i], y.part[i]);
    return x;
  }

  static Rounding rounding(const QParams& qparams) {
    return {vdupq_n_f32(qparams.multiplier), vdupq_n_s16(static_cast<int16_t>(qparams.y_zero)),
            vdupq_n_s16(static_cast<int16_t>(qparams.lowest)), vdupq_n_s16(static_cast<int16_t>(qparams.highest))};
  }
  static Bytes requantized(Sums sums, const Rounding& to) {
    const int16x8_t low = clip(rounded(sums.part[0], to), rounded(sums.part[1], to), to);
    const int16x8_t high = clip(rounded(sums.part[2], to), rounded(sums.part[3], to), to);
    return vreinterpretq_u8_s8(vcombine_s8(vqmovn_s16(low), vqmovn_s16(high)));
  }

 private:
  static int32x4_t dot_low(int16x8_t x, int16x8_t a, int16x8_t y, int16x8_t b) {
    return vmlal_s16(vmull_s16(vget_low_s16(x), vget_low_s16(a)), vget_low_s16(y), vget_low_s16(b));
  }
  static int32x4_t dot_high(int16x8_t x, int16x8_t a, int16x8_t y, int16x8_t b) {
    return vmlal_high_s16(vmull_high_s16(x, a), y, b);
  }
  static int16x4_t rounded(int32x4_t sums, const Rounding& to) {
    return vqmovn_s32(vcvtnq_s32_f32(vmulq_f32(vcvtq_f32_s32(sums), to.multiplier)));
  }
  static int16x8_t clip(int16x4_t low, int16x4_t high, const Rounding& to) {
    const int16x8_t y = vqaddq_s16(vcombine_s16(low, high), to.zero);
    return vminq_s16(vmaxq_s16(y, to.lowest), to.highest);
  }
};

}  // namespace
}  // namespace micronet_edge
