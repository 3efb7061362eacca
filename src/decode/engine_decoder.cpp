#include "decode/engine_decoder.h"

namespace tessera::engine {

using simd::Floats;
using simd::kLanes;

namespace {

/// a . b over `size` values.
template <class T>
float dot(const T* a, const T* b, int64_t size) {
  constexpr int64_t kStep = kLanes * simd::kGroup<T>;
  const int64_t whole = size / kStep * kStep;
  Floats sums{};
  for (int64_t i = 0; i < whole; i += kStep) {
    Floats line;
    std::memcpy(&line, b + i, sizeof(line));
    sums = simd::multiply_add_lines(sums, a + i, line);
  }
  float sum = simd::sum_of(sums);
  for (int64_t i = whole; i < size; ++i) sum += static_cast<float>(a[i]) * static_cast<float>(b[i]);
  return sum;
}

/// Attention of one beam's head over its few ancestors. @param bias  by steps back
template <class T>
void attend_ancestors(const T* query, const T* const* keys, int64_t value_offset, int64_t steps, const float* bias,
                      int64_t size, T* out) {
  float score[kMostSteps], largest = -1e30f, sum = 0;
  for (int64_t t = 0; t < steps; ++t) {
    score[t] = dot(query, keys[t], size) + bias[steps - 1 - t];
    largest = std::max(largest, score[t]);
  }
  for (int64_t t = 0; t < steps; ++t) sum += score[t] = std::exp(score[t] - largest);
  for (int64_t t = 0; t < steps; ++t) score[t] /= sum;
  const int64_t whole = size / kLanes * kLanes;
  for (int64_t i = 0; i < whole; i += kLanes) {
    Floats mixed{};
    for (int64_t t = 0; t < steps; ++t) mixed += score[t] * simd::load_floats(keys[t] + value_offset + i);
    simd::store_floats(out + i, mixed);
  }
  for (int64_t i = whole; i < size; ++i) {
    float mixed = 0;
    for (int64_t t = 0; t < steps; ++t) mixed += score[t] * static_cast<float>(keys[t][value_offset + i]);
    out[i] = static_cast<T>(mixed);
  }
}

}  // namespace

template <class T>
void Decoding<T>::read(const Member<T>& member) {
  Activations<T>& a = member.rows;
  if (member.first()) {
    a.grow(w_.sizes, contexts_.rows, contexts_.longest, member.team.size());
    cross_.resize(w_.layers.size());
    for (Buffer<T>& cross : cross_) cross.grow(contexts_.packed);
  }
  member.meet();
  const Range rows = member.share_of(contexts_.rows);
  const T* states = contexts_.states.data() + rows.begin * contexts_.stride;
  for (size_t layer = 0; layer < w_.layers.size(); ++layer) {
    multiply_to(states, contexts_.stride, rows.size(), w_.layers[layer].cross.kv.panels(),
                a.projected.data() + rows.begin * a.qkv, a.qkv);
    member.meet();
    const T* keys = a.projected.data();
    pack_keys_and_values<T>({keys, keys + inner(), a.qkv}, contexts_, w_.sizes, cross_[layer].data(), member);
    member.meet();
  }
}

/// Memory for the searches of this batch.
template <class T>
void Decoding<T>::prepare(const Asked& asked, const Trie& trie, const BeamOptions& options, const Member<T>& member) {
  trie_ = &trie;
  if (searches_.size() < contexts_.each.size()) searches_.resize(contexts_.each.size());
  num_searches_ = 0;
  int64_t most = 0, widest_level = 0;
  for (size_t i = 0; i < contexts_.each.size(); ++i) {
    const BeamQuery& query = asked.queries[i * asked.step];
    if (query.k <= 0) continue;
    searches_[num_searches_++].request = i;
    most += query.width(options.beam);
  }
  for (int64_t l = 0; l < w_.levels; ++l) widest_level = std::max<int64_t>(widest_level, trie.level_size(l));
  logit_stride_ = simd::round_up(widest_level, kRowQuantum);
  Activations<T>& a = member.rows;
  a.grow(w_.sizes, most, contexts_.longest, member.team.size());
  logits_.grow(most * logit_stride_);
  totals_.grow(most);
  history_.resize(w_.layers.size());
  for (size_t l = 1; l < w_.layers.size(); ++l) {  // rows of layer 0 stand in the table
    history_[l].resize(static_cast<size_t>(w_.levels));
    const auto start_rows = static_cast<int64_t>(num_searches_);
    for (int64_t t = 0; t < w_.levels; ++t) history_[l][t].grow((t == 0 ? start_rows : most) * a.qkv);
  }
  tokens_.resize(static_cast<size_t>(w_.levels));
  ancestors_.resize(static_cast<size_t>(w_.levels));
  for (int64_t t = 0; t < w_.levels; ++t) {
    tokens_[t].resize(static_cast<size_t>(most));
    ancestors_[t].resize(static_cast<size_t>(most));
  }
  next_ancestors_.resize(static_cast<size_t>(most));
}

template <class T>
void Decoding<T>::search(const Asked& asked, const Trie& trie, const BeamOptions& options, const Member<T>& member) {
  if (member.first()) prepare(asked, trie, options, member);
  member.meet();
  if (num_searches_ == 0) return;
  const auto me = static_cast<size_t>(member.me), step_size = static_cast<size_t>(member.team.size());
  for (size_t s = me; s < num_searches_; s += step_size) {
    const BeamQuery& query = asked.queries[searches_[s].request * asked.step];
    searches_[s].beams.start(trie, query, query.width(options.beam), options.renormalise);
  }
  member.meet();
  for (int64_t step = 0; step < w_.levels; ++step) {
    if (member.first()) place_beams(step);
    member.meet();
    decode_step(step, member);
    member.meet();
    for (size_t s = me; s < num_searches_; s += step_size) {
      Search& search = searches_[s];
      search.beams.extend(logits_.data() + search.beam_begin * logit_stride_, logit_stride_,
                          totals_.data() + search.beam_begin);
    }
    member.meet();
  }
  for (size_t s = me; s < num_searches_; s += step_size)
    asked.answers[searches_[s].request * asked.step] = searches_[s].beams.answer();
}

/// Gives every live beam its row, and finds the rows of its ancestors.
template <class T>
void Decoding<T>::place_beams(int64_t step) {
  int64_t rows = 0;
  const int64_t begin = step == 0 ? 0 : w_.level_begin[step - 1];
  for (size_t s = 0; s < num_searches_; ++s) {
    const ContextSearch& beams = searches_[s].beams;
    for (int64_t w = 0; w < beams.width(); ++w)
      tokens_[step][rows + w] =
          static_cast<int32_t>(step == 0 ? w_.start_of_answer : begin + (w_.by_node ? beams.node(w) : beams.token(w)));
    rows += beams.width();
  }
  for (int64_t t = 0; t < step; ++t) {
    rows = 0;
    for (size_t s = 0; s < num_searches_; ++s) {
      const Search& search = searches_[s];
      for (int64_t w = 0; w < search.beams.width(); ++w, ++rows) {
        const int64_t parent = search.beam_begin + search.beams.parent(w);
        next_ancestors_[rows] = t == step - 1 ? static_cast<int32_t>(parent) : ancestors_[t][parent];
      }
    }
    ancestors_[t].swap(next_ancestors_);
  }
  rows = 0;
  for (size_t s = 0; s < num_searches_; ++s) {
    searches_[s].beam_begin = rows;
    searches_[s].beam_width = searches_[s].beams.width();
    rows += searches_[s].beam_width;
  }
  beam_rows_ = rows;
}

template <class T>
void Decoding<T>::own_attention(size_t layer, int64_t step, Range rows, Activations<T>& a) {
  const int64_t dim = w_.sizes.head_dim;
  const bool table = layer == 0;
  const T* data[kMostSteps];
  for (int64_t t = 0; t <= step; ++t) data[t] = table ? w_.table.row(0) : history_[layer][t].data();
  const int64_t stride = table ? w_.table.stride : a.qkv;
  for (int64_t r = rows.begin; r < rows.end; ++r) {
    const T *line[kMostSteps], *keys[kMostSteps];
    for (int64_t t = 0; t <= step; ++t) {
      const int64_t row = t == step ? r : ancestors_[t][r];
      line[t] = data[t] + (table ? tokens_[t][row] : row) * stride;
    }
    for (int64_t h = 0; h < w_.sizes.heads; ++h) {
      for (int64_t t = 0; t <= step; ++t) keys[t] = line[t] + inner() + h * dim;
      attend_ancestors(line[step] + h * dim, keys, inner(), step + 1, w_.self_bias.row(h), dim,
                       a.mixed.data() + r * a.inner + h * dim);
    }
  }
}

template <class T>
void Decoding<T>::cross_attention(size_t layer, Range rows, const Member<T>& member) {
  Activations<T>& a = member.rows;
  const int64_t dim = w_.sizes.head_dim;
  for (size_t s = 0; s < num_searches_; ++s) {
    const Search& search = searches_[s];
    const Range mine{std::max(rows.begin, search.beam_begin),
                     std::min(rows.end, search.beam_begin + search.beam_width)};
    if (mine.size() <= 0) continue;
    const auto& context = contexts_.each[search.request];
    const T* packed = cross_[layer].data() + context.packed;
    for (int64_t h = 0; h < w_.sizes.heads; ++h, packed += packed_head<T>(context.length, dim)) {
      const bool recency = w_.recency_bias.stride != 0;
      attend<T>({.queries = a.projected.data() + mine.begin * a.inner + h * dim,
                 .query_stride = a.inner,
                 .rows = mine.size(),
                 .head_dim = dim,
                 .packed = packed,
                 .keys = context.length,
                 .bias = recency ? w_.recency_bias.row(h) + w_.max_tokens - context.length : nullptr,
                 .bias_step = 0,
                 .first_row = 0,
                 .causal_group = 0,
                 .out = a.mixed.data() + mine.begin * a.inner + h * dim,
                 .out_stride = a.inner},
                member.scratch());
    }
  }
}

/// Logits of the children that each beam's node has, at the places of their codes.
template <class T>
void Decoding<T>::score_children(int64_t step, Range rows, const Activations<T>& a) {
  std::vector<float> scores(static_cast<size_t>(logit_stride_));
  for (size_t s = 0; s < num_searches_; ++s) {
    const Search& search = searches_[s];
    const int64_t first = std::max(rows.begin, search.beam_begin),
                  last = std::min(rows.end, search.beam_begin + search.beam_width);
    for (int64_t r = first; r < last; ++r) {
      const auto [begin, end] = trie_->children(step, search.beams.node(r - search.beam_begin));
      float* logits = logits_.data() + r * logit_stride_;
      for (int32_t child = begin; child < end; ++child) {
        const float score = dot(a.normed.data() + r * a.width, w_.node_heads[step].row(child), w_.sizes.model_dim);
        scores[static_cast<size_t>(child - begin)] = logits[trie_->token(step + 1, child)] = score;
      }
      totals_.data()[r] = log_sum_exp(scores.data(), end - begin);
    }
  }
}

template <class T>
void Decoding<T>::decode_step(int64_t step, const Member<T>& member) {
  const Range rows = member.share_of(beam_rows_);
  if (rows.size() <= 0) return;
  Activations<T>& a = member.rows;
  const int64_t size = w_.sizes.model_dim;
  for (int64_t r = rows.begin; r < rows.end; ++r)
    std::copy_n(embedding_.row(tokens_[step][r]), a.width, a.x.data() + r * a.width);
  for (size_t layer = 0; layer < w_.layers.size(); ++layer) {
    const DecoderLayer<T>& weights = w_.layers[layer];
    if (layer > 0) {
      norm(a, rows, size, weights.self.norm);
      project(a, rows, weights.self.qkv, history_[layer][step].data(), a.qkv);
    }
    own_attention(layer, step, rows, a);
    add_mixed(a, rows, weights.self.out);
    norm(a, rows, size, weights.cross.norm);
    project(a, rows, weights.cross.q, a.projected.data(), a.inner);
    cross_attention(layer, rows, member);
    add_mixed(a, rows, weights.cross.out);
    feed_forward(a, rows, size, weights.ff);
  }
  norm(a, rows, size, w_.norm);
  if (w_.by_node) return score_children(step, rows, a);
  float* logits = logits_.data() + rows.begin * logit_stride_;
  multiply_to(a.normed.data() + rows.begin * a.width, a.width, rows.size(), w_.heads[step].panels(), logits,
              logit_stride_);
  for (int64_t r = rows.begin; r < rows.end; ++r)
    totals_.data()[r] = log_sum_exp(logits_.data() + r * logit_stride_, w_.level_sizes[step]);
}

template class Decoding<float>;
template class Decoding<c10::BFloat16>;

}  // namespace tessera::engine
