#include "nn/block_cross_entropy.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include "base/error.h"
#include "nn/softmax.h"

namespace tessera {
namespace {

using at::Tensor;

TEST(BlockCrossEntropy, IsASoftmaxOverTheBlockWithExactGradients) {
  torch::manual_seed(3);
  const Tensor h = torch::randn({7, 5}).requires_grad_(true), w = torch::randn({12, 5}).requires_grad_(true);
  const Tensor first = torch::tensor({4, 0, 4, 9, 0, 3, 4}, at::kLong),
               last = torch::tensor({9, 3, 9, 12, 3, 4, 9}, at::kLong),
               target = torch::tensor({8, 0, 4, 10, 2, 3, 5}, at::kLong);
  const Tensor loss = block_cross_entropy(h, w, first, last, target);
  (loss * 3).backward();
  const Tensor dh = h.grad().clone(), dw = w.grad().clone();
  h.mutable_grad() = Tensor(), w.mutable_grad() = Tensor();
  const Tensor row = torch::arange(12).unsqueeze(0);
  const Tensor outside = (row < first.unsqueeze(1)).logical_or(row >= last.unsqueeze(1));
  const Tensor wanted = at::cross_entropy_loss(at::linear(h, w).masked_fill(outside, kMasked), target);
  (wanted * 3).backward();
  EXPECT_NEAR(loss.item<float>(), wanted.item<float>(), 1e-6);
  EXPECT_TRUE(at::allclose(dh, h.grad(), 1e-4, 1e-6));
  EXPECT_TRUE(at::allclose(dw, w.grad(), 1e-4, 1e-6));
}

TEST(BlockCrossEntropy, IndicesMayHaveStridesButNotLeaveTheirBlock) {
  torch::manual_seed(4);
  const Tensor h = torch::randn({3, 4}), w = torch::randn({8, 4}), first = torch::tensor({2, 5, 2}, at::kLong),
               last = torch::tensor({5, 8, 5}, at::kLong);
  const Tensor pairs = torch::tensor({{3, 0}, {7, 0}, {2, 0}}, at::kLong);
  EXPECT_EQ(block_cross_entropy(h, w, first, last, pairs.select(1, 0)).item<float>(),
            block_cross_entropy(h, w, first, last, pairs.select(1, 0).contiguous()).item<float>());
  EXPECT_THROW(block_cross_entropy(h, w, first, last, pairs.select(1, 1)), Error);
}

TEST(BlockCrossEntropy, ABlockOfOneCostsNothing) {
  const Tensor h = torch::ones({1, 2}), w = torch::ones({3, 2}), place = torch::tensor({1}, at::kLong);
  EXPECT_EQ(block_cross_entropy(h, w, place, place + 1, place).item<float>(), 0.0f);
}

}  // namespace
}  // namespace tessera
