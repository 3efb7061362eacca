#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/progress.h"
#include "data/split.h"
#include "methods/families.h"
#include "pipeline/recipe.h"

namespace tessera {

/// A retriever's answers to the cases of a split.
struct RankedCases {
  int64_t k = 0;                 ///< answers asked for per case
  std::vector<int32_t> ranks;    ///< [cases], 1-based place of the target; kNotFound where it is not among the k
  std::vector<int32_t> shown;    ///< item positions, all answers one after another
  std::vector<float> scores;     ///< as `shown`
  std::vector<int64_t> offsets;  ///< [cases + 1]: answers of case i are shown[offsets[i], offsets[i+1])
  double seconds = 0;            ///< inside recommend()
};

/// What to answer, and how.
struct RankSettings {
  int64_t k = 20;
  bool filtered = false;  ///< items of a case's history are excluded from its answer
  int64_t batch = 0;      ///< 0: the retriever's own
  std::string label = "evaluate";
};

/// Answers every case in order. Every answer is checked: real items, none twice, none excluded, no more than k.
/// @throws Error(internal) naming the case when the retriever breaks that contract
RankedCases rank_cases(const Retriever& retriever, const Split& split, std::span<const Case> cases,
                       const RankSettings& settings, Reporter& reporter);

/// The cases to measure: all, or `users` of them drawn at random for the seed, in their own order.
std::vector<Case> choose_cases(const std::vector<Case>& cases, int64_t users, uint64_t seed);

/// Metrics with intervals, exposure at the largest k, and breakdowns by history length and by the target's training
/// events. Keys: "hr@10", "ndcg@10", "mrr@10" -> {mean, low, high}; "exposure", "by_history", "by_target", "seconds",
/// "cases".
nlohmann::json measure(const RankedCases& ranked, const Split& split, std::span<const Case> cases,
                       const EvaluateOptions& options, uint64_t seed);

/// A hash of (user, history, target) of every case: runs with equal ones can be compared case by case.
std::string hash_cases(const Split& split, std::span<const Case> cases);

/// A few users with titles: history, answer, what was recommended. Half are drawn among the hits within ten, where
/// there are so many, the others among the rest.
nlohmann::json example_answers(const RankedCases& ranked, const Dataset& data, const Split& split,
                               std::span<const Case> cases, int64_t count, uint64_t seed);

/// Writes one JSON line a case, atomically: {"user":..,"items":[{"item":..,"score":..}]} with the shop's own ids.
void export_answers(const RankedCases& ranked, const Dataset& data, std::span<const Case> cases,
                    const std::filesystem::path& file);

}  // namespace tessera
