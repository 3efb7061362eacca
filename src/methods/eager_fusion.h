#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "decode/context_search.h"
#include "methods/families.h"

namespace tessera {

/// The items that any stream answers, and what every stream thinks of them.
struct EagerCandidates {
  std::vector<ItemId> items;               ///< ascending, each once
  std::vector<std::vector<float>> scores;  ///< by stream: log-probability of each item, in nats; NaN where not known
};

/// @param lists  one answer a stream
EagerCandidates eager_union(std::span<const BeamAnswer> lists);

/// Items of which a stream does not know its score yet.
std::vector<ItemId> eager_unknown(const EagerCandidates& candidates, size_t stream);

/// Enters scores of a stream.
void eager_fill(EagerCandidates& candidates, size_t stream, const BeamAnswer& scores);

/// Whether a rule asks every stream about the whole union.
bool eager_needs_all(const std::string& fusion);

/// One ranked list of the streams' candidates, ties to the lower item.
/// @param fusion  own: the better of the scores that an item came with (the paper); sum: the streams' scores added (the
///                released code); max: the better of all scores; calibrated: sum of score / temperature
/// @param temperatures  one a stream, read by `calibrated` only
Results eager_fuse(const EagerCandidates& candidates, int64_t k, const std::string& fusion,
                   std::span<const double> temperatures);

/// A question with its answer among the candidates.
struct EagerAnswered {
  EagerCandidates candidates;  ///< all scores known
  size_t target = 0;           ///< place among candidates.items
};

/// Temperatures that make softmax(sum over streams of score / temperature) over the candidates most likely to pick the
/// targets: a conditional logit of one weight a stream, by Newton's method. Weights stay within [0.05, 20].
/// @return one a stream; all 1 where there are no cases
std::vector<double> fit_temperatures(std::span<const EagerAnswered> cases, size_t streams);

}  // namespace tessera
