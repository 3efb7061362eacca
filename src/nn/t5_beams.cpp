#include <torch/torch.h>

#include "nn/dropout.h"
#include "nn/norm.h"
#include "nn/softmax.h"
#include "nn/t5.h"

namespace tessera {

using at::Tensor;

namespace {

/// The rows of each beam's ancestor. @param rows [B, W_t, C], @param ancestors [B, W]. @return [B, W, C]
Tensor gather_rows(const Tensor& rows, const Tensor& ancestors) {
  return rows.gather(1, ancestors.unsqueeze(-1).expand({-1, -1, rows.size(2)}));
}

}  // namespace

T5Beams::T5Beams(const T5& model, const Tensor& memory, const Tensor& cross_mask, int64_t max_steps)
    : model_(model), cross_mask_(cross_mask), recency_(model.recency(cross_mask)) {
  const int64_t batch = memory.size(0), keys = memory.size(1), heads = model.options_.heads,
                dim = model.options_.head_dim;
  for (const T5DecoderLayer& layer : model.decoder_) {
    const Tensor kv = at::linear(memory, layer.cross.kv).view({batch, keys, 2, heads, dim});
    cross_keys_.push_back(kv.select(2, 0).permute({0, 2, 3, 1}).contiguous());    // [B, H, D, S]
    cross_values_.push_back(kv.select(2, 1).permute({0, 2, 1, 3}).contiguous());  // [B, H, S, D]
  }
  keys_.resize(model.decoder_.size());
  values_.resize(model.decoder_.size());
  const Tensor buckets = relative_buckets(max_steps, max_steps, false, model.decoder_bias_.size(0), kMaxDistance);
  bias_ = model.decoder_bias_.index_select(0, buckets.flatten().to(memory.device()))
              .view({max_steps, max_steps, heads})
              .permute({2, 0, 1})
              .contiguous();
}

Tensor T5Beams::self_step(size_t layer, const Tensor& x) {
  const T5Attention& w = model_.decoder_[layer].self;
  const int64_t heads = model_.options_.heads, dim = model_.options_.head_dim, inner = heads * dim;
  const Tensor qkv = at::linear(rms_norm(x, w.norm, model_.low_precision(x)), w.qkv);  // [B, W, 3*H*D]
  keys_[layer].push_back(qkv.narrow(2, inner, inner));
  values_[layer].push_back(qkv.narrow(2, 2 * inner, inner));
  const auto steps = static_cast<int64_t>(keys_[layer].size());
  const Tensor bias = bias_.select(1, steps - 1).narrow(1, 0, steps);  // [H, steps]
  std::vector<Tensor> k, v;
  for (size_t t = 0; t < ancestors_.size(); ++t) {
    k.push_back(gather_rows(keys_[layer][t], ancestors_[t]));
    v.push_back(gather_rows(values_[layer][t], ancestors_[t]));
  }
  const auto per_head = [&](const std::vector<Tensor>& parts) {
    return at::stack(parts, 2).view({x.size(0), x.size(1), steps, heads, dim});  // [B, W, t, H, D]
  };
  const Tensor q = qkv.narrow(2, 0, inner).view({x.size(0), x.size(1), 1, heads, dim});
  const Tensor scores = (q * per_head(k)).sum(-1).to(at::kFloat) + bias.transpose(0, 1);  // [B, W, t, H]
  const Tensor mixed = (at::softmax(scores, 2).unsqueeze(-1) * per_head(v)).sum(2).to(qkv.scalar_type()).flatten(2);
  return add_dropout(x, at::linear(mixed, w.out), 0.0, false);
}

Tensor T5Beams::cross_step(size_t layer, const Tensor& x) {
  const T5Attention& w = model_.decoder_[layer].cross;
  const int64_t batch = x.size(0), width = x.size(1), heads = model_.options_.heads, dim = model_.options_.head_dim;
  const Tensor q = at::linear(rms_norm(x, w.norm, model_.low_precision(x)), w.q)
                       .view({batch, width, heads, dim})
                       .transpose(1, 2);  // [B, H, W, D]
  Tensor scores = at::matmul(q, cross_keys_[layer]);
  if (recency_.defined()) scores = scores + recency_.to(scores.scalar_type());
  const Tensor weights = attention_weights(scores, {}, cross_mask_, 0.0, false);
  const Tensor mixed = at::matmul(weights, cross_values_[layer]).transpose(1, 2).reshape({batch, width, heads * dim});
  return add_dropout(x, at::linear(mixed, w.out), 0.0, false);
}

Tensor T5Beams::step(const Tensor& input, const Tensor& parents) {
  for (Tensor& rows : ancestors_) rows = rows.gather(1, parents);
  ancestors_.push_back(at::arange(input.size(1), at::TensorOptions(at::kLong).device(input.device()))
                           .unsqueeze(0)
                           .expand({input.size(0), -1})
                           .contiguous());
  Tensor x = input;
  for (size_t layer = 0; layer < model_.decoder_.size(); ++layer) {
    x = self_step(layer, x);
    x = cross_step(layer, x);
    x = model_.feed_forward(model_.decoder_[layer].ff, x, false);
  }
  return rms_norm(x, model_.decoder_norm_, model_.low_precision(x));
}

}  // namespace tessera
