#include "serve/fusion.h"

#include <algorithm>
#include <unordered_map>

namespace tessera::serve {

std::vector<FusedHit> fuse(std::span<const LexicalHit> lexical, const Results& personal, double personalize,
                           const FusionOptions& options) {
  std::vector<FusedHit> hits;
  std::unordered_map<int32_t, size_t> place;
  hits.reserve(lexical.size() + personal.items.size());
  double best = 0;
  for (size_t i = 0; i < lexical.size(); ++i) {
    place[index(lexical[i].item)] = hits.size();
    hits.push_back({lexical[i].item, 0, lexical[i].score, 0, static_cast<int64_t>(i) + 1, 0});
    best = std::max(best, lexical[i].score);
  }
  for (size_t i = 0; i < personal.items.size(); ++i) {
    const auto [at, is_new] = place.try_emplace(index(personal.items[i]), hits.size());
    if (is_new) hits.push_back({personal.items[i]});
    hits[at->second].personal_score = static_cast<double>(personal.scores[i]);
    hits[at->second].personal_rank = static_cast<int64_t>(i) + 1;
  }
  const bool by_rank = options.fusion == "rrf";
  const double high = personal.scores.empty() ? 0 : static_cast<double>(personal.scores.front());
  const double low = personal.scores.empty() ? 0 : static_cast<double>(personal.scores.back());
  for (FusedHit& hit : hits) {
    double text = 0, person = 0;
    if (hit.lexical_rank > 0)
      text = by_rank    ? 1.0 / (options.rrf_k + static_cast<double>(hit.lexical_rank))
             : best > 0 ? hit.lexical_score / best
                        : 0;
    if (hit.personal_rank > 0)
      person = by_rank      ? 1.0 / (options.rrf_k + static_cast<double>(hit.personal_rank))
               : high > low ? (hit.personal_score - low) / (high - low)
                            : 1.0;
    hit.score = options.lexical_weight * text + personalize * options.personal_weight * person;
  }
  std::sort(hits.begin(), hits.end(), [](const FusedHit& a, const FusedHit& b) {
    return a.score != b.score ? a.score > b.score : a.item < b.item;
  });
  return hits;
}

}  // namespace tessera::serve
