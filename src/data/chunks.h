#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "base/error.h"
#include "data/split.h"

namespace tessera {

/// A stretch of one user's training history that a causal model reads once, predicting every item of it from those
/// before: items [begin, end) of Split::all; the answers are [first_target, end).
struct Chunk {
  UserId user;
  int64_t begin, end;
  int64_t first_target;
  int64_t size() const { return end - begin; }
  int64_t answers() const { return end - first_target; }
};

/// Cuts every training history so that each item after the first `min_history` is an answer exactly once, with at most
/// `max_history` and at least `min_history` items before it. Histories longer than that are cut into chunks that
/// overlap by half, or more where min_history asks for it, so that every answer keeps at least max_history / 2 items of
/// context.
/// @param max_history >= 2
/// @throws Error(config) if min_history is above max_history
inline std::vector<Chunk> make_chunks(const Split& split, int64_t max_history, int64_t min_history = 1) {
  TESSERA_CHECK(min_history <= max_history, config, "min_history is {}, wanted at most max_history = {}", min_history,
                max_history);
  std::vector<Chunk> chunks;
  const int64_t longest = max_history + 1, stride = (max_history + 1) / 2;
  for (int64_t u = 0; u < split.all.num_users(); ++u) {
    const int64_t first = split.all.offsets[static_cast<size_t>(u)], last = split.train_end[static_cast<size_t>(u)];
    int64_t target = first + min_history, begin = first;
    while (target < last) {
      const int64_t end = std::min(last, begin + longest);
      chunks.push_back({UserId{static_cast<int32_t>(u)}, begin, end, target});
      target = end;
      begin = std::min(begin + stride, target - min_history);
    }
  }
  return chunks;
}

}  // namespace tessera
