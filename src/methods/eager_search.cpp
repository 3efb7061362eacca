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
  if (settings.engine) {
    std::vector<EngineDecoder> decoders;
    for (const EagerStream& stream : streams) decoders.push_back(stream.engine_decoder());
    engine_.emplace(EngineEncoder{encoder.t5, table, 1 + settings.max_history, encoder.causal ? 1 : 0}, decoders,
                    settings.bf16);
    return;
  }
  const auto type = settings.bf16 ? at::kBFloat16 : at::kFloat;
  encoder_ = {encoder.t5.cast(type), table, encoder.causal, {}};
  for (const EagerStream& stream : streams) decoders_.push_back(stream.decoder().cast(type));
}

std::vector<EagerCandidates> EagerSearch::candidates(std::span<const Request> requests, const Trie* trie, int64_t beam,
                                                     bool all_scores) const {
  const size_t streams = streams_->size();
  std::vector<Filters> filters(streams);
  const Queries queries = first_queries(requests, trie, beam, filters);
  std::vector<EagerCandidates> found(requests.size());
  std::vector<std::vector<ItemFilter>> unknown(requests.size());
  const EngineFollowUp follow_up = [&](size_t i, std::span<const BeamAnswer> lists, std::span<BeamQuery> further) {
    found[i] = eager_union(lists);
    if (all_scores) ask_unknown(found[i], unknown[i], further);
  };
  const Answers scores = engine_ ? search_by_engine(requests, queries, beam, follow_up)
                                 : search_by_tensors(requests, queries, beam, follow_up);
  for (size_t i = 0; i < scores.size(); ++i) eager_fill(found[i / streams], i % streams, scores[i]);
  return found;
}

EagerSearch::Queries EagerSearch::first_queries(std::span<const Request> requests, const Trie* trie, int64_t beam,
                                                std::vector<Filters>& filters) const {
  Queries queries;
  queries.reserve(requests.size() * filters.size());
  for (const Request& request : requests) {
    const int64_t width = std::max(request.k, request.beam > 0 ? request.beam : beam);
    for (size_t s = 0; s < filters.size(); ++s)
      queries.push_back({std::min(width, num_items_), own_filter(request.filter, trie, s, filters[s]), request.exclude,
                         request.beam});
  }
  return queries;
}

/// A search that may answer just these items gives their scores, as by teacher forcing.
void EagerSearch::ask_unknown(const EagerCandidates& found, std::vector<ItemFilter>& filters,
                              std::span<BeamQuery> queries) const {
  filters.reserve(queries.size());
  for (size_t s = 0; s < queries.size(); ++s) {
    const std::vector<ItemId> items = eager_unknown(found, s);
    if (items.empty()) continue;
    const auto size = static_cast<int64_t>(items.size());
    filters.push_back(ItemFilter::allow((*streams_)[s].trie(), items));
    queries[s] = {size, &filters.back(), {}, size};
  }
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

EagerSearch::Answers EagerSearch::search_by_engine(std::span<const Request> requests, const Queries& queries,
                                                   int64_t beam, const EngineFollowUp& follow_up) const {
  const size_t streams = streams_->size();
  std::vector<const Trie*> tries;
  for (const EagerStream& stream : *streams_) tries.push_back(&stream.trie());
  std::vector<std::vector<int32_t>> sources(requests.size());
  std::vector<EngineQuestions> questions;
  questions.reserve(requests.size());
  for (size_t i = 0; i < requests.size(); ++i) {
    sources[i] = {static_cast<int32_t>(num_items_)};
    for (const ItemId item : read_part(requests[i])) sources[i].push_back(index(item));
    questions.push_back({sources[i], std::span(queries).subspan(i * streams, streams)});
  }
  return engine_->answer(questions, tries, {beam, false}, follow_up).follow_ups;
}

EagerSearch::Answers EagerSearch::search_by_tensors(std::span<const Request> requests, const Queries& queries,
                                                    int64_t beam, const EngineFollowUp& follow_up) const {
  const size_t streams = streams_->size();
  Answers results(queries.size());
  for_each_batch(requests, settings_.decode_batch, false, [&](std::span<const size_t> places) {
    const c10::InferenceMode inference;
    std::vector<std::span<const ItemId>> histories;
    Queries asked;
    size_t longest = 0;
    for (const size_t i : places) {
      histories.push_back(read_part(requests[i]));
      longest = std::max(longest, histories.back().size());
      for (size_t s = 0; s < streams; ++s) asked.push_back(queries[i * streams + s]);
    }
    const auto width = static_cast<int64_t>(longest);
    const Tensor memory = encoder_.encode(histories, width, false), mask = encoder_.length_mask(histories, width);
    const Answers lists = decode(memory, mask, asked, beam);
    for (size_t i = 0; i < places.size(); ++i) {
      const std::span<BeamQuery> further = std::span(asked).subspan(i * streams, streams);
      for (BeamQuery& query : further) query = {.k = 0};
      follow_up(places[i], std::span(lists).subspan(i * streams, streams), further);
    }
    Answers scores = decode(memory, mask, asked, 1);
    for (size_t i = 0; i < scores.size(); ++i)
      results[places[i / streams] * streams + i % streams] = std::move(scores[i]);
  });
  return results;
}

/// Every stream's answers to what it is asked. @param memory  [B, S, d]; @param mask  [B, 1, S]
EagerSearch::Answers EagerSearch::decode(const Tensor& memory, const Tensor& mask, const Queries& queries,
                                         int64_t beam) const {
  const size_t streams = streams_->size();
  Answers results(queries.size());
  for (size_t s = 0; s < streams; ++s) {
    std::vector<int64_t> rows;
    Queries asked;
    for (size_t i = s; i < queries.size(); i += streams) {
      if (queries[i].k == 0) continue;
      rows.push_back(static_cast<int64_t>(i / streams));
      asked.push_back(queries[i]);
    }
    if (rows.empty()) continue;
    const Tensor of = at::tensor(rows).to(memory.device());
    const EagerStream& stream = (*streams_)[s];
    const auto steps = stream.steps(decoders_[s], memory.index_select(0, of), mask.index_select(0, of));
    Answers answers = beam_search(*steps, stream.device_trie(), asked, {beam, false});
    for (size_t i = 0; i < rows.size(); ++i)
      results[static_cast<size_t>(rows[i]) * streams + s] = std::move(answers[i]);
  }
  return results;
}

}  // namespace tessera
