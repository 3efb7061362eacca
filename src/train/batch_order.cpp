#include "train/batch_order.h"

#include <algorithm>
#include <functional>
#include <limits>
#include <numeric>

#include "base/error.h"
#include "base/random.h"

namespace tessera {

namespace {
constexpr int64_t kBatchesSorted = 50;  // enough to leave almost no padding, few enough to keep batches varied
}

BatchOrder::BatchOrder(int64_t num_examples, int64_t batch_size, uint64_t seed, const OfExample& length,
                       const OfExample& weight)
    : num_examples_(num_examples), batch_size_(batch_size), seed_(seed) {
  TESSERA_CHECK(num_examples > 0, data, "there is no example to train on");
  TESSERA_CHECK(batch_size > 0, config, "batch_size is {}, it must be at least 1", batch_size);
  const auto of_each = [&](const OfExample& number) {
    std::vector<int32_t> out(static_cast<size_t>(num_examples));
    for (int64_t i = 0; i < num_examples; ++i)
      out[i] = static_cast<int32_t>(std::min<int64_t>(number(i), std::numeric_limits<int32_t>::max()));
    return out;
  };
  const auto unless_all_equal = [](std::vector<int32_t> numbers) {
    return std::adjacent_find(numbers.begin(), numbers.end(), std::not_equal_to<>()) == numbers.end()
               ? std::vector<int32_t>()
               : numbers;
  };
  lengths_ = unless_all_equal(of_each(length));
  if (weight && !lengths_.empty()) weights_ = unless_all_equal(of_each(weight));
}

void BatchOrder::start_epoch(int64_t epoch) {
  if (epoch == epoch_) return;
  epoch_ = epoch;
  Random random(seed_, "train.order", static_cast<uint64_t>(epoch));
  examples_.resize(static_cast<size_t>(num_examples_));
  std::iota(examples_.begin(), examples_.end(), 0);
  random.shuffle(std::span(examples_));
  batches_.resize(static_cast<size_t>(num_batches()));
  for (int64_t i = 0; i < num_batches(); ++i)
    batches_[i] = {i * batch_size_, std::min(num_examples_, (i + 1) * batch_size_)};
  if (lengths_.empty()) return;

  const int64_t run = kBatchesSorted * batch_size_;
  for (int64_t begin = 0; begin < num_examples_; begin += run) {
    const int64_t end = std::min(num_examples_, begin + run);
    std::stable_sort(examples_.begin() + begin, examples_.begin() + end,
                     [&](int64_t a, int64_t b) { return lengths_[a] < lengths_[b]; });
    if (!weights_.empty()) cut_by_weight(begin, end);
  }
  random.shuffle(std::span(batches_));
}

/// The batches of examples [begin, end), which are whole batches: as many as before, none of them empty.
void BatchOrder::cut_by_weight(int64_t begin, int64_t end) {
  const int64_t first = begin / batch_size_, count = (end - begin + batch_size_ - 1) / batch_size_;
  int64_t total = 0;
  for (int64_t i = begin; i < end; ++i) total += weights_[examples_[i]];
  int64_t at = begin, sum = 0;
  for (int64_t batch = 0; batch < count; ++batch) {
    const int64_t from = at, last = end - (count - 1 - batch);  // one at least is left for each of the others
    // An example goes where more than half of it belongs.
    while (at < last && (at == from || (2 * sum + weights_[examples_[at]]) * count < 2 * total * (batch + 1)))
      sum += weights_[examples_[at++]];
    if (batch + 1 == count) at = end;
    batches_[first + batch] = {from, at};
  }
}

std::span<const int64_t> BatchOrder::batch(int64_t index) const {
  TESSERA_CHECK(index >= 0 && index < static_cast<int64_t>(batches_.size()), internal, "batch {} of {}", index,
                batches_.size());
  const auto [begin, end] = batches_[index];
  return std::span(examples_).subspan(begin, end - begin);
}

}  // namespace tessera
