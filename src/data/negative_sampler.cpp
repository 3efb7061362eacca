#include "data/negative_sampler.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/error.h"

namespace tessera {

namespace {

constexpr int kMaxRejections = 64;

}  // namespace

AliasTable::AliasTable(std::span<const double> weights) : threshold_(weights.size()), alias_(weights.size()) {
  double sum = 0;
  for (size_t i = 0; i < weights.size(); ++i) {
    TESSERA_CHECK(std::isfinite(weights[i]) && weights[i] >= 0, data,
                  "weight {} is {}; weights must be finite and not negative", i, weights[i]);
    sum += weights[i];
  }
  TESSERA_CHECK(sum > 0 && std::isfinite(sum), data, "the {} weights sum to {}; nothing can be drawn", weights.size(),
                sum);
  std::vector<int32_t> small, large;
  for (size_t i = 0; i < weights.size(); ++i) {
    threshold_[i] = weights[i] / sum * static_cast<double>(weights.size());
    alias_[i] = static_cast<int32_t>(i);
    (threshold_[i] < 1 ? small : large).push_back(static_cast<int32_t>(i));
  }
  while (!small.empty() && !large.empty()) {
    const auto low = static_cast<size_t>(small.back()), high = static_cast<size_t>(large.back());
    small.pop_back();
    alias_[low] = static_cast<int32_t>(high);
    threshold_[high] -= 1 - threshold_[low];
    if (threshold_[high] < 1) {
      large.pop_back();
      small.push_back(static_cast<int32_t>(high));
    }
  }
  // What is left misses 1 by rounding alone.
  for (const int32_t i : large) threshold_[static_cast<size_t>(i)] = 1;
  for (const int32_t i : small) {
    if (weights[static_cast<size_t>(i)] > 0) threshold_[static_cast<size_t>(i)] = 1;
  }
}

int64_t AliasTable::draw(Random& random) const {
  const auto column = static_cast<size_t>(random.below(threshold_.size()));
  return random.uniform() < threshold_[column] ? static_cast<int64_t>(column) : alias_[column];
}

NegativeSampler::NegativeSampler(const NegativeSamplerOptions& options, std::span<const int64_t> train_counts,
                                 uint64_t seed)
    : log_q_(train_counts.size()), seed_(seed) {
  TESSERA_CHECK(!train_counts.empty(), data, "negatives cannot be drawn from a catalogue without items");
  if (options.kind == "uniform") {
    std::fill(log_q_.begin(), log_q_.end(), -std::log(static_cast<float>(train_counts.size())));
    return;
  }
  TESSERA_CHECK(options.kind == "popularity", config, "negative sampler '{}': wanted uniform or popularity",
                options.kind);
  std::vector<double> weights(train_counts.size());
  for (size_t i = 0; i < weights.size(); ++i) {
    TESSERA_CHECK(train_counts[i] >= 0, data, "item {} has {} training events", i, train_counts[i]);
    weights[i] = train_counts[i] == 0 ? 0 : std::pow(static_cast<double>(train_counts[i]), options.alpha);
  }
  const double sum = std::accumulate(weights.begin(), weights.end(), 0.0);
  for (size_t i = 0; i < weights.size(); ++i) log_q_[i] = static_cast<float>(std::log(weights[i] / sum));
  table_.emplace_back(weights);
}

ItemId NegativeSampler::draw(Random& random) const {
  if (table_.empty()) return static_cast<ItemId>(random.below(log_q_.size()));
  return static_cast<ItemId>(table_.front().draw(random));
}

void NegativeSampler::sample(std::span<const ItemId> positives, int64_t step, int64_t row,
                             std::span<ItemId> negatives) const {
  const auto is_positive = [&](ItemId item) { return std::binary_search(positives.begin(), positives.end(), item); };
  const auto words = philox(seed_, static_cast<uint64_t>(step), static_cast<uint64_t>(row));
  Random random(static_cast<uint64_t>(words[0]) << 32 | words[1], "negatives", words[2]);
  // The items left to draw, made only where the positives are nearly everything.
  std::vector<ItemId> rest;
  std::vector<double> weights;
  for (ItemId& negative : negatives) {
    int tries = 0;
    do {
      negative = draw(random);
    } while (is_positive(negative) && ++tries < kMaxRejections);
    if (tries < kMaxRejections) continue;
    if (rest.empty()) {
      for (int32_t i = 0; i < num_items(); ++i) {
        const auto item = static_cast<ItemId>(i);
        if (std::isinf(log_q(item)) || is_positive(item)) continue;
        rest.push_back(item);
        weights.push_back(std::exp(static_cast<double>(log_q(item))));
      }
    }
    TESSERA_CHECK(!rest.empty(), data, "no negative can be drawn: all {} items that occur in training are positives",
                  num_items());
    negative = rest[random.weighted(weights)];
  }
}

std::vector<float> in_batch_log_q(std::span<const int64_t> train_counts) {
  const double total = static_cast<double>(std::accumulate(train_counts.begin(), train_counts.end(), int64_t{0}));
  TESSERA_CHECK(total > 0, data, "there are no training events, so answers have no frequency");
  std::vector<float> log_q;
  log_q.reserve(train_counts.size());
  for (const int64_t count : train_counts) {
    log_q.push_back(static_cast<float>(std::log(static_cast<double>(std::max<int64_t>(count, 1)) / total)));
  }
  return log_q;
}

std::vector<uint8_t> in_batch_mask(std::span<const ItemId> answers) {
  std::vector<uint8_t> mask(answers.size() * answers.size());
  for (size_t i = 0; i < answers.size(); ++i) {
    for (size_t j = 0; j < answers.size(); ++j) mask[i * answers.size() + j] = answers[i] != answers[j];
  }
  return mask;
}

}  // namespace tessera
