#include "methods/item_loss.h"

#include <torch/torch.h>

#include <cmath>

#include "nn/linear_cross_entropy.h"
#include "nn/softmax.h"

namespace tessera {

using at::Tensor;

Tensor ItemLoss::operator()(const Tensor& states, const Tensor& table, const Tensor& answers, bool bf16) const {
  if (loss == "softmax") return linear_cross_entropy(states, table, answers, bf16, margin);
  const int64_t num_items = table.size(0);
  const Tensor positive = (states * table.index_select(0, answers)).sum(-1);  // [M]
  if (loss == "bce") {
    const Tensor random = at::randint(num_items, {answers.size(0)}, answers.options());
    const Tensor negative = (states * table.index_select(0, random)).sum(-1);
    const Tensor valid = (random != answers).to(at::kFloat);
    return at::softplus(-positive).mean() + (at::softplus(negative) * valid).mean();
  }
  const Tensor random = at::randint(num_items, {negatives}, answers.options());
  Tensor negative = at::mm(states, table.index_select(0, random).t());  // [M, negatives]
  if (correct) negative = negative + std::log(static_cast<double>(num_items - 1) / static_cast<double>(negatives));
  const Tensor same = answers.unsqueeze(1) == random.unsqueeze(0);
  const Tensor logits = at::cat({positive.unsqueeze(1), negative.masked_fill(same, kMasked)}, 1);
  return at::cross_entropy_loss(logits, at::zeros_like(answers));
}

}  // namespace tessera
