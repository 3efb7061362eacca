#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <utility>
#include <vector>

namespace tessera {

/// Cuts the examples of one epoch into batches, in an order that depends on (seed, epoch) alone. Every example is in
/// exactly one batch; the last batch may be partial. Where lengths differ, runs of 50 batches are sorted by length
/// before they are cut, so that the examples of a batch need little padding, and the batches are shuffled again.
/// A run of sorted examples is cut into batches of as many examples each, or of nearly as much weight each.
class BatchOrder {
 public:
  using OfExample = std::function<int64_t(int64_t)>;
  /// @param length  work of an example; called once for each
  /// @param weight  at least 1, likewise; none: batches have `batch_size` examples, else so many on average
  BatchOrder(int64_t num_examples, int64_t batch_size, uint64_t seed, const OfExample& length,
             const OfExample& weight = {});

  int64_t num_batches() const { return (num_examples_ + batch_size_ - 1) / batch_size_; }
  /// Sets the epoch whose batches batch() gives.
  void start_epoch(int64_t epoch);
  /// @param index  below num_batches()
  std::span<const int64_t> batch(int64_t index) const;

 private:
  void cut_by_weight(int64_t begin, int64_t end);

  int64_t num_examples_, batch_size_;
  uint64_t seed_;
  int64_t epoch_ = -1;
  std::vector<int32_t> lengths_;  ///< empty when all are equal
  std::vector<int32_t> weights_;  ///< empty when batches have as many examples each
  std::vector<int64_t> examples_;
  std::vector<std::pair<int64_t, int64_t>> batches_;  ///< begin and end in examples_, in the order of training
};

}  // namespace tessera
