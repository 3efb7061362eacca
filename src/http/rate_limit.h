#pragma once

#include <chrono>
#include <memory>
#include <string>

namespace tessera {

/// Token buckets by name: each holds up to `burst` tokens and gains `rate_per_second`; a request takes one.
/// Memory is bounded: beyond `max_buckets`, full ones are forgotten, and if none is full, any. Thread-safe.
class RateLimiter {
 public:
  using Clock = std::chrono::steady_clock;

  explicit RateLimiter(size_t max_buckets = 65536);
  ~RateLimiter();

  /// @param rate_per_second  <= 0: no limit
  /// @param burst            <= 0: max(1, rate_per_second)
  /// @return 0 if the request may go on, else after how many whole seconds, >= 1, it would
  int take(const std::string& name, double rate_per_second, double burst, Clock::time_point now = Clock::now());

  size_t size() const;

 private:
  struct Shard;
  static constexpr size_t kShards = 16;
  std::unique_ptr<Shard[]> shards_;
  size_t max_per_shard_;
};

}  // namespace tessera
