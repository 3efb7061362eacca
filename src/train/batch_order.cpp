#include "train/batch_order.h"

#include <algorithm>
#include <limits>
#include <numeric>

#include "base/error.h"
#include "base/random.h"

namespace tessera {

namespace {
constexpr int64_t kBatchesSorted = 50;  // enough to leave almost no padding, few enough to keep batches varied
}

BatchOrder::BatchOrder(int64_t num_examples, int64_t batch_size, uint64_t seed,
                       const std::function<int64_t(int64_t)>& length)
    : num_examples_(num_examples), batch_size_(batch_size), seed_(seed) {
  TESSERA_CHECK(num_examples > 0, data, "there is no example to train on");
  TESSERA_CHECK(batch_size > 0, config, "batch_size is {}, it must be at least 1", batch_size);
  lengths_.resize(static_cast<size_t>(num_examples));
  for (int64_t i = 0; i < num_examples; ++i) {
    lengths_[i] = static_cast<int32_t>(std::min<int64_t>(length(i), std::numeric_limits<int32_t>::max()));
  }
  const auto equal = [&](int32_t value) { return value == lengths_.front(); };
  if (std::all_of(lengths_.begin(), lengths_.end(), equal)) lengths_ = {};
}

void BatchOrder::start_epoch(int64_t epoch) {
  if (epoch == epoch_) return;
  epoch_ = epoch;
  Random random(seed_, "train.order", static_cast<uint64_t>(epoch));
  examples_.resize(static_cast<size_t>(num_examples_));
  std::iota(examples_.begin(), examples_.end(), 0);
  random.shuffle(std::span(examples_));
  starts_.resize(static_cast<size_t>(num_batches()));
  for (int64_t i = 0; i < num_batches(); ++i) starts_[i] = i * batch_size_;
  if (lengths_.empty()) return;

  const int64_t run = kBatchesSorted * batch_size_;
  for (int64_t begin = 0; begin < num_examples_; begin += run) {
    const int64_t end = std::min(num_examples_, begin + run);
    std::stable_sort(examples_.begin() + begin, examples_.begin() + end,
                     [&](int64_t a, int64_t b) { return lengths_[a] < lengths_[b]; });
  }
  random.shuffle(std::span(starts_));
}

std::span<const int64_t> BatchOrder::batch(int64_t index) const {
  TESSERA_CHECK(index >= 0 && index < static_cast<int64_t>(starts_.size()), internal, "batch {} of {}", index,
                starts_.size());
  const int64_t begin = starts_[index];
  return std::span(examples_).subspan(begin, std::min(batch_size_, num_examples_ - begin));
}

}  // namespace tessera
