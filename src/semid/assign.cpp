#include "semid/assign.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"

namespace tessera {

namespace {

/// Squared length of a - b.
float distance(std::span<const float> a, std::span<const float> b) {
  float sum = 0;
  for (size_t i = 0; i < a.size(); ++i) sum += (a[i] - b[i]) * (a[i] - b[i]);
  return sum;
}

bool scaled_before(const SemanticIds& ids) {
  const auto found = ids.metadata.find("normalise");
  return found != ids.metadata.end() && found->second == "1";
}

}  // namespace

CodeAssigner::CodeAssigner(const SemanticIds& ids)
    : level_sizes_(ids.level_sizes), codebooks_(ids.codebooks), normalise_(scaled_before(ids)) {
  TESSERA_CHECK(!codebooks_.empty() && codebooks_.size() + 1 >= level_sizes_.size(), unsupported,
                "these semantic IDs have {} codebooks for {} levels, so new items cannot be given codes",
                codebooks_.size(), level_sizes_.size());
  if (!tells_collisions_apart()) return;
  for (int32_t i = 0; i < ids.num_items(); ++i) {
    const auto codes = ids.of(ItemId{i});
    taken_.emplace(bucket_of(codes), codes.back());
  }
}

/// The bucket that codes fall into, whatever their last level says: mixed radix, so equal only for equal codes.
uint64_t CodeAssigner::bucket_of(std::span<const int32_t> codes) const {
  uint64_t bucket = 0;
  for (size_t l = 0; l < codebooks_.size(); ++l)
    bucket = bucket * static_cast<uint64_t>(level_sizes_[l]) + static_cast<uint64_t>(codes[l]);
  return bucket;
}

std::vector<CodeAssigner::Candidate> CodeAssigner::quantise(std::span<const float> vector, int64_t beam) const {
  std::vector<Candidate> live = {{0.0f, {}, {vector.begin(), vector.end()}}}, next;
  for (const Matrix& codebook : codebooks_) {
    std::vector<std::pair<float, std::pair<size_t, int32_t>>> ways;  // error, (candidate, code)
    for (size_t c = 0; c < live.size(); ++c)
      for (int64_t code = 0; code < codebook.rows; ++code)
        ways.push_back({distance(live[c].residual, codebook.row(code)), {c, static_cast<int32_t>(code)}});
    const auto keep = std::min<size_t>(static_cast<size_t>(beam), ways.size());
    std::partial_sort(ways.begin(), ways.begin() + static_cast<int64_t>(keep), ways.end());
    next.clear();
    for (size_t w = 0; w < keep; ++w) {
      const auto [from, code] = ways[w].second;
      Candidate candidate{ways[w].first, live[from].codes, live[from].residual};
      candidate.codes.push_back(code);
      const auto centre = codebook.row(code);
      for (size_t i = 0; i < centre.size(); ++i) candidate.residual[i] -= centre[i];
      next.push_back(std::move(candidate));
    }
    live.swap(next);
  }
  return live;
}

bool CodeAssigner::assign(std::span<const float> vector, std::span<int32_t> codes, int64_t candidates) {
  TESSERA_CHECK(static_cast<int64_t>(vector.size()) == codebooks_.front().cols && codes.size() == level_sizes_.size(),
                shape, "a vector of {} for codebooks of {}, {} codes for {} levels", vector.size(),
                codebooks_.front().cols, codes.size(), level_sizes_.size());
  std::vector<float> scaled(vector.begin(), vector.end());
  if (normalise_) {
    const float length = std::sqrt(distance(scaled, std::vector<float>(scaled.size(), 0.0f)));
    if (length > 0)
      for (float& value : scaled) value /= length;
  }
  // The greedy codes of the tokenizer come first: a wider beam may find a smaller error, but an old item would move.
  std::vector<Candidate> found = quantise(scaled, 1);
  if (tells_collisions_apart())
    for (Candidate& other : quantise(scaled, candidates)) found.push_back(std::move(other));
  const bool last = tells_collisions_apart();
  for (const Candidate& candidate : found) {
    std::copy(candidate.codes.begin(), candidate.codes.end(), codes.begin());
    if (!last) return true;
    const uint64_t bucket = bucket_of(codes);
    auto at = taken_.lower_bound({bucket, 0});
    int32_t free = 0;
    for (; at != taken_.end() && at->first == bucket && at->second == free; ++at) ++free;
    if (free >= level_sizes_.back()) continue;
    codes.back() = free;
    taken_.emplace_hint(at, bucket, free);
    return true;
  }
  std::copy(found.front().codes.begin(), found.front().codes.end(), codes.begin());
  codes.back() = level_sizes_.back() - 1;
  return false;
}

bool CodeAssigner::take(std::span<const int32_t> codes) {
  if (codes.size() != level_sizes_.size()) return false;
  for (size_t l = 0; l < codes.size(); ++l)
    if (codes[l] < 0 || codes[l] >= level_sizes_[l]) return false;
  return !tells_collisions_apart() || taken_.emplace(bucket_of(codes), codes.back()).second;
}

void CodeAssigner::release(std::span<const int32_t> codes) {
  if (!tells_collisions_apart()) return;
  taken_.erase({bucket_of(codes), codes.back()});
}

}  // namespace tessera
