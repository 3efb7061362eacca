#include "methods/eager_search.h"

#include <torch/torch.h>

#include <algorithm>

#include "base/error.h"
#include "decode/beam_search.h"
#include "methods/request_batches.h"
#include "nn/softmax.h"
#include "nn/table_rows.h"

namespace tessera {

using at::Tensor;

Tensor EagerEncoder::encode(std::span<const std::span<const ItemId>> histories, int64_t longest, bool training) const {
  Tensor source = at::full({static_cast<int64_t>(histories.size()), 1 + longest}, start(), at::kLong);
  for (size_t b = 0; b < histories.size(); ++b) {
    int64_t* row = source.data_ptr<int64_t>() + static_cast<int64_t>(b) * (1 + longest) + 1;
    for (const ItemId item : histories[b]) *row++ = index(item);
  }
  const Tensor mask = causal ? prefix_mask(longest, 0) : length_mask(histories, longest);
  return t5.encode(read(source.to(items.device())), mask, training);
}

void EagerEncoder::add_codes(const EagerStream& stream) {
  for (int64_t l = 0; l < stream.levels(); ++l) {
    const Tensor rows = stream.paths().select(1, l) + stream.level_begin(l);
    codes.push_back({stream.tokens(), at::cat({rows, at::full({1}, EagerStream::kBos, rows.options())})});
  }
}

Tensor EagerEncoder::read(const Tensor& source) const {
  Tensor x = table_rows(items, source);
  for (const Share& code : codes)
    x = x + table_rows(code.table, code.row.index_select(0, source.flatten()).view(source.sizes()));
  return x;
}

Tensor EagerEncoder::table() const {
  const torch::NoGradGuard no_grad;
  return read(at::arange(items.size(0), at::TensorOptions(at::kLong).device(items.device())));
}

Tensor EagerEncoder::prefix_mask(int64_t longest, int64_t skip) const {
  const Tensor item = at::arange(1 + longest, at::kLong), seen = at::arange(skip, 1 + longest, at::kLong);
  return (seen.unsqueeze(1) < item.unsqueeze(0)).to(at::kFloat).mul(kMasked).unsqueeze(0).to(items.device());
}

Tensor EagerEncoder::length_mask(std::span<const std::span<const ItemId>> histories, int64_t longest) const {
  Tensor mask = at::zeros({static_cast<int64_t>(histories.size()), 1, 1 + longest}, at::kFloat);
  for (size_t b = 0; b < histories.size(); ++b) {
    const auto length = static_cast<int64_t>(histories[b].size());
    mask[static_cast<int64_t>(b)].narrow(1, 1 + length, longest - length).fill_(kMasked);
  }
  return mask.to(items.device());
}

EagerSearch::EagerSearch(const std::vector<EagerStream>& streams, const EagerEncoder& encoder, const Settings& settings)
    : streams_(&streams), settings_(settings), num_items_(encoder.start()) {
  const Tensor table = encoder.table();
  if (settings.engines) {
    for (const EagerStream& stream : streams)
      engines_.push_back(stream.engine(encoder.t5, table, 1 + settings.max_history, encoder.causal, settings.bf16));
    return;
  }
  const auto type = settings.bf16 ? at::kBFloat16 : at::kFloat;
  encoder_ = {encoder.t5.cast(type), table, encoder.causal, {}};
  for (const EagerStream& stream : streams) decoders_.push_back(stream.decoder().cast(type));
}

std::vector<EagerCandidates> EagerSearch::candidates(std::span<const Request> requests, const Trie* trie, int64_t beam,
                                                     bool all_scores) const {
  const size_t count = requests.size(), streams = streams_->size();
  std::vector<std::vector<BeamAnswer>> lists(count, std::vector<BeamAnswer>(streams));
  for (size_t s = 0; s < streams; ++s) {
    Filters filters;
    std::vector<BeamQuery> queries(count);
    for (size_t i = 0; i < count; ++i) {
      const Request& request = requests[i];
      const int64_t width = std::max(request.k, request.beam > 0 ? request.beam : beam);
      queries[i] = {std::min(width, num_items_), own_filter(request.filter, trie, s, filters), request.exclude,
                    request.beam};
    }
    std::vector<BeamAnswer> answers = search(requests, queries, s, beam);
    for (size_t i = 0; i < count; ++i) lists[i][s] = std::move(answers[i]);
  }
  std::vector<EagerCandidates> found;
  found.reserve(count);
  for (const auto& list : lists) found.push_back(eager_union(list));
  for (size_t s = 0; all_scores && s < streams; ++s) score_unknown(requests, s, found);
  return found;
}

/// A search that may answer just these items gives their scores, as by teacher forcing.
void EagerSearch::score_unknown(std::span<const Request> requests, size_t stream,
                                std::vector<EagerCandidates>& found) const {
  std::vector<Request> asked;
  std::vector<size_t> places;
  std::vector<ItemFilter> filters;
  std::vector<BeamQuery> queries;
  filters.reserve(found.size());
  for (size_t i = 0; i < found.size(); ++i) {
    const std::vector<ItemId> items = eager_unknown(found[i], stream);
    if (items.empty()) continue;
    const auto size = static_cast<int64_t>(items.size());
    filters.push_back(ItemFilter::allow((*streams_)[stream].trie(), items));
    queries.push_back({size, &filters.back(), {}, size});
    asked.push_back(requests[i]);
    places.push_back(i);
  }
  const std::vector<BeamAnswer> answers = search(asked, queries, stream, 1);
  for (size_t i = 0; i < places.size(); ++i) eager_fill(found[places[i]], stream, answers[i]);
}

/// A request's filter speaks of positions in the recipe's trie; this one speaks of those of the stream's.
const ItemFilter* EagerSearch::own_filter(const ItemFilter* filter, const Trie* theirs, size_t stream,
                                          Filters& made) const {
  if (filter == nullptr) return nullptr;
  TESSERA_CHECK(theirs != nullptr, config,
                "a request has a filter, but the retriever was given no trie to read it with (add a tokenize stage)");
  const auto known = made.find(filter);
  if (known != made.end()) return &known->second;
  std::vector<uint64_t> bits(static_cast<size_t>(num_items_) / 64 + 1, 0);
  for (const int32_t position : filter->positions(0, static_cast<int32_t>(theirs->num_items()))) {
    const auto item = static_cast<size_t>(index(theirs->item_at(position)));
    if (item < static_cast<size_t>(num_items_)) bits[item / 64] |= uint64_t{1} << (item % 64);
  }
  return &made.emplace(filter, ItemFilter::from_bits((*streams_)[stream].trie(), bits)).first->second;
}

std::span<const ItemId> EagerSearch::read_part(const Request& request) const {
  return request.history.last(std::min(request.history.size(), static_cast<size_t>(settings_.max_history)));
}

std::vector<BeamAnswer> EagerSearch::search(std::span<const Request> requests, std::span<const BeamQuery> queries,
                                            size_t stream, int64_t beam) const {
  if (engines_.empty()) return search_by_tensors(requests, queries, stream, beam);
  std::vector<std::vector<int32_t>> sources(requests.size());
  std::vector<EngineRequest> questions;
  questions.reserve(requests.size());
  for (size_t i = 0; i < requests.size(); ++i) {
    sources[i] = {static_cast<int32_t>(num_items_)};
    for (const ItemId item : read_part(requests[i])) sources[i].push_back(index(item));
    questions.push_back({sources[i], queries[i]});
  }
  return engines_[stream].answer(questions, (*streams_)[stream].trie(), {beam, false});
}

std::vector<BeamAnswer> EagerSearch::search_by_tensors(std::span<const Request> requests,
                                                       std::span<const BeamQuery> queries, size_t stream,
                                                       int64_t beam) const {
  std::vector<BeamAnswer> results(requests.size());
  const EagerStream& codes = (*streams_)[stream];
  for_each_batch(requests, settings_.decode_batch, false, [&](std::span<const size_t> places) {
    const c10::InferenceMode inference;
    std::vector<std::span<const ItemId>> histories;
    std::vector<BeamQuery> asked;
    size_t longest = 0;
    for (const size_t i : places) {
      histories.push_back(read_part(requests[i]));
      longest = std::max(longest, histories.back().size());
      asked.push_back(queries[i]);
    }
    const auto width = static_cast<int64_t>(longest);
    const Tensor memory = encoder_.encode(histories, width, false);
    const auto steps = codes.steps(decoders_[stream], memory, encoder_.length_mask(histories, width));
    std::vector<BeamAnswer> answers = beam_search(*steps, codes.device_trie(), asked, {beam, false});
    for (size_t i = 0; i < places.size(); ++i) results[places[i]] = std::move(answers[i]);
  });
  return results;
}

}  // namespace tessera
