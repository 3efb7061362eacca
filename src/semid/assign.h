#pragma once

#include <cstdint>
#include <set>
#include <span>
#include <utility>
#include <vector>

#include "semid/semantic_ids.h"

namespace tessera {

/// Semantic IDs for vectors that came after the codebooks were learned.
///
/// Residual quantisation with a small beam: the nearest codes of each level, then of what is left. Where the last level
/// only tells collisions apart, a new item takes the first free number of its bucket; when a bucket is full, the next
/// nearest one is tried, so every item gets an ID of its own as long as any of the buckets near it has room.
class CodeAssigner {
 public:
  /// @param ids  with codebooks; `metadata["normalise"]` = "1" where vectors were scaled to length 1 before clustering.
  ///             Its codes count as taken
  /// @throws Error(unsupported) if it has no codebooks
  explicit CodeAssigner(const SemanticIds& ids);

  /// Codes of one vector. Takes a place of its bucket.
  /// @param vector  [dim]; @param codes  [levels], written
  /// @param candidates  nearest quantisations that are tried for a free place
  /// @return false when every candidate's bucket was full: the codes are then those of the nearest bucket's last place,
  ///         which it shares
  bool assign(std::span<const float> vector, std::span<int32_t> codes, int64_t candidates = 16);

  /// Takes the place of codes that an item was given before.
  /// @return false where they cannot be taken: not as many as levels, out of range, or the place of another
  bool take(std::span<const int32_t> codes);

  /// Gives an item's place back, before it is assigned anew.
  void release(std::span<const int32_t> codes);

 private:
  struct Candidate {
    float error;
    std::vector<int32_t> codes;
    std::vector<float> residual;
  };
  std::vector<Candidate> quantise(std::span<const float> vector, int64_t beam) const;
  uint64_t bucket_of(std::span<const int32_t> codes) const;
  bool tells_collisions_apart() const { return codebooks_.size() < level_sizes_.size(); }

  std::vector<int32_t> level_sizes_;
  std::vector<Matrix> codebooks_;
  bool normalise_;
  std::set<std::pair<uint64_t, int32_t>> taken_;  ///< (bucket, number in it); only where the last level is such
};

}  // namespace tessera
