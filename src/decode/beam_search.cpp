#include "decode/beam_search.h"

#include <torch/torch.h>

#include <algorithm>
#include <numeric>

#include "base/error.h"
#include "decode/extend.h"

namespace tessera {

using at::Tensor;

namespace {

/// The node of `depth` whose interval holds the position.
int32_t node_at(const Trie& trie, int64_t depth, int32_t position) {
  const auto firsts = trie.firsts(depth);
  return static_cast<int32_t>(std::upper_bound(firsts.begin(), firsts.end() - 1, position) - firsts.begin()) - 1;
}

bool restricted(const BeamQuery& query) {
  return query.filter != nullptr || !query.exclude.empty();
}

std::vector<int32_t> excluded_positions(const Trie& trie, const BeamQuery& query) {
  std::vector<int32_t> positions;
  for (const ItemId item : query.exclude) positions.push_back(trie.position_of(item));
  std::sort(positions.begin(), positions.end());
  positions.erase(std::unique(positions.begin(), positions.end()), positions.end());
  return positions;
}

/// Marks which nodes of each depth hold an allowed item: `allowed` has one row of bytes a depth, 1 .. levels.
void mark_allowed(const Trie& trie, const BeamQuery& query, std::vector<uint8_t*>& allowed) {
  const int64_t levels = trie.levels();
  const std::vector<int32_t> excluded = excluded_positions(trie, query);
  if (query.filter != nullptr) {
    for (int64_t depth = 1; depth <= levels; ++depth) std::fill_n(allowed[depth], trie.num_nodes(depth), uint8_t{0});
    for (const int32_t position : query.filter->positions(0, static_cast<int32_t>(trie.num_items()))) {
      if (std::binary_search(excluded.begin(), excluded.end(), position)) continue;
      for (int64_t depth = levels; depth >= 1; --depth) {
        uint8_t& mark = allowed[depth][node_at(trie, depth, position)];
        if (mark != 0) break;  // so are all nodes above it
        mark = 1;
      }
    }
    return;
  }
  for (int64_t depth = 1; depth <= levels; ++depth) {
    std::fill_n(allowed[depth], trie.num_nodes(depth), uint8_t{1});
    for (const int32_t position : excluded) {
      const int32_t node = node_at(trie, depth, position);
      const auto [first, last] = trie.interval(depth, node);
      const auto inside = std::lower_bound(excluded.begin(), excluded.end(), last) -
                          std::lower_bound(excluded.begin(), excluded.end(), first);
      if (inside == last - first) allowed[depth][node] = 0;
    }
  }
}

}  // namespace

/// One search: the live beams as tensors, extended level by level.
class BeamSearch {
 public:
  BeamSearch(StepModel& model, const DeviceTrie& trie, std::span<const BeamQuery> queries, const BeamOptions& options)
      : model_(model),
        device_trie_(trie),
        trie_(trie.trie()),
        queries_(queries),
        options_(options),
        width_(options.beam) {
    TESSERA_CHECK(model.batch() == static_cast<int64_t>(queries.size()), shape,
                  "beam search: {} queries for a model batch of {}", queries.size(), model.batch());
    for (const BeamQuery& query : queries) width_ = std::max(width_, query.width(options.beam));
    make_masks();
  }

  std::vector<BeamAnswer> run() {
    const auto batch = static_cast<int64_t>(queries_.size());
    const auto integers = at::TensorOptions(at::kLong).device(model_.device());
    Beams beams{at::zeros({batch, 1}, integers), at::zeros({batch, 1}, integers.dtype(at::kFloat)), {}, {}};
    for (int64_t level = 0; level < trie_.levels(); ++level) {
      const Tensor logits = model_.step(level, beams.tokens, beams.parents);
      const Tensor allowed = allowed_.empty() ? Tensor() : allowed_[level + 1];
      beams = extend(beams, device_trie_, level, logits, allowed, {width_, options_.renormalise});
    }
    return collect(beams);
  }

 private:
  /// allowed_[depth] is [B, nodes] bool on the device when any query is restricted.
  void make_masks() {
    if (std::none_of(queries_.begin(), queries_.end(), restricted)) return;
    const auto batch = static_cast<int64_t>(queries_.size());
    allowed_.resize(static_cast<size_t>(trie_.levels() + 1));
    for (int64_t depth = 1; depth <= trie_.levels(); ++depth) {
      allowed_[depth] = at::empty({batch, trie_.num_nodes(depth)}, at::kBool);
    }
    at::parallel_for(0, batch, 1, [&](int64_t begin, int64_t end) {
      std::vector<uint8_t*> rows(allowed_.size());
      for (int64_t b = begin; b < end; ++b) {
        for (int64_t depth = 1; depth <= trie_.levels(); ++depth) {
          rows[depth] = static_cast<uint8_t*>(allowed_[depth].data_ptr()) + b * trie_.num_nodes(depth);
        }
        mark_allowed(trie_, queries_[b], rows);
      }
    });
    for (int64_t depth = 1; depth <= trie_.levels(); ++depth) allowed_[depth] = allowed_[depth].to(model_.device());
  }

  std::vector<BeamAnswer> collect(const Beams& beams) const {
    const Tensor nodes = beams.nodes.to(at::kCPU).contiguous(), scores = beams.scores.to(at::kCPU).contiguous();
    const int64_t width = nodes.size(1);
    std::vector<BeamAnswer> answers(queries_.size());
    for (size_t b = 0; b < queries_.size(); ++b) {
      const int64_t* node = nodes.data_ptr<int64_t>() + static_cast<int64_t>(b) * width;
      const float* score = scores.data_ptr<float>() + static_cast<int64_t>(b) * width;
      std::vector<std::pair<float, ItemId>> found;
      const std::vector<int32_t> excluded = excluded_positions(trie_, queries_[b]);
      for (int64_t w = 0; w < width; ++w) {
        if (score[w] == kNoBeam) continue;
        const auto [first, last] = trie_.interval(trie_.levels(), static_cast<int32_t>(node[w]));
        for (int32_t position = first; position < last; ++position) {
          if (queries_[b].filter != nullptr && !queries_[b].filter->allows(position)) continue;
          if (std::binary_search(excluded.begin(), excluded.end(), position)) continue;
          found.emplace_back(score[w], trie_.item_at(position));
        }
      }
      answers[b] = ranked(std::move(found), queries_[b].k);
    }
    return answers;
  }

 private:
  StepModel& model_;
  const DeviceTrie& device_trie_;
  const Trie& trie_;
  std::span<const BeamQuery> queries_;
  BeamOptions options_;
  int64_t width_;
  std::vector<Tensor> allowed_;
};

namespace {

/// Beams of all contexts as the tensors that a StepModel takes; places behind a context's last beam hold zeros.
std::pair<Tensor, Tensor> tokens_and_parents(const std::vector<ContextSearch>& searches) {
  int64_t width = 1;
  for (const ContextSearch& search : searches) width = std::max(width, search.width());
  const auto batch = static_cast<int64_t>(searches.size());
  const Tensor tokens = at::zeros({batch, width}, at::kLong), parents = at::zeros({batch, width}, at::kLong);
  for (int64_t b = 0; b < batch; ++b) {
    for (int64_t w = 0; w < searches[b].width(); ++w) {
      tokens.data_ptr<int64_t>()[b * width + w] = searches[b].token(w);
      parents.data_ptr<int64_t>()[b * width + w] = searches[b].parent(w);
    }
  }
  return {tokens, parents};
}

std::vector<BeamAnswer> search_contexts(StepModel& model, const Trie& trie, std::span<const BeamQuery> queries,
                                        const BeamOptions& options) {
  std::vector<ContextSearch> searches(queries.size());
  for (size_t b = 0; b < queries.size(); ++b)
    searches[b].start(trie, queries[b], queries[b].width(options.beam), options.renormalise);
  for (int64_t level = 0; level < trie.levels(); ++level) {
    const auto [tokens, parents] = level == 0 ? std::pair<Tensor, Tensor>() : tokens_and_parents(searches);
    const Tensor logits = model.step(level, tokens, parents).contiguous();  // [B, W, level_size]
    const Tensor totals = at::logsumexp(logits, -1).contiguous();           // [B, W]
    for (size_t b = 0; b < searches.size(); ++b) {
      const auto row = static_cast<int64_t>(b);
      searches[b].extend(logits.data_ptr<float>() + row * logits.stride(0), logits.stride(1),
                         totals.data_ptr<float>() + row * totals.stride(0));
    }
  }
  std::vector<BeamAnswer> answers;
  for (const ContextSearch& search : searches) answers.push_back(search.answer());
  return answers;
}

}  // namespace

std::vector<BeamAnswer> beam_search_on_device(StepModel& model, const DeviceTrie& trie,
                                              std::span<const BeamQuery> queries, const BeamOptions& options) {
  const c10::InferenceMode inference;
  return BeamSearch(model, trie, queries, options).run();
}

std::vector<BeamAnswer> beam_search(StepModel& model, const DeviceTrie& trie, std::span<const BeamQuery> queries,
                                    const BeamOptions& options) {
  if (!model.device().is_cpu()) return beam_search_on_device(model, trie, queries, options);
  TESSERA_CHECK(model.batch() == static_cast<int64_t>(queries.size()), shape,
                "beam search: {} queries for a model batch of {}", queries.size(), model.batch());
  const c10::InferenceMode inference;
  return search_contexts(model, trie.trie(), queries, options);
}

std::vector<BeamAnswer> score_all(StepModel& model, const Trie& trie, std::span<const BeamQuery> queries) {
  const c10::InferenceMode inference;
  const auto batch = static_cast<int64_t>(queries.size()), items = trie.num_items();
  // Beam i spells the item at position i; every beam descends from the only beam of the first step.
  std::vector<Tensor> codes(static_cast<size_t>(trie.levels()));
  for (int64_t level = 0; level < trie.levels(); ++level) {
    codes[level] = at::empty({items}, at::kLong);
    for (int32_t position = 0; position < items; ++position) {
      codes[level].data_ptr<int64_t>()[position] = trie.token(level + 1, node_at(trie, level + 1, position));
    }
    codes[level] = codes[level].to(model.device()).unsqueeze(0).expand({batch, -1});
  }
  Tensor total = at::zeros({batch, items}, at::TensorOptions(at::kFloat).device(model.device())), parents;
  for (int64_t level = 0; level < trie.levels(); ++level) {
    const Tensor logits = model.step(level, level == 0 ? Tensor() : codes[level - 1], parents);
    const Tensor log_p = at::log_softmax(logits, -1).expand({-1, items, -1});
    total = total + log_p.gather(2, codes[level].unsqueeze(-1)).squeeze(-1);
    parents = level == 0 ? at::zeros({batch, items}, codes[0].options())
                         : at::arange(items, codes[0].options()).unsqueeze(0).expand({batch, -1}).contiguous();
  }
  total = total.to(at::kCPU).contiguous();
  std::vector<BeamAnswer> answers;
  for (int64_t b = 0; b < batch; ++b) {
    const std::vector<int32_t> excluded = excluded_positions(trie, queries[b]);
    std::vector<std::pair<float, ItemId>> found;
    for (int32_t position = 0; position < items; ++position) {
      if (queries[b].filter != nullptr && !queries[b].filter->allows(position)) continue;
      if (std::binary_search(excluded.begin(), excluded.end(), position)) continue;
      found.emplace_back(total.data_ptr<float>()[b * items + position], trie.item_at(position));
    }
    answers.push_back(ranked(std::move(found), queries[b].k));
  }
  return answers;
}

}  // namespace tessera
