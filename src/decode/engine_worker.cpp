#include "decode/engine_worker.h"

#include <algorithm>
#include <cmath>
#include <thread>

#include "base/error.h"

namespace tessera::engine {

using simd::Floats;
using simd::kLanes;

namespace {

constexpr int64_t kAttentionRows = 48;  ///< queries at a time: their scores stay in the first cache

/// C = A B into rows of T.
template <class T>
void multiply_to(const T* a, int64_t lda, int64_t rows, const simd::Panels<T>& b, T* c, int64_t ldc) {
  simd::multiply(a, lda, rows, b,
                 [=](int64_t row, int64_t column, Floats v) { simd::store_floats(c + row * ldc + column, v); });
}

/// C = relu(A B).
template <class T>
void multiply_relu(const T* a, int64_t lda, int64_t rows, const simd::Panels<T>& b, T* c, int64_t ldc) {
  simd::multiply(a, lda, rows, b, [=](int64_t row, int64_t column, Floats v) {
    simd::store_floats(c + row * ldc + column, simd::largest_of(v, Floats{}));
  });
}

/// X += A B.
template <class T>
void multiply_add_to(const T* a, int64_t lda, int64_t rows, const simd::Panels<T>& b, float* x, int64_t ldx) {
  simd::multiply(a, lda, rows, b, [=](int64_t row, int64_t column, Floats v) {
    float* at = x + row * ldx + column;
    simd::store_floats(at, simd::load_floats(at) + v);
  });
}

template <class T>
void multiply_scores(const T* a, int64_t lda, int64_t rows, const simd::Panels<T>& b, float* c, int64_t ldc) {
  simd::multiply(a, lda, rows, b,
                 [=](int64_t row, int64_t column, Floats v) { simd::store_floats(c + row * ldc + column, v); });
}

/// The first `visible` scores of a row, plus bias, to probabilities; `out` is zero from there to `padded`.
template <class T>
void softmax_row(float* scores, const float* bias, int64_t visible, int64_t padded, T* out) {
  float largest = -1e30f;
  const int64_t whole = visible / kLanes * kLanes, used = simd::round_up(visible, kLanes);
  if (bias != nullptr) {
    for (int64_t i = 0; i < whole; i += kLanes)
      simd::store_floats(scores + i, simd::load_floats(scores + i) + simd::load_floats(bias + i));
    for (int64_t i = whole; i < visible; ++i) scores[i] += bias[i];
  }
  for (int64_t i = visible; i < used; ++i) scores[i] = -1e30f;
  Floats best = simd::all(largest);
  for (int64_t i = 0; i < used; i += kLanes) best = simd::largest_of(best, simd::load_floats(scores + i));
  largest = simd::largest_of(best);
  Floats sums{};
  for (int64_t i = 0; i < used; i += kLanes) {
    const Floats e = simd::exp_nonpositive(simd::load_floats(scores + i) - largest);
    simd::store_floats(scores + i, e);
    sums += e;
  }
  const float scale = 1.0f / simd::sum_of(sums);
  for (int64_t i = 0; i < used; i += kLanes) simd::store_floats(out + i, simd::load_floats(scores + i) * scale);
  for (int64_t i = used; i < padded; i += kLanes) simd::store_floats(out + i, Floats{});
}

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
  float score[16], largest = -1e30f, sum = 0;
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

void Team::meet() {
  if (size_ == 1) return;
  const int round = round_.load(std::memory_order_relaxed);
  if (arrived_.fetch_add(1, std::memory_order_acq_rel) + 1 == size_) {
    arrived_.store(0, std::memory_order_relaxed);
    round_.store(round + 1, std::memory_order_release);
    return;
  }
  for (int64_t spins = 0; round_.load(std::memory_order_acquire) == round; ++spins) {
    TESSERA_CHECK(!abandoned_.load(std::memory_order_acquire), internal, "another thread of this request failed");
    if (spins > 20000) std::this_thread::yield();
  }
}

template <class T>
void Worker<T>::prepare(std::span<const EngineRequest> requests, const Trie& trie, const BeamOptions& options,
                        int members) {
  const T5Options& s = w_.sizes;
  width_ = simd::round_up(s.model_dim, kRowQuantum);
  inner_ = simd::round_up(w_.inner(), kRowQuantum) + kRowQuantum;  // a head's last panel may reach over its end
  qkv_ = simd::round_up(3 * w_.inner(), kRowQuantum) + kRowQuantum;
  ff_ = simd::round_up(s.ff_dim, kRowQuantum);
  num_contexts_ = static_cast<int64_t>(requests.size());
  if (contexts_.size() < requests.size()) contexts_.resize(requests.size());
  source_rows_ = most_beams_ = 0;
  int64_t longest = 0, packed = 0, widest_level = 0;
  for (size_t i = 0; i < requests.size(); ++i) {
    const auto length = static_cast<int64_t>(requests[i].tokens.size());
    contexts_[i].begin = source_rows_;
    contexts_[i].length = length;
    source_rows_ += length;
    most_beams_ += requests[i].query.width(options.beam);
    longest = std::max(longest, length);
    packed += s.heads * packed_head(length);
  }
  for (int64_t l = 0; l < w_.levels; ++l) widest_level = std::max<int64_t>(widest_level, trie.level_size(l));
  logit_stride_ = simd::round_up(widest_level, kRowQuantum);
  const int64_t rows = std::max(source_rows_, most_beams_);
  x_.grow(rows * width_);
  normed_.grow(rows * width_);
  projected_.grow(rows * qkv_);
  mixed_.grow(rows * inner_);
  hidden_.grow(rows * ff_);
  packed_.grow(packed);
  logits_.grow(most_beams_ * logit_stride_);
  totals_.grow(most_beams_);
  cross_.resize(w_.decoder.size());
  history_.resize(w_.decoder.size());
  for (size_t l = 0; l < w_.decoder.size(); ++l) {
    cross_[l].grow(packed);
    history_[l].resize(static_cast<size_t>(w_.levels));
    if (l == 0) continue;  // its rows stand in the table
    for (int64_t t = 0; t < w_.levels; ++t) history_[l][t].grow((t == 0 ? num_contexts_ : most_beams_) * qkv_);
  }
  tokens_.resize(static_cast<size_t>(w_.levels));
  ancestors_.resize(static_cast<size_t>(w_.levels));
  for (int64_t t = 0; t < w_.levels; ++t) {
    tokens_[t].resize(static_cast<size_t>(most_beams_));
    ancestors_[t].resize(static_cast<size_t>(most_beams_));
  }
  next_ancestors_.resize(static_cast<size_t>(most_beams_));
  if (scratch_.size() < static_cast<size_t>(members)) scratch_.resize(static_cast<size_t>(members));
  for (Scratch<T>& scratch : scratch_) {
    scratch.scores.grow(kAttentionRows * simd::round_up(longest, kRowQuantum));
    scratch.weights.grow(kAttentionRows * simd::round_up(longest, kRowQuantum));
  }
}

template <class T>
void Worker<T>::run(std::span<const EngineRequest> requests, const Trie& trie, const BeamOptions& options,
                    std::span<BeamAnswer> answers, Team& team, int me) {
  for (int64_t c = me; c < num_contexts_; c += team.size()) {
    const BeamQuery& query = requests[c].query;
    contexts_[c].search.start(trie, query, query.width(options.beam), options.renormalise);
  }
  encode(requests, team, me);
  prepare_cross(team, me);
  for (int64_t step = 0; step < w_.levels; ++step) {
    if (me == 0) place_beams(step);
    team.meet();
    decode_step(step, trie, team, me);
    team.meet();
    for (int64_t c = me; c < num_contexts_; c += team.size()) {
      Context& context = contexts_[c];
      context.search.extend(logits_.data() + context.beam_begin * logit_stride_, logit_stride_,
                            totals_.data() + context.beam_begin);
    }
    team.meet();
  }
  for (int64_t c = me; c < num_contexts_; c += team.size()) answers[c] = contexts_[c].search.answer();
}

template <class T>
void Worker<T>::norm(const float* x, const Rows<float>& weight, Range rows) {
  const float* scale = weight.row(0);
  const auto size = static_cast<float>(w_.sizes.model_dim);
  for (int64_t r = rows.begin; r < rows.end; ++r) {
    const float* from = x + r * width_;
    T* to = normed_.data() + r * width_;
    Floats squares{};
    for (int64_t i = 0; i < width_; i += kLanes) {
      const Floats v = simd::load_floats(from + i);
      squares += v * v;
    }
    const float factor = 1.0f / std::sqrt(simd::sum_of(squares) / size + 1e-6f);
    for (int64_t i = 0; i < width_; i += kLanes)
      simd::store_floats(to + i, simd::load_floats(from + i) * factor * simd::load_floats(scale + i));
  }
}

template <class T>
void Worker<T>::feed_forward(const FeedForwardWeights<T>& weights, Range rows) {
  norm(x_.data(), weights.norm, rows);
  T* hidden = hidden_.data() + rows.begin * ff_;
  multiply_relu(normed(rows.begin), width_, rows.size(), weights.in.panels(), hidden, ff_);
  multiply_add_to(hidden, ff_, rows.size(), weights.out.panels(), x_.data() + rows.begin * width_, width_);
}

template <class T>
int64_t Worker<T>::packed_head(int64_t keys) const {
  return simd::panel_elements<T>(w_.sizes.head_dim, keys) + simd::panel_elements<T>(keys, w_.sizes.head_dim);
}

template <class T>
void Worker<T>::attend(const HeadJob& job, Scratch<T>& scratch) const {
  const int64_t dim = w_.sizes.head_dim, stride = simd::round_up(job.keys, kRowQuantum);
  const simd::Panels<T> keys{job.packed, simd::round_up(dim, simd::kGroup<T>), simd::round_up(job.keys, kLanes)};
  const simd::Panels<T> values{job.packed + simd::panel_elements<T>(dim, job.keys),
                               simd::round_up(job.keys, simd::kGroup<T>), simd::round_up(dim, kLanes)};
  float* scores = scratch.scores.data();
  T* weights = scratch.weights.data();
  for (int64_t done = 0; done < job.rows; done += kAttentionRows) {
    const int64_t rows = std::min(kAttentionRows, job.rows - done);
    multiply_scores(job.queries + done * job.query_stride, job.query_stride, rows, keys, scores, stride);
    for (int64_t r = 0; r < rows; ++r) {
      const int64_t row = job.first_row + done + r, group = job.causal_group;
      const int64_t visible = group == 0 ? job.keys : std::min(job.keys, 1 + (row + group - 1) / group * group);
      softmax_row(scores + r * stride, job.bias == nullptr ? nullptr : job.bias - row * job.bias_step, visible, stride,
                  weights + r * stride);
    }
    multiply_to(weights, stride, rows, values, job.out + done * inner_, inner_);
  }
}

/// Keys and values [source rows] of every context and head to panels; the pairs of context and head are shared out.
template <class T>
void Worker<T>::pack_keys_and_values(const T* keys, const T* values, int64_t stride, T* to, Team& team, int me) {
  const int64_t dim = w_.sizes.head_dim;
  int64_t job = 0;
  for (int64_t c = 0; c < num_contexts_; ++c) {
    const Context& context = contexts_[c];
    for (int64_t h = 0; h < w_.sizes.heads; ++h, to += packed_head(context.length)) {
      if (job++ % team.size() != me) continue;
      const int64_t from = context.begin * stride + h * dim;
      simd::pack_columns<T>(keys + from, stride, dim, context.length, to);
      simd::pack_rows<T>(values + from, stride, context.length, dim, to + simd::panel_elements<T>(dim, context.length));
    }
  }
}

template <class T>
void Worker<T>::encoder_attention(size_t layer, Range rows, int me) {
  const int64_t heads = w_.sizes.heads, dim = w_.sizes.head_dim;
  const T* packed = packed_.data();
  for (int64_t c = 0; c < num_contexts_; ++c) {
    const Context& context = contexts_[c];
    const Range mine{std::max(rows.begin, context.begin), std::min(rows.end, context.begin + context.length)};
    for (int64_t h = 0; h < heads; ++h, packed += packed_head(context.length)) {
      if (mine.size() <= 0) continue;
      attend({projected_.data() + mine.begin * qkv_ + h * dim, qkv_, mine.size(), packed, context.length,
              w_.encoder_bias.row(h) + w_.max_tokens - 1, 1, mine.begin - context.begin, w_.causal_group,
              mixed_.data() + mine.begin * inner_ + h * dim},
             scratch_[me]);
    }
  }
  multiply_add_to(mixed_.data() + rows.begin * inner_, inner_, rows.size(), w_.encoder[layer].self.out.panels(),
                  x_.data() + rows.begin * width_, width_);
}

template <class T>
void Worker<T>::encode(std::span<const EngineRequest> requests, Team& team, int me) {
  const Range rows = share(source_rows_, me, team.size());
  const int64_t inner = w_.inner();
  for (int64_t c = 0; c < num_contexts_; ++c) {
    const Context& context = contexts_[c];
    for (int64_t r = std::max(rows.begin, context.begin); r < std::min(rows.end, context.begin + context.length); ++r) {
      const int32_t token = requests[c].tokens[r - context.begin];
      std::copy_n(w_.source().row(token), width_, x_.data() + r * width_);
      std::copy_n(w_.encoder_table.row(token), 3 * inner, projected_.data() + r * qkv_);
    }
  }
  for (size_t layer = 0; layer < w_.encoder.size(); ++layer) {
    const EncoderLayer<T>& weights = w_.encoder[layer];
    if (layer > 0) {
      norm(x_.data(), weights.self.norm, rows);
      multiply_to(normed(rows.begin), width_, rows.size(), weights.self.qkv.panels(),
                  projected_.data() + rows.begin * qkv_, qkv_);
    }
    team.meet();
    pack_keys_and_values(projected_.data() + inner, projected_.data() + 2 * inner, qkv_, packed_.data(), team, me);
    team.meet();
    encoder_attention(layer, rows, me);
    feed_forward(weights.ff, rows);
  }
  norm(x_.data(), w_.encoder_norm, rows);
}

template <class T>
void Worker<T>::prepare_cross(Team& team, int me) {
  const Range rows = share(source_rows_, me, team.size());
  for (size_t layer = 0; layer < w_.decoder.size(); ++layer) {
    multiply_to(normed(rows.begin), width_, rows.size(), w_.decoder[layer].cross.kv.panels(),
                projected_.data() + rows.begin * qkv_, qkv_);
    team.meet();
    pack_keys_and_values(projected_.data(), projected_.data() + w_.inner(), qkv_, cross_[layer].data(), team, me);
    team.meet();
  }
}

/// Gives every live beam its row, and finds the rows of its ancestors.
template <class T>
void Worker<T>::place_beams(int64_t step) {
  int64_t rows = 0;
  const int64_t begin = step == 0 ? 0 : w_.level_begin[step - 1];
  for (int64_t c = 0; c < num_contexts_; ++c) {
    const ContextSearch& search = contexts_[c].search;
    for (int64_t w = 0; w < search.width(); ++w)
      tokens_[step][rows + w] = static_cast<int32_t>(
          step == 0 ? w_.start_of_answer : begin + (w_.by_node ? search.node(w) : search.token(w)));
    rows += search.width();
  }
  for (int64_t t = 0; t < step; ++t) {
    rows = 0;
    for (int64_t c = 0; c < num_contexts_; ++c) {
      const Context& context = contexts_[c];
      for (int64_t w = 0; w < context.search.width(); ++w, ++rows) {
        const int64_t parent = context.beam_begin + context.search.parent(w);
        next_ancestors_[rows] = t == step - 1 ? static_cast<int32_t>(parent) : ancestors_[t][parent];
      }
    }
    ancestors_[t].swap(next_ancestors_);
  }
  rows = 0;
  for (int64_t c = 0; c < num_contexts_; ++c) {
    contexts_[c].beam_begin = rows;
    contexts_[c].beam_width = contexts_[c].search.width();
    rows += contexts_[c].beam_width;
  }
  beam_rows_ = rows;
}

template <class T>
void Worker<T>::own_attention(size_t layer, int64_t step, Range rows) {
  const int64_t dim = w_.sizes.head_dim, inner = w_.inner();
  const bool table = layer == 0;
  const T* data[16];
  for (int64_t t = 0; t <= step; ++t) data[t] = table ? w_.decoder_table.row(0) : history_[layer][t].data();
  const int64_t stride = table ? w_.decoder_table.stride : qkv_;
  for (int64_t r = rows.begin; r < rows.end; ++r) {
    const T *line[16], *keys[16];
    for (int64_t t = 0; t <= step; ++t) {
      const int64_t row = t == step ? r : ancestors_[t][r];
      line[t] = data[t] + (table ? tokens_[t][row] : row) * stride;
    }
    for (int64_t h = 0; h < w_.sizes.heads; ++h) {
      for (int64_t t = 0; t <= step; ++t) keys[t] = line[t] + inner + h * dim;
      attend_ancestors(line[step] + h * dim, keys, inner, step + 1, w_.decoder_bias.row(h), dim,
                       mixed_.data() + r * inner_ + h * dim);
    }
  }
}

template <class T>
void Worker<T>::cross_attention(size_t layer, Range rows, int me) {
  const int64_t dim = w_.sizes.head_dim;
  const T* packed = cross_[layer].data();
  for (int64_t c = 0; c < num_contexts_; ++c) {
    const Context& context = contexts_[c];
    const Range mine{std::max(rows.begin, context.beam_begin),
                     std::min(rows.end, context.beam_begin + context.beam_width)};
    for (int64_t h = 0; h < w_.sizes.heads; ++h, packed += packed_head(context.length)) {
      if (mine.size() <= 0) continue;
      const float* bias =
          w_.recency_bias.stride == 0 ? nullptr : w_.recency_bias.row(h) + w_.max_tokens - context.length;
      attend({projected_.data() + mine.begin * inner_ + h * dim, inner_, mine.size(), packed, context.length, bias, 0,
              0, 0, mixed_.data() + mine.begin * inner_ + h * dim},
             scratch_[me]);
    }
  }
}

/// Logits of the children that each beam's node has, at the places of their codes.
template <class T>
void Worker<T>::score_children(int64_t step, const Trie& trie, Range rows) {
  std::vector<float> scores(static_cast<size_t>(logit_stride_));
  for (int64_t c = 0; c < num_contexts_; ++c) {
    const Context& context = contexts_[c];
    const int64_t first = std::max(rows.begin, context.beam_begin),
                  last = std::min(rows.end, context.beam_begin + context.beam_width);
    for (int64_t r = first; r < last; ++r) {
      const auto [begin, end] = trie.children(step, context.search.node(r - context.beam_begin));
      float* logits = logits_.data() + r * logit_stride_;
      for (int32_t child = begin; child < end; ++child) {
        const float score = dot(normed(r), w_.node_heads[step].row(child), w_.sizes.model_dim);
        scores[static_cast<size_t>(child - begin)] = logits[trie.token(step + 1, child)] = score;
      }
      totals_.data()[r] = log_sum_exp(scores.data(), end - begin);
    }
  }
}

template <class T>
void Worker<T>::decode_step(int64_t step, const Trie& trie, Team& team, int me) {
  const Range rows = share(beam_rows_, me, team.size());
  if (rows.size() <= 0) return;
  float* x = x_.data() + rows.begin * width_;
  const T* mixed = mixed_.data() + rows.begin * inner_;
  for (int64_t r = rows.begin; r < rows.end; ++r)
    std::copy_n(w_.embedding.row(tokens_[step][r]), width_, x_.data() + r * width_);
  for (size_t layer = 0; layer < w_.decoder.size(); ++layer) {
    const DecoderLayer<T>& weights = w_.decoder[layer];
    if (layer > 0) {
      norm(x_.data(), weights.self.norm, rows);
      multiply_to(normed(rows.begin), width_, rows.size(), weights.self.qkv.panels(),
                  history_[layer][step].data() + rows.begin * qkv_, qkv_);
    }
    own_attention(layer, step, rows);
    multiply_add_to(mixed, inner_, rows.size(), weights.self.out.panels(), x, width_);
    norm(x_.data(), weights.cross.norm, rows);
    multiply_to(normed(rows.begin), width_, rows.size(), weights.cross.q.panels(),
                projected_.data() + rows.begin * inner_, inner_);
    cross_attention(layer, rows, me);
    multiply_add_to(mixed, inner_, rows.size(), weights.cross.out.panels(), x, width_);
    feed_forward(weights.ff, rows);
  }
  norm(x_.data(), w_.decoder_norm, rows);
  if (w_.by_node) return score_children(step, trie, rows);
  multiply_scores(normed(rows.begin), width_, rows.size(), w_.heads[step].panels(),
                  logits_.data() + rows.begin * logit_stride_, logit_stride_);
  for (int64_t r = rows.begin; r < rows.end; ++r)
    totals_.data()[r] = log_sum_exp(logits_.data() + r * logit_stride_, w_.level_sizes[step]);
}

template class Worker<float>;
template class Worker<c10::BFloat16>;

}  // namespace tessera::engine
