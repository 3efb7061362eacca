#include "decode/engine_weights.h"

#include <torch/torch.h>

#include "base/error.h"
#include "nn/norm.h"

namespace tessera::engine {

using at::Tensor;

namespace {

/// [H, n] values of a bias table [buckets, H] for the relative positions in `buckets` [n].
Tensor bias_rows(const Tensor& table, const Tensor& buckets) {
  return table.detach().to(at::kFloat).index_select(0, buckets.flatten()).t().contiguous();
}

/// [q | k | v] of every token at the first layer, rounded where the engine rounds.
template <class T>
Tensor first_layer(const Tensor& embedding, const T5Attention& w) {
  const auto rounded = [](const Tensor& t) {
    return sizeof(T) == 2 ? t.to(at::kBFloat16).to(at::kFloat) : t.to(at::kFloat);
  };
  const Tensor x = rms_norm(embedding.detach().to(at::kFloat).contiguous(), w.norm.detach(), false);
  return at::linear(rounded(x), rounded(w.qkv.detach()));
}

}  // namespace

template <class T>
Weights<T>::Weights(const EngineModel& model)
    : sizes(model.t5.options()),
      levels(static_cast<int64_t>(model.heads.size())),
      max_tokens(model.max_tokens),
      causal_group(model.causal_group),
      start_of_answer(model.start_of_answer),
      num_sources(model.source == nullptr ? model.embedding.size(0) : model.source->size(0)),
      by_node(model.by_node),
      level_begin(model.level_begin),
      embedding(model.embedding),
      encoder_norm(model.t5.encoder_norm()),
      decoder_norm(model.t5.decoder_norm()) {
  const torch::NoGradGuard no_grad;
  TESSERA_CHECK(levels > 0 && level_begin.size() == model.heads.size() && !model.t5.encoder_layers().empty() &&
                    !model.t5.decoder_layers().empty(),
                shape, "engine: {} levels with {} places in the embedding, {} encoder and {} decoder layers", levels,
                level_begin.size(), model.t5.encoder_layers().size(), model.t5.decoder_layers().size());
  for (const Tensor& head : model.heads) {
    const auto level = static_cast<int64_t>(level_sizes.size());
    const int64_t begin = level_begin[level_sizes.size()], num_tokens = model.embedding.size(0);
    const bool read = !by_node || level + 1 < levels;
    TESSERA_CHECK(head.size(1) == sizes.model_dim && begin >= 0 && (!read || begin + head.size(0) <= num_tokens), shape,
                  "engine: level {} has {} codes from token {} on, the embedding {} tokens", level, head.size(0), begin,
                  num_tokens);
    if (by_node) node_heads.emplace_back(head);
    if (!by_node) heads.emplace_back(head);
    level_sizes.push_back(head.size(0));
  }
  for (const T5EncoderLayer& layer : model.t5.encoder_layers())
    encoder.push_back({SelfWeights<T>(layer.self), FeedForwardWeights<T>(layer.ff)});
  for (const T5DecoderLayer& layer : model.t5.decoder_layers())
    decoder.push_back({SelfWeights<T>(layer.self), CrossWeights<T>(layer.cross), FeedForwardWeights<T>(layer.ff)});
  if (model.source != nullptr) own_source = Rows<float>(*model.source);
  const Tensor& source_rows = model.source == nullptr ? model.embedding : *model.source;
  encoder_table = Rows<T>(first_layer<T>(source_rows, model.t5.encoder_layers().front().self));
  decoder_table = Rows<T>(first_layer<T>(model.embedding, model.t5.decoder_layers().front().self));
  const int64_t buckets = model.t5.encoder_bias().size(0), n = max_tokens;
  const Tensor before = relative_buckets(n, 1, true, buckets, kMaxDistance).flatten().flip(0).narrow(0, 0, n - 1);
  const Tensor behind = relative_buckets(1, n, true, buckets, kMaxDistance).flatten();
  encoder_bias = Rows<float>(bias_rows(model.t5.encoder_bias(), at::cat({before, behind})));
  decoder_bias = Rows<float>(
      bias_rows(model.t5.decoder_bias(),
                relative_buckets(levels, 1, false, model.t5.decoder_bias().size(0), kMaxDistance).flatten()));
  if (const Tensor& recency = model.t5.recency_bias(); recency.defined())
    recency_bias =
        Rows<float>(bias_rows(recency, relative_buckets(n, 1, false, recency.size(0), kMaxDistance).flatten().flip(0)));
}

template <class T>
int64_t Weights<T>::bytes() const {
  int64_t sum = (embedding.memory.size() + own_source.memory.size()) * int64_t{sizeof(float)} +
                (encoder_table.memory.size() + decoder_table.memory.size()) * int64_t{sizeof(T)};
  for (const auto& layer : encoder)
    sum += layer.self.qkv.bytes() + layer.self.out.bytes() + layer.ff.in.bytes() + layer.ff.out.bytes();
  for (const auto& layer : decoder)
    sum += layer.self.qkv.bytes() + layer.self.out.bytes() + layer.cross.q.bytes() + layer.cross.kv.bytes() +
           layer.cross.out.bytes() + layer.ff.in.bytes() + layer.ff.out.bytes();
  for (const auto& head : heads) sum += head.bytes();
  for (const auto& head : node_heads) sum += head.memory.size() * int64_t{sizeof(T)};
  return sum;
}

template struct Weights<float>;
template struct Weights<c10::BFloat16>;

}  // namespace tessera::engine
