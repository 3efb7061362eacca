#include "nn/block_cross_entropy.h"

#include <torch/torch.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/error.h"
#include "nn/softmax.h"
#include "nn/table_rows.h"

namespace tessera {

using at::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::tensor_list;

namespace {

/// One row against its block: adds to the gradient of h, keeps that of the logits, and gives the loss.
float block_row(const float* h, const float* w, int64_t size, int64_t target, int64_t d, float scale, float* logits,
                float* dh) {
  float largest = -1e30f;
  for (int64_t j = 0; j < size; ++j) {
    float sum = 0;
#pragma omp simd reduction(+ : sum)
    for (int64_t i = 0; i < d; ++i) sum += h[i] * w[j * d + i];
    logits[j] = sum;
    largest = std::max(largest, sum);
  }
  const float wanted = logits[target] - largest;
  float total = 0;
  for (int64_t j = 0; j < size; ++j) total += logits[j] = std::exp(logits[j] - largest);
  for (int64_t j = 0; j < size; ++j) {
    logits[j] = (logits[j] / total - (j == target ? 1.0f : 0.0f)) * scale;
#pragma omp simd
    for (int64_t i = 0; i < d; ++i) dh[i] += logits[j] * w[j * d + i];
  }
  return std::log(total) - wanted;
}

/// Rows by block: each block is worked on by one thread, in row order.
struct RowsByBlock {
  std::vector<int64_t> order, starts;

  RowsByBlock(const int64_t* begin, int64_t rows) : order(static_cast<size_t>(rows)) {
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) { return begin[a] < begin[b]; });
    for (int64_t i = 0; i < rows; ++i)
      if (i == 0 || begin[order[i]] != begin[order[i - 1]]) starts.push_back(i);
    starts.push_back(rows);
  }
  /// @param body  called with each row
  template <class Body>
  void for_each(const Body& body) const {
    at::parallel_for(0, static_cast<int64_t>(starts.size()) - 1, 4, [&](int64_t from, int64_t to) {
      for (int64_t i = starts[from]; i < starts[to]; ++i) body(order[i]);
    });
  }
};

struct BlockCrossEntropyFunction : torch::autograd::Function<BlockCrossEntropyFunction> {
  static Tensor forward(AutogradContext* context, const Tensor& h_in, const Tensor& w, const Tensor& first_in,
                        const Tensor& last_in, const Tensor& target_in) {
    const Tensor h = h_in.contiguous();
    const Tensor first = first_in.contiguous(), last = last_in.contiguous(), target = target_in.contiguous();
    const int64_t rows = h.size(0), d = h.size(1);
    const int64_t *begin = first.data_ptr<int64_t>(), *end = last.data_ptr<int64_t>(),
                  *wanted = target.data_ptr<int64_t>();
    Tensor offset = at::zeros({rows + 1}, at::kLong);
    auto* offsets = offset.data_ptr<int64_t>();
    for (int64_t r = 0; r < rows; ++r) {
      TESSERA_CHECK(begin[r] >= 0 && begin[r] <= wanted[r] && wanted[r] < end[r] && end[r] <= w.size(0), shape,
                    "block cross-entropy: row {} has target {} in the block [{}, {}) of {}", r, wanted[r], begin[r],
                    end[r], w.size(0));
      offsets[r + 1] = offsets[r] + end[r] - begin[r];
    }
    Tensor dh = at::zeros_like(h), dlogits = at::empty({offsets[rows]}, h.options());
    const float *h_data = h.data_ptr<float>(), *w_data = w.data_ptr<float>();
    float *dh_data = dh.data_ptr<float>(), *dlogits_data = dlogits.data_ptr<float>();
    std::vector<float> losses(static_cast<size_t>(rows));
    const float scale = 1.0f / static_cast<float>(rows);
    RowsByBlock(begin, rows).for_each([&](int64_t r) {
      losses[r] = block_row(h_data + r * d, w_data + begin[r] * d, end[r] - begin[r], wanted[r] - begin[r], d, scale,
                            dlogits_data + offsets[r], dh_data + r * d);
    });
    context->save_for_backward({h, w, first, offset, dh, dlogits});
    return at::scalar_tensor(std::accumulate(losses.begin(), losses.end(), 0.0) / static_cast<double>(rows),
                             h.options());
  }

  static tensor_list backward(AutogradContext* context, tensor_list grads) {
    const auto saved = context->get_saved_variables();
    const Tensor &h = saved[0], &w = saved[1], &first = saved[2], &offset = saved[3], &dlogits = saved[5];
    if (w.requires_grad()) {
      const Tensor sum = gradient_of(w);
      const auto scale = grads[0].item<float>();
      const int64_t d = h.size(1);
      const int64_t *begin = first.data_ptr<int64_t>(), *offsets = offset.data_ptr<int64_t>();
      const float *h_data = h.data_ptr<float>(), *g = dlogits.data_ptr<float>();
      float* dw = sum.data_ptr<float>();
      RowsByBlock(begin, h.size(0)).for_each([&](int64_t r) {
        for (int64_t j = 0; j < offsets[r + 1] - offsets[r]; ++j)
          add_scaled(dw + (begin[r] + j) * d, h_data + r * d, scale * g[offsets[r] + j], d);
      });
    }
    return {saved[4] * grads[0], Tensor(), Tensor(), Tensor(), Tensor()};
  }

  static void add_scaled(float* to, const float* from, float by, int64_t d) {
#pragma omp simd
    for (int64_t i = 0; i < d; ++i) to[i] += by * from[i];
  }
};

}  // namespace

Tensor block_cross_entropy(const Tensor& h, const Tensor& w, const Tensor& first, const Tensor& last,
                           const Tensor& target) {
  TESSERA_CHECK(w.is_leaf() && w.is_contiguous(), internal, "block cross-entropy: w must be a contiguous leaf");
  if (h.is_cpu()) return BlockCrossEntropyFunction::apply(h, w, first, last, target);
  const Tensor count = last - first;
  const int64_t widest = count.max().item<int64_t>();
  const Tensor slot = at::arange(widest, first.options()).unsqueeze(0);  // [1, M]
  const Tensor rows = (first.unsqueeze(1) + slot).clamp_max(w.size(0) - 1);
  const Tensor block = w.index_select(0, rows.flatten()).view({h.size(0), widest, h.size(1)});  // [N, M, d]
  const Tensor logits =
      at::bmm(block, h.unsqueeze(2)).squeeze(2).to(at::kFloat).masked_fill(slot >= count.unsqueeze(1), kMasked);
  return at::cross_entropy_loss(logits, target - first);
}

}  // namespace tessera
