#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/ids.h"
#include "base/matrix.h"
#include "data/split.h"
#include "semid/semantic_ids.h"

namespace tessera {

/// How the codes of one level are used. Entropies in nats, counted over items.
struct LevelQuality {
  int32_t size = 0;                ///< codes there are
  int64_t used = 0;                ///< codes that some item has
  double utilisation = 0;          ///< CUR: used / size
  double entropy = 0;              ///< of the code
  double normalised_entropy = 0;   ///< entropy / ln(size); 1 when size is 1
  double perplexity = 0;           ///< exp(entropy)
  double conditional_entropy = 0;  ///< of the code given the codes before it (low beside a high entropy: hourglass)
  double gini = 0;                 ///< of the items a code has, codes without items included
  double gini_used = 0;            ///< the same without the codes that have none
  int64_t prefixes = 0;            ///< distinct codes up to and including this level
  std::optional<double>
      reconstruction_error;  ///< mean |x - x^|^2 / mean |x|^2 after this level; levels with codebook only
};

/// Quality of semantic IDs (handbook, section 1.3). Uniqueness is that of the *semantic* levels: those with a codebook,
/// or all where there is none; a level appended to tell collisions apart would hide what it repairs.
struct QualityReport {
  int64_t num_items = 0;
  int64_t semantic_levels = 0;
  int64_t distinct = 0;        ///< semantic IDs that some item has
  int64_t largest_bucket = 0;  ///< items of the semantic ID that most share
  double icr = 0;              ///< independent coding rate: items that share their ID with nobody / items
  double collision_rate = 0;   ///< 1 - icr
  double duplicate_rate = 0;   ///< 1 - distinct / items
  double cur_total = 0;        ///< distinct / product of the level sizes
  double cur_fair = 0;         ///< distinct / min(items, product of the level sizes)
  std::vector<LevelQuality> levels;
  std::optional<double> hit_rate;      ///< embedding hit rate; see embedding_hit_rate()
  std::optional<double> hit_rate_ids;  ///< the same with vectors rebuilt from the codebooks
  int64_t hit_rate_k = 0;
  int64_t hit_rate_pairs = 0;
};

/// @param vectors  what the IDs were made from, [num_items, dim]; null: no reconstruction error
/// @throws Error(data | shape) if the codes or vectors do not fit
QualityReport measure_quality(const SemanticIds& ids, const Matrix* vectors = nullptr);

/// The vectors that the first `num_levels` codebooks stand for: sums of their rows. [num_items, dim]
Matrix dequantise(const SemanticIds& ids, int64_t num_levels);

/// A behaviour pair: what came last before, and what followed.
using ItemPair = std::pair<ItemId, ItemId>;

/// (last item of the history, answer) of the split's validation cases, a seeded sample of at most `limit`.
std::vector<ItemPair> held_out_pairs(const Split& split, int64_t limit, uint64_t seed);

/// Share of pairs whose second item is among the k nearest of the first by cosine (itself left out; ties go to the
/// lower item). Zero vectors are near nothing. Deterministic for any number of threads. 0 without pairs.
/// @throws Error(data) for an item outside the vectors
double embedding_hit_rate(const Matrix& vectors, std::span<const ItemPair> pairs, int64_t k);

/// @return JSON object text, keys as the members, absent values left out
std::string to_json(const QualityReport& report);

}  // namespace tessera
