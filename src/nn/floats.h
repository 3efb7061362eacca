#pragma once

#include <c10/util/BFloat16.h>

#include <bit>
#include <cstdint>
#include <cstring>

#if defined(__AVX512BF16__)
#include <immintrin.h>
#endif

/// One register of floats, as wide as this build's machine has them. The compiler's own vector types: `+ - * / < ?:`
/// work lane by lane on any processor.
namespace tessera::simd {

#if defined(__AVX512F__)
inline constexpr int kLanes = 16;
#elif defined(__AVX__)
inline constexpr int kLanes = 8;
#else
inline constexpr int kLanes = 4;
#endif

using Floats = float __attribute__((vector_size(kLanes * 4)));
using Ints = int32_t __attribute__((vector_size(kLanes * 4)));
using Words = uint32_t __attribute__((vector_size(kLanes * 4)));
using Halves = uint16_t __attribute__((vector_size(kLanes * 2)));

inline Floats all(float value) {
  return value - Floats{};  // keeps -0
}

inline Floats load_floats(const float* p) {
  Floats v;
  std::memcpy(&v, p, sizeof(v));
  return v;
}
inline Floats load_floats(const c10::BFloat16* p) {
  Halves half;
  std::memcpy(&half, p, sizeof(half));
  return std::bit_cast<Floats>(__builtin_convertvector(half, Words) << 16);
}

inline void store_floats(float* p, Floats v) {
  std::memcpy(p, &v, sizeof(v));
}
/// Rounds to nearest even. A NaN stays one; what is below the least normal number may become zero.
inline void store_floats(c10::BFloat16* p, Floats v) {
#if defined(__AVX512BF16__)
  const auto half = _mm512_cvtneps_pbh(std::bit_cast<__m512>(v));
#else
  const auto bits = std::bit_cast<Words>(v);
  const Words rounded = (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16;
  const Halves half = __builtin_convertvector(v == v ? rounded : (bits >> 16 | 0x40u), Halves);
#endif
  std::memcpy(p, &half, sizeof(half));
}

inline Floats largest_of(Floats a, Floats b) {
  return a > b ? a : b;
}

/// All lanes brought together by `join(a, b)`, halves first: few steps that wait for each other.
template <class Join>
inline float fold_lanes(Floats v, const Join& join) {
  float lane[kLanes];
  std::memcpy(lane, &v, sizeof(v));
#pragma GCC unroll 4
  for (int half = kLanes / 2; half > 0; half /= 2)
#pragma GCC unroll 8
    for (int i = 0; i < half; ++i) lane[i] = join(lane[i], lane[i + half]);
  return lane[0];
}
inline float sum_of(Floats v) {
  return fold_lanes(v, [](float a, float b) { return a + b; });
}
inline float largest_of(Floats v) {
  return fold_lanes(v, [](float a, float b) { return a > b ? a : b; });
}

/// e^x for x <= 0 with relative error below 3e-7; below -87 it gives 0. As exp_nonpositive(float), lane by lane.
inline Floats exp_nonpositive(Floats x) {
  const Floats clamped = x < -87.0f ? all(-87.0f) : x;
  const Floats n = (clamped * 1.44269504088896341f + 12582912.0f) - 12582912.0f;
  const Floats r = (clamped - n * 0.693359375f) + n * 2.12194440e-4f;
  Floats p = all(1.9875691500e-4f);
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  const Floats e = p * r * r + r + 1.0f;
  const Ints exponent = (__builtin_convertvector(n, Ints) + 127) << 23;
  return x < -87.0f ? Floats{} : e * std::bit_cast<Floats>(exponent);
}

}  // namespace tessera::simd
