#include "nn/softmax.h"

#include <torch/torch.h>

#include <limits>
#include <vector>

#include "nn/dropout.h"
#include "nn/simd.h"

namespace tessera {

using at::Tensor;
using simd::DropMask;
using torch::autograd::AutogradContext;
using torch::autograd::tensor_list;

namespace {

/// Where the mask row of (b, q) is.
struct MaskRows {
  const float* data = nullptr;
  int64_t keys = 0, batch_stride = 0, queries_a_row = 1;
  MaskRows(const Tensor& mask, int64_t queries, int64_t num_keys) : keys(num_keys) {
    if (!mask.defined()) return;
    data = mask.data_ptr<float>();
    queries_a_row = queries / mask.size(1);
    batch_stride = mask.size(0) == 1 ? 0 : mask.size(1) * keys;
  }
  const float* at(int64_t batch, int64_t query) const {
    return data == nullptr ? nullptr : data + batch * batch_stride + query / queries_a_row * keys;
  }
};

/// work = scores + bias + mask; @return its largest value
template <bool kBias, bool kMask, class T>
float masked_scores(const T* scores, const float* bias, const float* mask, float* work, int64_t keys) {
  float largest = -std::numeric_limits<float>::infinity();
#pragma omp simd reduction(max : largest)
  for (int64_t k = 0; k < keys; ++k) {
    float value = simd::load(scores + k);
    if constexpr (kBias) value += bias[k];
    if constexpr (kMask) value += mask[k];
    work[k] = value;
    largest = value > largest ? value : largest;
  }
  return largest;
}

template <class T>
void weights_row(const T* scores, const float* bias, const float* mask, float* work, T* weights, T* dropped,
                 int64_t keys, const DropMask* drop_mask, int64_t offset) {
  const auto fill = bias != nullptr
                        ? (mask != nullptr ? masked_scores<true, true, T> : masked_scores<true, false, T>)
                        : (mask != nullptr ? masked_scores<false, true, T> : masked_scores<false, false, T>);
  const float largest = fill(scores, bias, mask, work, keys);
  float sum = 0;
#pragma omp simd reduction(+ : sum)
  for (int64_t k = 0; k < keys; ++k) {
    work[k] = simd::exp_nonpositive(work[k] - largest);
    sum += work[k];
  }
  const float scale = 1.0f / sum;
#pragma omp simd
  for (int64_t k = 0; k < keys; ++k) simd::store(weights + k, work[k] * scale);
  if (drop_mask == nullptr) return;
  const DropMask drop = *drop_mask;
#pragma omp simd
  for (int64_t k = 0; k < keys; ++k) simd::store(dropped + k, work[k] * scale * drop(offset + k));
}

template <class T>
void weights_forward(const Tensor& scores, const Tensor& bias, const Tensor& mask, Tensor& weights, Tensor& dropped,
                     const DropMask* drop) {
  const int64_t heads = scores.size(1), queries = scores.size(2), keys = scores.size(3);
  const MaskRows rows(mask, queries, keys);
  const T* in = scores.data_ptr<T>();
  T* kept = weights.data_ptr<T>();
  T* out = dropped.data_ptr<T>();
  const float* added = bias.defined() ? bias.data_ptr<float>() : nullptr;
  at::parallel_for(0, scores.size(0) * heads, 1, [&](int64_t begin, int64_t end) {
    std::vector<float> work(static_cast<size_t>(keys));
    for (int64_t bh = begin; bh < end; ++bh) {
      for (int64_t q = 0; q < queries; ++q) {
        const int64_t at = (bh * queries + q) * keys;
        weights_row(in + at, added == nullptr ? nullptr : added + ((bh % heads) * queries + q) * keys,
                    rows.at(bh / heads, q), work.data(), kept + at, out + at, keys, drop, at);
      }
    }
  });
}

/// One row of the gradient, into `work` and `out`.
template <class T>
void weights_gradient_row(const T* w, const T* g, float* work, T* out, int64_t keys, const DropMask* drop_mask,
                          int64_t offset) {
#pragma omp simd
  for (int64_t k = 0; k < keys; ++k) work[k] = simd::load(g + k);
  if (drop_mask != nullptr) {
    const DropMask drop = *drop_mask;
#pragma omp simd
    for (int64_t k = 0; k < keys; ++k) work[k] *= drop(offset + k);
  }
  float dot = 0;
#pragma omp simd reduction(+ : dot)
  for (int64_t k = 0; k < keys; ++k) dot += work[k] * simd::load(w + k);
#pragma omp simd
  for (int64_t k = 0; k < keys; ++k) {
    work[k] = simd::load(w + k) * (work[k] - dot);
    simd::store(out + k, work[k]);
  }
}

inline void add_row(const float* from, float* to, int64_t size) {
#pragma omp simd
  for (int64_t i = 0; i < size; ++i) to[i] += from[i];
}

/// ds = w * (g*m - sum(g*m*w)); the bias gradient sums ds over the batch, one head a thread.
template <class T>
void weights_backward(const Tensor& weights, const Tensor& grad, Tensor& result, Tensor& bias_grad,
                      const DropMask* drop) {
  const int64_t batch = weights.size(0), heads = weights.size(1), queries = weights.size(2), keys = weights.size(3);
  const T* w = weights.data_ptr<T>();
  const T* g = grad.data_ptr<T>();
  T* out = result.data_ptr<T>();
  float* sum = bias_grad.defined() ? bias_grad.data_ptr<float>() : nullptr;
  const auto plane = [&](int64_t bh, std::vector<float>& work) {
    for (int64_t q = 0; q < queries; ++q) {
      const int64_t at = (bh * queries + q) * keys;
      weights_gradient_row(w + at, g + at, work.data(), out + at, keys, drop, at);
      if (sum != nullptr) add_row(work.data(), sum + ((bh % heads) * queries + q) * keys, keys);
    }
  };
  const int64_t units = sum == nullptr ? batch * heads : heads;
  at::parallel_for(0, units, 1, [&](int64_t begin, int64_t end) {
    std::vector<float> work(static_cast<size_t>(keys));
    for (int64_t unit = begin; unit < end; ++unit) {
      if (sum == nullptr) {
        plane(unit, work);
      } else {
        for (int64_t b = 0; b < batch; ++b) plane(b * heads + unit, work);
      }
    }
  });
}

struct AttentionWeightsFunction : torch::autograd::Function<AttentionWeightsFunction> {
  static Tensor forward(AutogradContext* context, const Tensor& input, const Tensor& bias_in, const Tensor& mask_in,
                        double p) {
    const Tensor scores = input.contiguous();
    const Tensor bias = bias_in.numel() > 0 ? bias_in.contiguous() : Tensor();
    const Tensor mask = mask_in.numel() > 0 ? mask_in.contiguous() : Tensor();
    const uint64_t seed = p > 0 ? draw_seed() : 0;
    const DropMask drop(seed, p);
    Tensor weights = at::empty_like(scores);
    Tensor dropped = p > 0 ? at::empty_like(scores) : weights;
    scores.scalar_type() == at::kBFloat16
        ? weights_forward<at::BFloat16>(scores, bias, mask, weights, dropped, p > 0 ? &drop : nullptr)
        : weights_forward<float>(scores, bias, mask, weights, dropped, p > 0 ? &drop : nullptr);
    context->save_for_backward({weights});
    context->saved_data["seed"] = static_cast<int64_t>(seed);
    context->saved_data["p"] = p;
    context->saved_data["bias"] = bias.defined() && bias.requires_grad();
    return dropped;
  }
  static tensor_list backward(AutogradContext* context, tensor_list grads) {
    const Tensor weights = context->get_saved_variables()[0];
    const double p = context->saved_data["p"].toDouble();
    const DropMask drop(static_cast<uint64_t>(context->saved_data["seed"].toInt()), p);
    const Tensor grad = grads[0].to(weights.scalar_type()).contiguous();
    Tensor result = at::empty_like(weights), bias_grad;
    if (context->saved_data["bias"].toBool()) {
      bias_grad = at::zeros({weights.size(1), weights.size(2), weights.size(3)}, weights.options().dtype(at::kFloat));
    }
    weights.scalar_type() == at::kBFloat16
        ? weights_backward<at::BFloat16>(weights, grad, result, bias_grad, p > 0 ? &drop : nullptr)
        : weights_backward<float>(weights, grad, result, bias_grad, p > 0 ? &drop : nullptr);
    return {result, bias_grad, Tensor(), Tensor()};
  }
};

}  // namespace

Tensor attention_weights(const Tensor& scores, const Tensor& bias, const Tensor& mask, double p, bool training) {
  const double rate = training ? p : 0.0;
  if (scores.is_cpu()) {
    const Tensor none = at::empty({0}, at::kFloat);  // autograd functions take no undefined tensors
    return AttentionWeightsFunction::apply(scores, bias.defined() ? bias : none, mask.defined() ? mask : none, rate);
  }
  Tensor s = scores.to(at::kFloat);
  if (bias.defined()) s = s + bias.unsqueeze(0);
  if (mask.defined()) {
    const int64_t repeat = scores.size(2) / mask.size(1);
    s = s + (mask.size(1) == 1 || repeat == 1 ? mask : mask.repeat_interleave(repeat, 1)).unsqueeze(1);
  }
  return at::dropout(at::softmax(s, -1).to(scores.scalar_type()), rate, rate > 0);
}

}  // namespace tessera
