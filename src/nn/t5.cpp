#include "nn/t5.h"

#include <torch/torch.h>

#include <cmath>

#include "nn/device.h"
#include "nn/dropout.h"
#include "nn/norm.h"
#include "nn/softmax.h"

namespace tessera {

using at::Tensor;

namespace {

constexpr int64_t kBuckets = 32;

/// Initial scale of a matrix from `inputs`, as in T5: products keep their variance through unscaled attention.
double inverse_root(int64_t inputs) {
  return 1.0 / std::sqrt(static_cast<double>(inputs));
}

T5Attention make_attention(Parameters& p, const T5Options& o, const std::string& name, bool cross) {
  const int64_t inner = o.heads * o.head_dim;
  T5Attention w;
  w.norm = p.constant(name + ".norm", {o.model_dim}, 1.0);
  const double q_scale = inverse_root(o.model_dim * o.head_dim), scale = inverse_root(o.model_dim);
  if (cross) {
    w.q = p.normal(name + ".q", {inner, o.model_dim}, q_scale);
    w.kv = p.normal(name + ".kv", {2 * inner, o.model_dim}, scale);
  } else {
    w.qkv = p.normal(name + ".qkv", {3 * inner, o.model_dim}, scale);
    const torch::NoGradGuard no_grad;
    w.qkv.narrow(0, 0, inner).mul_(q_scale / scale);
  }
  w.out = p.normal(name + ".out", {o.model_dim, inner}, inverse_root(inner));
  return w;
}

T5FeedForward make_feed_forward(Parameters& p, const T5Options& o, const std::string& name) {
  return {p.constant(name + ".norm", {o.model_dim}, 1.0),
          p.normal(name + ".in", {o.ff_dim, o.model_dim}, inverse_root(o.model_dim)),
          p.normal(name + ".out", {o.model_dim, o.ff_dim}, inverse_root(o.ff_dim))};
}

/// Begins as in ALiBi (arXiv:2108.12409): head h takes off 2^-h a step back. Learned numbers alone move too slowly.
Tensor make_recency(Parameters& p, const T5Options& o, const std::string& name) {
  const Tensor bias = p.constant(name, {kBuckets, o.heads}, 0.0);
  const torch::NoGradGuard no_grad;
  const Tensor bucket = relative_buckets(kMaxDistance, 1, false, kBuckets, kMaxDistance).flatten();
  for (int64_t distance = kMaxDistance - 1; distance >= 0; --distance)  // of a bucket, the nearest distance
    for (int64_t h = 0; h < o.heads; ++h)
      bias[bucket[distance].item<int64_t>()][h] = -static_cast<double>(distance) * std::pow(0.5, h);
  return bias;
}

/// [queries, keys] buckets and [buckets, H] values to [H, queries, keys].
Tensor position_bias(const Tensor& table, int64_t queries, int64_t keys, bool bidirectional) {
  const Tensor buckets = relative_buckets(queries, keys, bidirectional, kBuckets, kMaxDistance).to(table.device());
  return table.index_select(0, buckets.flatten()).view({queries, keys, table.size(1)}).permute({2, 0, 1});
}

}  // namespace

Tensor relative_buckets(int64_t queries, int64_t keys, bool bidirectional, int64_t buckets, int64_t max_distance) {
  Tensor out = at::empty({queries, keys}, at::kLong);
  int64_t* data = out.data_ptr<int64_t>();
  const int64_t half = bidirectional ? buckets / 2 : buckets, exact = half / 2;
  for (int64_t q = 0; q < queries; ++q) {
    for (int64_t k = 0; k < keys; ++k) {
      int64_t distance = q - k, base = 0;
      if (bidirectional && distance < 0) {
        base = half;
        distance = -distance;
      }
      distance = std::max<int64_t>(distance, 0);
      if (distance >= exact) {
        const double ratio = std::log(static_cast<double>(distance) / static_cast<double>(exact)) /
                             std::log(static_cast<double>(max_distance) / static_cast<double>(exact));
        distance = std::min(half - 1, exact + static_cast<int64_t>(ratio * static_cast<double>(half - exact)));
      }
      data[q * keys + k] = base + distance;
    }
  }
  return out;
}

T5::T5(Parameters& p, const T5Options& options, const std::string& prefix) : options_(options) {
  for (int64_t l = 0; l < options.encoder_layers; ++l) {
    const std::string name = prefix + "encoder." + std::to_string(l);
    encoder_.push_back(
        {make_attention(p, options, name + ".self", false), make_feed_forward(p, options, name + ".ff")});
  }
  for (int64_t l = 0; l < options.decoder_layers; ++l) {
    const std::string name = prefix + "decoder." + std::to_string(l);
    decoder_.push_back({make_attention(p, options, name + ".self", false),
                        make_attention(p, options, name + ".cross", true),
                        make_feed_forward(p, options, name + ".ff")});
  }
  const double scale = inverse_root(options.model_dim);
  if (!encoder_.empty()) encoder_norm_ = p.constant(prefix + "encoder.norm", {options.model_dim}, 1.0);
  if (!decoder_.empty()) decoder_norm_ = p.constant(prefix + "decoder.norm", {options.model_dim}, 1.0);
  if (!encoder_.empty()) encoder_bias_ = p.normal(prefix + "encoder.bias", {kBuckets, options.heads}, scale);
  if (!decoder_.empty()) decoder_bias_ = p.normal(prefix + "decoder.bias", {kBuckets, options.heads}, scale);
  if (!decoder_.empty() && options.recency) recency_bias_ = make_recency(p, options, prefix + "decoder.recency");
}

T5 T5::cast(at::ScalarType type) const {
  T5 copy = *this;
  const auto matrix = [type](Tensor& t) {
    if (t.defined()) t = t.detach().to(type).contiguous();
  };
  const auto plain = [](Tensor& t) {
    if (t.defined()) t = t.detach();
  };
  const auto attention = [&](T5Attention& w) {
    plain(w.norm), matrix(w.qkv), matrix(w.q), matrix(w.kv), matrix(w.out);
  };
  for (T5EncoderLayer& layer : copy.encoder_) {
    attention(layer.self), plain(layer.ff.norm), matrix(layer.ff.in), matrix(layer.ff.out);
  }
  for (T5DecoderLayer& layer : copy.decoder_) {
    attention(layer.self), attention(layer.cross), plain(layer.ff.norm), matrix(layer.ff.in), matrix(layer.ff.out);
  }
  plain(copy.encoder_norm_), plain(copy.decoder_norm_), plain(copy.encoder_bias_), plain(copy.decoder_bias_);
  plain(copy.recency_bias_);
  return copy;
}

bool T5::low_precision(const Tensor& x) const {
  const Tensor& any = encoder_.empty() ? decoder_.front().ff.in : encoder_.front().ff.in;
  return any.scalar_type() == at::kBFloat16 || autocast_active(x.device());
}

Tensor T5::self_attention(const T5Attention& w, const Tensor& x, const Tensor& bias, const Tensor& mask,
                          bool training) const {
  const int64_t batch = x.size(0), length = x.size(1), heads = options_.heads, dim = options_.head_dim;
  const Tensor qkv = at::linear(rms_norm(x, w.norm, low_precision(x)), w.qkv)
                         .view({batch, length, 3, heads, dim})
                         .permute({2, 0, 3, 1, 4});                    // [3, B, H, S, D]
  const Tensor scores = at::matmul(qkv[0], qkv[1].transpose(-1, -2));  // [B, H, S, S]
  const Tensor weights = attention_weights(scores, bias, mask, options_.dropout, training);
  const Tensor mixed = at::matmul(weights, qkv[2]).transpose(1, 2).reshape({batch, length, heads * dim});
  return add_dropout(x, at::linear(mixed, w.out), options_.dropout, training);  // [B, S, d]
}

Tensor T5::recency(const Tensor& cross_mask) const {
  if (!recency_bias_.defined()) return {};
  const int64_t keys = cross_mask.size(2);
  const Tensor buckets = relative_buckets(keys, 1, false, kBuckets, kMaxDistance).flatten().to(cross_mask.device());
  const Tensor last = (cross_mask > kMasked / 2).sum(2, true) - 1;  // [B or 1, 1 or P, 1]
  const Tensor distance = (last - at::arange(keys, last.options())).clamp_min(0);
  return recency_bias_.index_select(0, buckets.index_select(0, distance.flatten()))
      .view({cross_mask.size(0), cross_mask.size(1), keys, recency_bias_.size(1)})
      .permute({0, 3, 1, 2});
}

Tensor T5::cross_attention(const T5Attention& w, const Tensor& x, const Tensor& memory, const Tensor& recency,
                           const Tensor& mask, bool training) const {
  const int64_t batch = memory.size(0), keys = memory.size(1), heads = options_.heads, dim = options_.head_dim;
  const int64_t queries = x.numel() / (batch * options_.model_dim);
  const Tensor q = at::linear(rms_norm(x, w.norm, low_precision(x)), w.q)
                       .view({batch, queries, heads, dim})
                       .transpose(1, 2);  // [B, H, P*T, D]
  const Tensor kv = at::linear(memory, w.kv).view({batch, keys, 2, heads, dim}).permute({2, 0, 3, 1, 4});
  Tensor scores = at::matmul(q, kv[0].transpose(-1, -2));  // [B, H, P*T, S]
  Tensor bias;                                             // [H, P*T, S], where it is that of all contexts
  if (recency.defined()) {
    const int64_t sequences = recency.size(2);
    const Tensor each = recency.unsqueeze(3)
                            .expand({-1, -1, -1, queries / sequences, -1})
                            .reshape({recency.size(0), heads, queries, keys});
    if (recency.size(0) == 1) bias = each.squeeze(0);
    if (recency.size(0) > 1) scores = scores + each;
  }
  const Tensor weights = attention_weights(scores, bias, mask, options_.dropout, training);
  const Tensor mixed = at::matmul(weights, kv[1]).transpose(1, 2).reshape({x.size(0), x.size(1), heads * dim});
  return add_dropout(x, at::linear(mixed, w.out), options_.dropout, training);
}

Tensor T5::feed_forward(const T5FeedForward& w, const Tensor& x, bool training) const {
  const Tensor inner =
      relu_dropout(at::linear(rms_norm(x, w.norm, low_precision(x)), w.in), options_.dropout, training);
  return add_dropout(x, at::linear(inner, w.out), options_.dropout, training);
}

Tensor T5::encode(const Tensor& input, const Tensor& mask, bool training) const {
  const int64_t length = input.size(1);
  const Tensor bias = position_bias(encoder_bias_, length, length, true);
  Tensor x = hash_dropout(input, options_.dropout, training);
  for (const T5EncoderLayer& layer : encoder_) {
    x = self_attention(layer.self, x, bias, mask, training);
    x = feed_forward(layer.ff, x, training);
  }
  return hash_dropout(rms_norm(x, encoder_norm_, low_precision(x)), options_.dropout, training);
}

Tensor T5::decode(const Tensor& input, const Tensor& memory, const Tensor& cross_mask, bool training) const {
  const int64_t batch = input.size(0), sequences = input.size(1), length = input.size(2);
  const Tensor bias = position_bias(decoder_bias_, length, length, false);
  const Tensor causal = at::full({1, length, length}, kMasked, bias.options().requires_grad(false)).triu(1);
  const Tensor back = recency(cross_mask);
  Tensor x = hash_dropout(input, options_.dropout, training).reshape({batch * sequences, length, options_.model_dim});
  for (const T5DecoderLayer& layer : decoder_) {
    x = self_attention(layer.self, x, bias, causal, training);
    x = cross_attention(layer.cross, x, memory, back, cross_mask, training);
    x = feed_forward(layer.ff, x, training);
  }
  return hash_dropout(rms_norm(x, decoder_norm_, low_precision(x)), options_.dropout, training).view(input.sizes());
}

}  // namespace tessera
