#pragma once

#include <ATen/Parallel.h>
#include <c10/util/BFloat16.h>

#include <bit>
#include <cstdint>

/// Small scalar pieces of the CPU kernels, written so that the compiler turns loops over them into vector code.
namespace tessera::simd {

inline float load(const float* p) {
  return *p;
}
inline float load(const c10::BFloat16* p) {
  return std::bit_cast<float>(static_cast<uint32_t>(p->x) << 16);
}
inline void store(float* p, float value) {
  *p = value;
}
/// Round to nearest even; NaN stays NaN.
inline void store(c10::BFloat16* p, float value) {
  const auto bits = std::bit_cast<uint32_t>(value);
  const uint32_t rounded = (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16;
  p->x = static_cast<uint16_t>(value != value ? 0x7fc0u : rounded);
}

/// e^x for x <= 0 with relative error below 3e-7; below -87 it gives 0.
inline float exp_nonpositive(float x) {
  const float clamped = x < -87.0f ? -87.0f : x;
  const float shifted = clamped * 1.44269504088896341f + 12582912.0f;  // round to an integer in the low mantissa bits
  const float n = shifted - 12582912.0f;
  const float r = (clamped - n * 0.693359375f) + n * 2.12194440e-4f;
  float p = 1.9875691500e-4f;
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  const float e = p * r * r + r + 1.0f;
  const auto exponent = static_cast<uint32_t>(static_cast<int32_t>(n) + 127) << 23;
  const float result = e * std::bit_cast<float>(exponent);
  return x < -87.0f ? 0.0f : result;
}

/// 32 well-mixed bits for element i of the stream `seed` (a murmur3 finaliser over the counter).
inline uint32_t mix(uint32_t i, uint32_t seed_low, uint32_t seed_high) {
  uint32_t h = i * 0x9E3779B9u + seed_low;
  h ^= h >> 16;
  h *= 0x85EBCA6Bu;
  h ^= (h >> 13) ^ seed_high;
  h *= 0xC2B2AE35u;
  h ^= h >> 16;
  return h;
}

/// A dropout mask that is computed instead of stored.
struct DropMask {
  uint32_t low = 0, high = 0;
  uint32_t threshold = 0;  ///< elements whose bits are below it are dropped
  float scale = 1.0f;      ///< 1 / (1 - p) for the kept

  DropMask() = default;
  DropMask(uint64_t seed, double p)
      : low(static_cast<uint32_t>(seed)),
        high(static_cast<uint32_t>(seed >> 32)),
        threshold(static_cast<uint32_t>(p * 4294967296.0)),
        scale(static_cast<float>(1.0 / (1.0 - p))) {}
  /// The factor of element i: 0 or scale.
  float operator()(int64_t i) const {
    return mix(static_cast<uint32_t>(i), low, high + static_cast<uint32_t>(i >> 32)) < threshold ? 0.0f : scale;
  }
};

}  // namespace tessera::simd
