#pragma once

#include <span>
#include <vector>

#include "decode/context_search.h"
#include "decode/device_trie.h"
#include "decode/step_model.h"

namespace tessera {

/// Batched beam search over the trie: each live beam is a node that holds at least one allowed item, so min(k, allowed)
/// items come back for every query. Items that share their codes share their score and come in item order.
/// @param queries  one a context of `model`
/// @throws Error(shape) if their number is not model.batch()
std::vector<BeamAnswer> beam_search(StepModel& model, const DeviceTrie& trie, std::span<const BeamQuery> queries,
                                    const BeamOptions& options);

/// The same by tensor operations on the model's device, with the masks as data there; what beam_search() does unless
/// the device is a CPU, where each context is searched by a ContextSearch.
std::vector<BeamAnswer> beam_search_on_device(StepModel& model, const DeviceTrie& trie,
                                              std::span<const BeamQuery> queries, const BeamOptions& options);

/// The oracle of beam_search: scores every item of the trie by teacher forcing and sorts the allowed ones. For small
/// catalogues: W = num_items at every step.
std::vector<BeamAnswer> score_all(StepModel& model, const Trie& trie, std::span<const BeamQuery> queries);

}  // namespace tessera
