#include "nn/linear_cross_entropy.h"

#include <torch/torch.h>

#include <cmath>

#include "nn/simd.h"

namespace tessera {

using at::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::tensor_list;

namespace {

/// Logits of a block (about 4 Mi numbers) stay in the last-level cache of two cores.
int64_t block_rows(int64_t vocabulary) {
  return std::max<int64_t>(16, (int64_t{4} << 20) / std::max<int64_t>(vocabulary, 1));
}

/// Turns a row of logits, `margin` added to the target's, into (softmax - one_hot(target)) * scale; returns its loss.
template <class T>
float softmax_gradient_row(T* row, int64_t size, int64_t target, float margin, float scale) {
  simd::store(row + target, simd::load(row + target) + margin);
  float largest = simd::load(row);
#pragma omp simd reduction(max : largest)
  for (int64_t i = 0; i < size; ++i) largest = simd::load(row + i) > largest ? simd::load(row + i) : largest;
  const float wanted = simd::load(row + target) - largest;
  float sum = 0;
#pragma omp simd reduction(+ : sum)
  for (int64_t i = 0; i < size; ++i) sum += simd::exp_nonpositive(simd::load(row + i) - largest);
  const float factor = scale / sum;
#pragma omp simd
  for (int64_t i = 0; i < size; ++i)
    simd::store(row + i, simd::exp_nonpositive(simd::load(row + i) - largest) * factor);
  simd::store(row + target, simd::load(row + target) - scale);
  return std::log(sum) - wanted;
}

/// The gradient of a block in place of its logits; @return the sum of its losses, [] float32 on the block's device
Tensor softmax_gradient(Tensor& logits, const Tensor& targets, float margin, float scale) {
  if (!logits.is_cpu()) {
    const Tensor head_start = at::full({targets.size(0), 1}, margin, logits.options());
    const Tensor log_p = at::log_softmax(logits.scatter_add(1, targets.unsqueeze(1), head_start).to(at::kFloat), -1);
    const Tensor picked = log_p.gather(1, targets.unsqueeze(1));
    Tensor gradient = log_p.exp();
    gradient.scatter_add_(1, targets.unsqueeze(1), at::full_like(picked, -1.0));
    logits = gradient.mul_(scale).to(logits.scalar_type());
    return -picked.sum();
  }
  const int64_t rows = logits.size(0), size = logits.size(1);
  const int64_t* wanted = targets.data_ptr<int64_t>();
  std::vector<float> losses(static_cast<size_t>(rows));
  const auto run = [&](auto* data) {
    at::parallel_for(0, rows, 1, [&](int64_t begin, int64_t end) {
      for (int64_t r = begin; r < end; ++r)
        losses[r] = softmax_gradient_row(data + r * size, size, wanted[r], margin, scale);
    });
  };
  logits.scalar_type() == at::kBFloat16 ? run(logits.data_ptr<at::BFloat16>()) : run(logits.data_ptr<float>());
  double sum = 0;
  for (const float loss : losses) sum += loss;
  return at::scalar_tensor(sum, at::kFloat);
}

struct LinearCrossEntropyFunction : torch::autograd::Function<LinearCrossEntropyFunction> {
  static Tensor forward(AutogradContext* context, const Tensor& h_in, const Tensor& w_in, const Tensor& targets,
                        bool bf16, double margin) {
    const auto type = bf16 ? at::kBFloat16 : at::kFloat;
    const Tensor h = h_in.to(type).contiguous(), w = w_in.to(type).contiguous();
    const int64_t rows = h.size(0), block = block_rows(w.size(0));
    const auto scale = static_cast<float>(1.0 / static_cast<double>(rows));
    Tensor dh = at::empty(h_in.sizes(), h_in.options()), dw = at::zeros(w_in.sizes(), w_in.options());
    Tensor loss = at::zeros({}, h_in.options());
    for (int64_t begin = 0; begin < rows; begin += block) {
      const int64_t count = std::min(block, rows - begin);
      const Tensor part = h.narrow(0, begin, count);
      Tensor logits = at::mm(part, w.t());  // [block, V]
      loss += softmax_gradient(logits, targets.narrow(0, begin, count), static_cast<float>(margin), scale);
      dh.narrow(0, begin, count).copy_(at::mm(logits, w));
      if (bf16) {
        dw += at::mm(logits.t(), part);
      } else {
        dw.addmm_(logits.t(), part);
      }
    }
    context->save_for_backward({dh, dw});
    return loss * scale;
  }
  static tensor_list backward(AutogradContext* context, tensor_list grads) {
    const auto saved = context->get_saved_variables();
    return {saved[0] * grads[0], saved[1] * grads[0], Tensor(), Tensor(), Tensor()};
  }
};

}  // namespace

Tensor linear_cross_entropy(const Tensor& h, const Tensor& w, const Tensor& targets, bool bf16, double margin) {
  return LinearCrossEntropyFunction::apply(h, w, targets, bf16, margin);
}

}  // namespace tessera
