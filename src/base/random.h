#pragma once

#include <array>
#include <cmath>
#include <cstdint>
#include <span>
#include <string_view>
#include <utility>

namespace tessera {

/// Philox4x32-10 (Salmon et al., SC'11): four random words from a counter and a key, without any state.
std::array<uint32_t, 4> philox(uint64_t key, uint64_t counter_high, uint64_t counter_low);

/// A stable 64-bit hash of a name, for deriving the stream of a purpose ("train.order") from it.
uint64_t stream_id(std::string_view name);

/// A seeded random stream. Two streams of one seed are independent; a stream's n-th number depends on nothing but
/// (seed, stream, n), so work split over threads by index gives the same numbers for any thread count.
/// Not thread-safe: give each unit of work its own Random(seed, stream, unit).
class Random {
 public:
  Random(uint64_t seed, std::string_view stream, uint64_t unit = 0) : key_(seed ^ stream_id(stream)), unit_(unit) {}

  uint32_t next_u32() {
    if (used_ == 4) {
      block_ = philox(key_, unit_, counter_++);
      used_ = 0;
    }
    return block_[used_++];
  }
  uint64_t next_u64() {
    const uint64_t high = next_u32();
    return high << 32 | next_u32();
  }
  /// Uniform in [0, 1), 53 bits.
  double uniform() { return static_cast<double>(next_u64() >> 11) * 0x1.0p-53; }
  double uniform(double low, double high) { return low + (high - low) * uniform(); }
  /// Uniform in [0, n), n >= 1.
  uint64_t below(uint64_t n) { return static_cast<uint64_t>((static_cast<unsigned __int128>(next_u64()) * n) >> 64); }
  /// Standard normal (Box-Muller).
  double normal() {
    const double u = 1.0 - uniform();
    return std::sqrt(-2.0 * std::log(u)) * std::cos(6.283185307179586 * uniform());
  }
  /// Standard exponential.
  double exponential() { return -std::log(1.0 - uniform()); }
  bool chance(double probability) { return uniform() < probability; }
  /// Index drawn in proportion to the weights (all >= 0, sum > 0).
  size_t weighted(std::span<const double> weights);

  /// Fisher-Yates.
  template <class T>
  void shuffle(std::span<T> values) {
    for (size_t i = values.size(); i > 1; --i) std::swap(values[i - 1], values[below(i)]);
  }

 private:
  uint64_t key_;
  uint64_t unit_;
  uint64_t counter_ = 0;
  std::array<uint32_t, 4> block_{};
  int used_ = 4;
};

}  // namespace tessera
