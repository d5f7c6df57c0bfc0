// The vector operations of the loops, on x86-64 with AVX2.
#pragma once

#include <immintrin.h>

#include <cstdint>

#include "shape.h"
#include "tile.h"

namespace micronet_edge {
namespace {

struct Vectors {
  static constexpr int kFloatLoad = 32;

  using Floats = __m256;
  using Bytes = __m128i;
  using Shorts = __m256i;
  struct Two {  // sixteen 32-bit numbers, or pairs of 16-bit ones, in the order of unpacking
    __m256i low, high;
  };
  struct Rounding {
    __m256 multiplier;
    __m256i zero, lowest, highest;
  };

  static Floats load(const float* from) { return _mm256_loadu_ps(from); }
  static Floats load(const int8_t* from) {
    return _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(from))));
  }
  static void store(float* to, Floats x) { _mm256_storeu_ps(to, x); }
  static Floats all(float x) { return _mm256_set1_ps(x); }
  static Floats add(Floats x, Floats y) { return _mm256_add_ps(x, y); }
  static float sum(Floats x) {
    __m128 half = _mm_add_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1));
    half = _mm_add_ps(half, _mm_movehl_ps(half, half));
    return _mm_cvtss_f32(_mm_add_ss(half, _mm_shuffle_ps(half, half, 1)));
  }
  static Floats multiply(Floats x, Floats y) { return _mm256_mul_ps(x, y); }
  static Floats multiply_add(Floats x, Floats y, Floats z) { return _mm256_fmadd_ps(x, y, z); }
  // The instruction returns its second operand if the first is NaN.
  static Floats larger(Floats x, Floats y) {
    return _mm256_blendv_ps(_mm256_max_ps(x, y), x, _mm256_cmp_ps(x, x, _CMP_UNORD_Q));
  }

  // The value is the second operand, so NaN stays.
  static Floats clip(Floats x, Floats low, Floats high) {
    return _mm256_min_ps(high, _mm256_max_ps(low, x));
  }

  static Bytes load_bytes(const void* from) { return _mm_loadu_si128(static_cast<const __m128i*>(from)); }
  static void store_bytes(int8_t* to, Bytes x) { _mm_storeu_si128(reinterpret_cast<__m128i*>(to), x); }
  static Bytes pick(Bytes x, Bytes places) { return _mm_shuffle_epi8(x, places); }
  static Bytes both(Bytes x, Bytes y) { return _mm_or_si128(x, y); }
  static Floats picked(const Piece* pieces, const Reading& reading, const float* x) {
    Floats floats = _mm256_setzero_ps();
    for (const Piece *each = pieces + reading.first[0], *end = each + reading.count[0]; each != end; ++each) {
      const __m256i place = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(each->floats));
      const Floats read = load(x + each->offset / static_cast<int>(sizeof(float)));
      const __m256 none = _mm256_castsi256_ps(_mm256_srai_epi32(place, 31));
      floats = _mm256_or_ps(floats, _mm256_andnot_ps(none, _mm256_permutevar8x32_ps(read, place)));
    }
    return floats;
  }

  static Shorts load_shorts(const int16_t* from) {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
  }
  static Shorts all_shorts(int16_t x) { return _mm256_set1_epi16(x); }
  static Shorts less(Bytes x, Shorts zero) { return _mm256_sub_epi16(_mm256_cvtepi8_epi16(x), zero); }
  static Two pairs(Shorts x, Shorts y) { return {_mm256_unpacklo_epi16(x, y), _mm256_unpackhi_epi16(x, y)}; }
  static Two dot(Two x, Two a) { return {_mm256_madd_epi16(x.low, a.low), _mm256_madd_epi16(x.high, a.high)}; }
  static Two larger(Two x, Two y) { return {_mm256_max_epi32(x.low, y.low), _mm256_max_epi32(x.high, y.high)}; }

  static Rounding rounding(const QParams& qparams) {
    return {_mm256_set1_ps(qparams.multiplier), all_shorts(static_cast<int16_t>(qparams.y_zero)),
            all_shorts(static_cast<int16_t>(qparams.lowest)), all_shorts(static_cast<int16_t>(qparams.highest))};
  }
  static Bytes requantized(Two sums, const Rounding& to) {
    __m256i y = _mm256_adds_epi16(_mm256_packs_epi32(rounded(sums.low, to), rounded(sums.high, to)), to.zero);
    y = _mm256_min_epi16(_mm256_max_epi16(y, to.lowest), to.highest);
    return _mm_packs_epi16(_mm256_castsi256_si128(y), _mm256_extracti128_si256(y, 1));
  }

 private:
  static __m256i rounded(__m256i sums, const Rounding& to) {
    return _mm256_cvtps_epi32(_mm256_mul_ps(_mm256_cvtepi32_ps(sums), to.multiplier));
  }
};

}  // namespace
}  // namespace micronet_edge
