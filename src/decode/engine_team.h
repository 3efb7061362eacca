#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <exception>
#include <memory>
#include <mutex>
#include <vector>

#include "nn/panels.h"

/// The threads that answer one batch.
namespace tessera::engine {

/// What the first thread that could not go on threw. Thread-safe.
class Failure {
 public:
  void report(std::exception_ptr error);
  /// @throws what was reported first, if anything was
  void check() const {
    if (failed_.load(std::memory_order_acquire)) std::rethrow_exception(error_);
  }

 private:
  std::mutex mutex_;
  std::exception_ptr error_;
  std::atomic<bool> failed_{false};
};

/// Threads that work on the same rows and meet between phases.
class Team {
 public:
  Team(int size, const Failure& failure) : size_(size), failure_(failure) {}
  int size() const { return size_; }
  /// Returns when all have called it. They meet every few hundred microseconds, so waiting threads spin first.
  /// @throws what was reported to the failure: who reports there does not come any more
  void meet();

 private:
  int size_;
  const Failure& failure_;
  std::atomic<int> arrived_{0}, round_{0};
};

/// A team that parts into groups: thread `me` is member me / groups of group me % groups.
class Crew {
 public:
  /// @param groups  1 to `size`
  Crew(int size, int groups, const Failure& failure) : all_(size, failure), num_groups_(groups) {
    for (int g = 0; groups > 1 && g < groups; ++g)
      groups_.push_back(std::make_unique<Team>((size - g + groups - 1) / groups, failure));
  }
  Team& all() { return all_; }
  int num_groups() const { return num_groups_; }
  Team& group(int g) { return groups_.empty() ? all_ : *groups_[static_cast<size_t>(g)]; }

 private:
  Team all_;
  int num_groups_;
  std::vector<std::unique_ptr<Team>> groups_;
};

/// Rows [begin, end).
struct Range {
  int64_t begin, end;
  int64_t size() const { return end - begin; }
};

/// The share of member `me` of `team`, in whole tiles.
inline Range share(int64_t rows, int me, int team) {
  const int64_t tiles = (rows + simd::kTileRows - 1) / simd::kTileRows;
  const auto cut = [&](int64_t i) { return std::min(rows, tiles * i / team * simd::kTileRows); };
  return {cut(me), cut(me + 1)};
}

}  // namespace tessera::engine
