#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/ids.h"
#include "decode/device_trie.h"
#include "decode/step_model.h"
#include "semid/item_filter.h"
#include "semid/trie.h"

namespace tessera {

struct BeamOptions {
  int64_t beam = 50;         ///< beams kept a context; raised to the largest k asked for
  bool renormalise = false;  ///< false: p(code) over the whole level, so that scores are likelihoods (mask after
                             ///< softmax); true: over the codes the trie and filter allow (mask before). Handbook 1.5.
};

/// What one context of the batch may be answered with.
struct BeamQuery {
  int64_t k = 10;
  const ItemFilter* filter = nullptr;    ///< null: all items
  std::span<const ItemId> exclude = {};  ///< never answered
};

struct BeamAnswer {
  std::vector<ItemId> items;  ///< best first; ties go to the lower item
  std::vector<float> scores;  ///< log-probability of the item's codes, in nats
};

/// Batched beam search over the trie: each live beam is a node that holds at least one allowed item, so min(k, allowed)
/// items come back for every query. Items that share their codes share their score and come in item order.
/// @param queries  one a context of `model`
/// @throws Error(shape) if their number is not model.batch()
std::vector<BeamAnswer> beam_search(StepModel& model, const DeviceTrie& trie, std::span<const BeamQuery> queries,
                                    const BeamOptions& options);

/// The oracle of beam_search: scores every item of the trie by teacher forcing and sorts the allowed ones. For small
/// catalogues: W = num_items at every step.
std::vector<BeamAnswer> score_all(StepModel& model, const Trie& trie, std::span<const BeamQuery> queries);

}  // namespace tessera
