#include "decode/engine_encoder.h"

namespace tessera::engine {

template <class T>
void Encoding<T>::prepare(std::span<const EngineQuestions> requests, const Member<T>& member) {
  contexts_.each.clear();
  contexts_.rows = contexts_.longest = contexts_.packed = 0;
  for (const EngineQuestions& request : requests) {
    const auto length = static_cast<int64_t>(request.tokens.size());
    contexts_.each.push_back({contexts_.rows, length, contexts_.packed});
    contexts_.rows += length;
    contexts_.longest = std::max(contexts_.longest, length);
    contexts_.packed += w_.sizes.heads * packed_head<T>(length, w_.sizes.head_dim);
  }
  member.rows.grow(w_.sizes, contexts_.rows, contexts_.longest, member.team.size());
  contexts_.stride = member.rows.width;
  contexts_.states.grow(contexts_.rows * contexts_.stride);
  packed_.grow(contexts_.packed);
}

template <class T>
void Encoding<T>::read_tokens(std::span<const EngineQuestions> requests, Range rows, const Member<T>& member) {
  Activations<T>& a = member.rows;
  const int64_t qkv = 3 * w_.sizes.heads * w_.sizes.head_dim;
  for (size_t c = 0; c < requests.size(); ++c) {
    const auto& context = contexts_.each[c];
    const int64_t begin = std::max(rows.begin, context.begin), end = std::min(rows.end, context.begin + context.length);
    for (int64_t r = begin; r < end; ++r) {
      const int32_t token = requests[c].tokens[static_cast<size_t>(r - context.begin)];
      std::copy_n(w_.embedding.row(token), a.width, a.x.data() + r * a.width);
      std::copy_n(w_.table.row(token), qkv, a.projected.data() + r * a.qkv);
    }
  }
}

template <class T>
void Encoding<T>::attention(size_t layer, Range rows, const Member<T>& member) {
  Activations<T>& a = member.rows;
  const int64_t heads = w_.sizes.heads, dim = w_.sizes.head_dim;
  for (const auto& context : contexts_.each) {
    const Range mine{std::max(rows.begin, context.begin), std::min(rows.end, context.begin + context.length)};
    if (mine.size() <= 0) continue;
    const T* packed = packed_.data() + context.packed;
    for (int64_t h = 0; h < heads; ++h, packed += packed_head<T>(context.length, dim))
      attend<T>({.queries = a.projected.data() + mine.begin * a.qkv + h * dim,
                 .query_stride = a.qkv,
                 .rows = mine.size(),
                 .head_dim = dim,
                 .packed = packed,
                 .keys = context.length,
                 .bias = w_.bias.row(h) + w_.max_tokens - 1,
                 .bias_step = 1,
                 .first_row = mine.begin - context.begin,
                 .causal_group = w_.causal_group,
                 .out = a.mixed.data() + mine.begin * a.inner + h * dim,
                 .out_stride = a.inner},
                member.scratch());
  }
  add_mixed(a, rows, w_.layers[layer].self.out);
}

template <class T>
void Encoding<T>::run(std::span<const EngineQuestions> requests, const Member<T>& member) {
  if (member.first()) prepare(requests, member);
  member.meet();
  Activations<T>& a = member.rows;
  const Range rows = member.share_of(contexts_.rows);
  const int64_t size = w_.sizes.model_dim, inner = w_.sizes.heads * w_.sizes.head_dim;
  read_tokens(requests, rows, member);
  for (size_t layer = 0; layer < w_.layers.size(); ++layer) {
    const EncoderLayer<T>& weights = w_.layers[layer];
    if (layer > 0) {
      norm(a, rows, size, weights.self.norm);
      project(a, rows, weights.self.qkv, a.projected.data(), a.qkv);
    }
    member.meet();
    const T* keys = a.projected.data() + inner;
    pack_keys_and_values<T>({keys, keys + inner, a.qkv}, contexts_, w_.sizes, packed_.data(), member);
    member.meet();
    attention(layer, rows, member);
    feed_forward(a, rows, size, weights.ff);
  }
  norm_rows(a.x.data(), a.width, rows, size, w_.norm, contexts_.states.data());
  member.meet();
}

template class Encoding<float>;
template class Encoding<c10::BFloat16>;

}  // namespace tessera::engine
