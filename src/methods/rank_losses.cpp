#include "methods/rank_losses.h"

#include <torch/torch.h>

#include "nn/softmax.h"

namespace tessera {

using at::Tensor;

Tensor sampled_cross_entropy(const Tensor& answer, const Tensor& others, const Tensor& hidden) {
  const Tensor all = at::cat({answer, others.masked_fill(hidden, kMasked)}, 1);  // [M, 1 + J]
  return (at::logsumexp(all, 1, true) - answer).mean();
}

Tensor top1_max(const Tensor& answer, const Tensor& others, const Tensor& hidden) {
  const Tensor weight = at::softmax(others.masked_fill(hidden, kMasked), 1);
  return (weight * (at::sigmoid(others - answer) + at::sigmoid(others.square()))).sum(1).mean();
}

Tensor bpr_max(const Tensor& answer, const Tensor& others, const Tensor& hidden, double regularisation) {
  // log(s_j sigmoid(r_i - r_j)) is summed in logarithms, so that neither factor can vanish.
  const Tensor log_weight = at::log_softmax(others.masked_fill(hidden, kMasked), 1);
  const Tensor gain = at::logsumexp(log_weight + at::log_sigmoid(answer - others), 1);  // [M]
  return (regularisation * (log_weight.exp() * others.square()).sum(1) - gain).mean();
}

Tensor preferred_share(const Tensor& right, const Tensor& wrong) {
  return at::softplus(at::sigmoid(wrong) - at::sigmoid(right));
}

}  // namespace tessera
