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
EncoderWeights<T>::EncoderWeights(const EngineEncoder& model)
    : sizes(model.t5.options()),
      max_tokens(model.max_tokens),
      causal_group(model.causal_group),
      num_tokens(model.table.size(0)),
      embedding(model.table),
      norm(model.t5.encoder_norm()) {
  const torch::NoGradGuard no_grad;
  for (const T5EncoderLayer& layer : model.t5.encoder_layers())
    layers.push_back({SelfWeights<T>(layer.self), FeedForwardWeights<T>(layer.ff)});
  table = Rows<T>(first_layer<T>(model.table, model.t5.encoder_layers().front().self));
  const int64_t buckets = model.t5.encoder_bias().size(0), n = max_tokens;
  const Tensor before = relative_buckets(n, 1, true, buckets, kMaxDistance).flatten().flip(0).narrow(0, 0, n - 1);
  const Tensor behind = relative_buckets(1, n, true, buckets, kMaxDistance).flatten();
  bias = Rows<float>(bias_rows(model.t5.encoder_bias(), at::cat({before, behind})));
}

template <class T>
int64_t EncoderWeights<T>::bytes() const {
  int64_t sum = embedding.bytes() + table.bytes();
  for (const auto& layer : layers)
    sum += layer.self.qkv.bytes() + layer.self.out.bytes() + layer.ff.in.bytes() + layer.ff.out.bytes();
  return sum;
}

template <class T>
DecoderWeights<T>::DecoderWeights(const EngineDecoder& model, const EngineEncoder& encoder)
    : sizes(model.t5.options()),
      levels(static_cast<int64_t>(model.heads.size())),
      max_tokens(encoder.max_tokens),
      start_of_answer(model.start_of_answer),
      by_node(model.by_node),
      level_begin(model.level_begin),
      norm(model.t5.decoder_norm()) {
  const torch::NoGradGuard no_grad;
  for (const Tensor& head : model.heads) {
    if (by_node) node_heads.emplace_back(head);
    if (!by_node) heads.emplace_back(head);
    level_sizes.push_back(head.size(0));
  }
  for (const T5DecoderLayer& layer : model.t5.decoder_layers())
    layers.push_back({SelfWeights<T>(layer.self), CrossWeights<T>(layer.cross), FeedForwardWeights<T>(layer.ff)});
  if (!model.embedding.is_same(encoder.table)) own_embedding = Rows<float>(model.embedding);
  table = Rows<T>(first_layer<T>(model.embedding, model.t5.decoder_layers().front().self));
  const Tensor& own_bias = model.t5.decoder_bias();
  self_bias =
      Rows<float>(bias_rows(own_bias, relative_buckets(levels, 1, false, own_bias.size(0), kMaxDistance).flatten()));
  if (const Tensor& recency = model.t5.recency_bias(); recency.defined()) {
    const Tensor back = relative_buckets(max_tokens, 1, false, recency.size(0), kMaxDistance).flatten().flip(0);
    recency_bias = Rows<float>(bias_rows(recency, back));
  }
}

template <class T>
int64_t DecoderWeights<T>::bytes() const {
  int64_t sum = own_embedding.bytes() + table.bytes();
  for (const auto& layer : layers)
    sum += layer.self.qkv.bytes() + layer.self.out.bytes() + layer.cross.q.bytes() + layer.cross.kv.bytes() +
           layer.cross.out.bytes() + layer.ff.in.bytes() + layer.ff.out.bytes();
  for (const auto& head : heads) sum += head.bytes();
  for (const auto& head : node_heads) sum += head.bytes();
  return sum;
}

template struct EncoderWeights<float>;
template struct EncoderWeights<c10::BFloat16>;
template struct DecoderWeights<float>;
template struct DecoderWeights<c10::BFloat16>;

}  // namespace tessera::engine
