#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

namespace tessera {

/// Cuts the examples of one epoch into batches, in an order that depends on (seed, epoch) alone. Every example is in
/// exactly one batch; the last batch may be partial. Where lengths differ, runs of 50 batches are sorted by length
/// before they are cut, so that the examples of a batch need little padding, and the batches are shuffled again.
class BatchOrder {
 public:
  /// @param length  work of an example; called once for each
  BatchOrder(int64_t num_examples, int64_t batch_size, uint64_t seed, const std::function<int64_t(int64_t)>& length);

  int64_t num_batches() const { return (num_examples_ + batch_size_ - 1) / batch_size_; }
  /// Sets the epoch whose batches batch() gives.
  void start_epoch(int64_t epoch);
  /// @param index  below num_batches()
  std::span<const int64_t> batch(int64_t index) const;

 private:
  int64_t num_examples_, batch_size_;
  uint64_t seed_;
  int64_t epoch_ = -1;
  std::vector<int32_t> lengths_;  ///< empty when all are equal
  std::vector<int64_t> examples_;
  std::vector<int64_t> starts_;  ///< of each batch in examples_, in the order of training
};

}  // namespace tessera
