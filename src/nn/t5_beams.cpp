#include <torch/torch.h>

#include <array>

#include "nn/dropout.h"
#include "nn/norm.h"
#include "nn/simd.h"
#include "nn/softmax.h"
#include "nn/t5.h"

namespace tessera {

using at::Tensor;

namespace {

constexpr int64_t kMaxSteps = 16;

// `kSize` is the width where it is known while compiling, so that a head's row stays in registers, or 0.

template <int64_t kSize, class T>
float dot_product(const T* a, const T* b, int64_t size) {
  float sum = 0;
#pragma omp simd reduction(+ : sum)
  for (int64_t i = 0; i < (kSize > 0 ? kSize : size); ++i) sum += simd::load(a + i) * simd::load(b + i);
  return sum;
}

template <int64_t kSize, class T>
void weighted_rows(const T* const* rows, const float* weights, int64_t count, T* to, int64_t size) {
#pragma omp simd
  for (int64_t i = 0; i < (kSize > 0 ? kSize : size); ++i) {
    float sum = 0;
    for (int64_t t = 0; t < count; ++t) sum += weights[t] * simd::load(rows[t] + i);
    simd::store(to + i, sum);
  }
}

/// Attention of one query over a few keys and values. @param bias  by step
template <int64_t kSize, class T>
void attend(const T* query, const T* const* keys, const T* const* values, const float* bias, int64_t steps, T* to,
            int64_t size) {
  std::array<float, kMaxSteps> weight{};
  float largest = -1e30f;
  for (int64_t t = 0; t < steps; ++t) {
    weight[t] = dot_product<kSize>(query, keys[t], size) + bias[t];
    largest = std::max(largest, weight[t]);
  }
  float sum = 0;
  for (int64_t t = 0; t < steps; ++t) sum += weight[t] = simd::exp_nonpositive(weight[t] - largest);
  for (int64_t t = 0; t < steps; ++t) weight[t] /= sum;
  weighted_rows<kSize>(values, weight.data(), steps, to, size);
}

/// Attention of every beam over its own few steps, reading keys and values where they lie.
template <class T>
void own_attention(const std::vector<Tensor>& keys, const std::vector<Tensor>& values,
                   const std::vector<Tensor>& ancestors, const T* queries, int64_t query_stride, const float* bias,
                   int64_t bias_stride, T* out, int64_t heads, int64_t dim) {
  const auto steps = static_cast<int64_t>(keys.size());
  const int64_t batch = ancestors.back().size(0), width = ancestors.back().size(1);
  std::array<const T*, kMaxSteps> key_data{}, value_data{};
  std::array<const int64_t*, kMaxSteps> rows{};
  std::array<int64_t, kMaxSteps> widths{}, strides{};
  for (int64_t t = 0; t < steps; ++t) {
    key_data[t] = keys[t].data_ptr<T>();
    value_data[t] = values[t].data_ptr<T>();
    rows[t] = ancestors[t].data_ptr<int64_t>();
    widths[t] = keys[t].size(1);
    strides[t] = keys[t].stride(1);
  }
  const auto one = dim == 64 ? attend<64, T> : dim == 32 ? attend<32, T> : attend<0, T>;
  at::parallel_for(0, batch * width, 16, [&](int64_t begin, int64_t end) {
    std::array<const T*, kMaxSteps> k{}, v{};
    for (int64_t beam = begin; beam < end; ++beam) {
      const int64_t b = beam / width;
      for (int64_t h = 0; h < heads; ++h) {
        for (int64_t t = 0; t < steps; ++t) {
          const int64_t row = (b * widths[t] + rows[t][beam]) * strides[t] + h * dim;
          k[t] = key_data[t] + row;
          v[t] = value_data[t] + row;
        }
        one(queries + beam * query_stride + h * dim, k.data(), v.data(), bias + h * bias_stride, steps,
            out + (beam * heads + h) * dim, dim);
      }
    }
  });
}

/// The rows of each beam's ancestor. @param rows [B, W_t, C], @param ancestors [B, W]. @return [B, W, C]
Tensor gather_rows(const Tensor& rows, const Tensor& ancestors) {
  return rows.gather(1, ancestors.unsqueeze(-1).expand({-1, -1, rows.size(2)}));
}

}  // namespace

T5Beams::T5Beams(const T5& model, const Tensor& memory, const Tensor& cross_mask, int64_t max_steps)
    : model_(model), cross_mask_(cross_mask) {
  TORCH_CHECK(max_steps <= kMaxSteps, "at most ", kMaxSteps, " steps");
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
  Tensor mixed;
  if (x.is_cpu()) {
    mixed = at::empty({x.size(0), x.size(1), inner}, qkv.options());
    const auto run = [&](auto* out) {
      using T = std::remove_pointer_t<decltype(out)>;
      own_attention<T>(keys_[layer], values_[layer], ancestors_, qkv.data_ptr<T>(), 3 * inner, bias.data_ptr<float>(),
                       bias.stride(0), out, heads, dim);
    };
    qkv.scalar_type() == at::kBFloat16 ? run(mixed.data_ptr<at::BFloat16>()) : run(mixed.data_ptr<float>());
  } else {
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
    mixed = (at::softmax(scores, 2).unsqueeze(-1) * per_head(v)).sum(2).to(qkv.scalar_type()).flatten(2);
  }
  return add_dropout(x, at::linear(mixed, w.out), 0.0, false);
}

Tensor T5Beams::cross_step(size_t layer, const Tensor& x) {
  const T5Attention& w = model_.decoder_[layer].cross;
  const int64_t batch = x.size(0), width = x.size(1), heads = model_.options_.heads, dim = model_.options_.head_dim;
  const Tensor q = at::linear(rms_norm(x, w.norm, model_.low_precision(x)), w.q)
                       .view({batch, width, heads, dim})
                       .transpose(1, 2);  // [B, H, W, D]
  const Tensor weights = attention_weights(at::matmul(q, cross_keys_[layer]), {}, cross_mask_, 0.0, false);
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
