#include "decode/context_search.h"

#include <algorithm>
#include <cmath>

#include "nn/floats.h"

namespace tessera {

float log_sum_exp(const float* row, int64_t size) {
  using namespace simd;
  const int64_t whole = size / kLanes * kLanes;
  Floats best = all(row[0]);
  for (int64_t i = 0; i < whole; i += kLanes) best = largest_of(best, load_floats(row + i));
  float largest = largest_of(best);
  for (int64_t i = whole; i < size; ++i) largest = std::max(largest, row[i]);
  Floats sums{};
  for (int64_t i = 0; i < whole; i += kLanes) sums += exp_nonpositive(load_floats(row + i) - largest);
  float sum = sum_of(sums);
  for (int64_t i = whole; i < size; ++i) sum += std::exp(row[i] - largest);
  return largest + std::log(sum);
}

BeamAnswer ranked(std::vector<std::pair<float, ItemId>> found, int64_t k) {
  std::sort(found.begin(), found.end(),
            [](const auto& a, const auto& b) { return a.first != b.first ? a.first > b.first : a.second < b.second; });
  if (static_cast<int64_t>(found.size()) > k) found.resize(static_cast<size_t>(k));
  BeamAnswer answer;
  answer.items.reserve(found.size());
  answer.scores.reserve(found.size());
  for (const auto& [score, item] : found) {
    answer.items.push_back(item);
    answer.scores.push_back(score);
  }
  return answer;
}

AllowedItems::AllowedItems(const Trie& trie, const BeamQuery& query) : filter_(query.filter) {
  excluded_.reserve(query.exclude.size());
  for (const ItemId item : query.exclude) {
    const int32_t position = trie.position_of(item);
    if (filter_ == nullptr || filter_->allows(position)) excluded_.push_back(position);
  }
  std::sort(excluded_.begin(), excluded_.end());
  excluded_.erase(std::unique(excluded_.begin(), excluded_.end()), excluded_.end());
}

bool AllowedItems::any(int32_t first, int32_t last) const {
  const int64_t inside = filter_ == nullptr ? last - first : filter_->count(first, last);
  if (inside == 0 || excluded_.empty()) return inside > 0;
  const auto begin = std::lower_bound(excluded_.begin(), excluded_.end(), first);
  return std::lower_bound(begin, excluded_.end(), last) - begin < inside;
}

bool ContextSearch::before(const Beam& a, const Beam& b) {
  if (a.score != b.score) return a.score > b.score;
  return a.parent != b.parent ? a.parent < b.parent : a.node < b.node;
}

void ContextSearch::start(const Trie& trie, const BeamQuery& query, int64_t width, bool renormalise) {
  trie_ = &trie;
  allowed_ = AllowedItems(trie, query);
  k_ = query.k;
  depth_ = 0;
  width_ = static_cast<size_t>(width);
  renormalise_ = renormalise;
  beams_.clear();
  if (allowed_.any(0, static_cast<int32_t>(trie.num_items()))) beams_.push_back({0.0f, 0, 0, 0});
}

/// The log-probability mass of the codes that may follow.
float ContextSearch::renormalised(const Beam& beam, const float* logits) const {
  const auto [first, last] = trie_->children(depth_, beam.node);
  std::vector<float> codes;
  for (int32_t child = first; child < last; ++child) {
    const auto [begin, end] = trie_->interval(depth_ + 1, child);
    if (allowed_.everything() || allowed_.any(begin, end)) codes.push_back(logits[trie_->token(depth_ + 1, child)]);
  }
  return codes.empty() ? 0.0f : log_sum_exp(codes.data(), static_cast<int64_t>(codes.size()));
}

void ContextSearch::keep(const Beam& beam) {
  if (!(beam.score > kNoBeam)) return;  // also NaN, which has no place in an order
  const bool full = next_.size() == width_;
  if (full && !before(beam, next_.front())) return;
  if (!allowed_.everything()) {
    const auto [first, last] = trie_->interval(depth_ + 1, beam.node);
    if (!allowed_.any(first, last)) return;
  }
  if (full) {
    std::pop_heap(next_.begin(), next_.end(), before);
    next_.back() = beam;
  } else {
    next_.push_back(beam);
  }
  std::push_heap(next_.begin(), next_.end(), before);  // the worst on top
}

void ContextSearch::extend(const float* logits, int64_t stride, const float* totals) {
  next_.clear();
  const std::span<const int32_t> tokens = trie_->tokens(depth_ + 1);
  for (size_t w = 0; w < beams_.size(); ++w) {
    const float* row = logits + static_cast<int64_t>(w) * stride;
    const float base = beams_[w].score - (renormalise_ ? renormalised(beams_[w], row) : totals[w]);
    const auto [first, last] = trie_->children(depth_, beams_[w].node);
    for (int32_t child = first; child < last; ++child) {
      const int32_t token = tokens[static_cast<size_t>(child)];
      const float score = base + row[token];
      if (next_.size() == width_ && score < next_.front().score) continue;
      keep({score, static_cast<int32_t>(w), child, token});
    }
  }
  std::sort_heap(next_.begin(), next_.end(), before);
  beams_.swap(next_);
  ++depth_;
}

BeamAnswer ContextSearch::answer() const {
  std::vector<std::pair<float, ItemId>> found;
  for (const Beam& beam : beams_) {
    const auto [first, last] = trie_->interval(depth_, beam.node);
    for (int32_t position = first; position < last; ++position)
      if (allowed_.everything() || allowed_.any(position, position + 1))
        found.emplace_back(beam.score, trie_->item_at(position));
  }
  return ranked(std::move(found), k_);
}

}  // namespace tessera
