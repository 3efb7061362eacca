#include "http/rate_limit.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <mutex>
#include <unordered_map>

namespace tessera {

struct TokenBucket {
  double tokens = 0;
  RateLimiter::Clock::time_point updated;
  RateLimiter::Clock::time_point full_at;  ///< from then on the bucket tells no more than its absence
};

struct RateLimiter::Shard {
  mutable std::mutex mutex;
  std::unordered_map<std::string, TokenBucket> buckets;

  void make_room(size_t max_buckets, Clock::time_point now) {
    if (buckets.size() < max_buckets) return;
    std::erase_if(buckets, [&](const auto& entry) { return entry.second.full_at <= now; });
    // Half goes at once, so that a flood of new names does not pay for a sweep each.
    for (auto it = buckets.begin(); it != buckets.end() && buckets.size() > max_buckets / 2;) it = buckets.erase(it);
  }
};

RateLimiter::RateLimiter(size_t max_buckets)
    : shards_(std::make_unique<Shard[]>(kShards)), max_per_shard_(std::max<size_t>(2, max_buckets / kShards)) {}
RateLimiter::~RateLimiter() = default;

int RateLimiter::take(const std::string& name, double rate_per_second, double burst, Clock::time_point now) {
  if (!(rate_per_second > 0)) return 0;
  const double size = burst > 0 ? std::max(1.0, burst) : std::max(1.0, rate_per_second);
  Shard& shard = shards_[std::hash<std::string>()(name) % kShards];
  const std::lock_guard lock(shard.mutex);
  auto found = shard.buckets.find(name);
  if (found == shard.buckets.end()) {
    shard.make_room(max_per_shard_, now);
    found = shard.buckets.emplace(name, TokenBucket{size, now, now}).first;
  }
  TokenBucket& bucket = found->second;
  const double elapsed = std::max(0.0, std::chrono::duration<double>(now - bucket.updated).count());
  bucket.tokens = std::min(size, bucket.tokens + elapsed * rate_per_second);
  bucket.updated = std::max(bucket.updated, now);
  const bool allowed = bucket.tokens >= 1;
  if (allowed) bucket.tokens -= 1;
  const double until_full = std::min(1e6, (size - bucket.tokens) / rate_per_second);
  bucket.full_at = now + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(until_full));
  if (allowed) return 0;
  return static_cast<int>(std::clamp(std::ceil((1 - bucket.tokens) / rate_per_second), 1.0, 3600.0));
}

size_t RateLimiter::size() const {
  size_t count = 0;
  for (size_t i = 0; i < kShards; ++i) {
    const std::lock_guard lock(shards_[i].mutex);
    count += shards_[i].buckets.size();
  }
  return count;
}

}  // namespace tessera
