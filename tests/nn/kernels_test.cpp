// The fused CPU kernels against the same thing written with ATen, values and gradients.
#include <gtest/gtest.h>
#include <torch/torch.h>

#include "nn/dropout.h"
#include "nn/linear_cross_entropy.h"
#include "nn/norm.h"
#include "nn/softmax.h"

namespace tessera {
namespace {

using at::Tensor;

double relative_error(const Tensor& value, const Tensor& wanted) {
  return ((value.to(at::kDouble) - wanted.to(at::kDouble)).norm() / (wanted.to(at::kDouble).norm() + 1e-12))
      .item<double>();
}

/// Gradients of sum(f() * weights) for the inputs.
std::vector<Tensor> gradients(const Tensor& out, const Tensor& weights, const std::vector<Tensor>& inputs) {
  return torch::autograd::grad({(out.to(at::kFloat) * weights).sum()}, inputs);
}

TEST(Dropout, DropsTheAskedShareAndScalesTheRest) {
  torch::manual_seed(1);
  const Tensor x = torch::ones({1000, 100}).requires_grad_();
  const Tensor y = hash_dropout(x, 0.3, true);
  EXPECT_NEAR((y == 0).to(at::kFloat).mean().item<double>(), 0.3, 0.01);
  EXPECT_NEAR(y.mean().item<double>(), 1.0, 0.02);
  EXPECT_TRUE(at::equal(gradients(y, torch::ones_like(y), {x})[0], y))
      << "the mask of the gradient is that of the value";
}

TEST(Dropout, SameSeedSameMaskAndFreshOnTheNextCall) {
  const Tensor x = torch::ones({4096});
  torch::manual_seed(5);
  const Tensor a = hash_dropout(x, 0.5, true), b = hash_dropout(x, 0.5, true);
  torch::manual_seed(5);
  EXPECT_TRUE(at::equal(a, hash_dropout(x, 0.5, true)));
  EXPECT_FALSE(at::equal(a, b));
  EXPECT_LT(std::abs(torch::corrcoef(at::stack({a, b}))[0][1].item<double>()), 0.08);
}

TEST(Dropout, IsPlainOutsideTraining) {
  const Tensor x = torch::randn({10, 10});
  EXPECT_TRUE(at::equal(hash_dropout(x, 0.5, false), x));
  EXPECT_TRUE(at::equal(add_dropout(x, x, 0.5, false), x + x));
  EXPECT_TRUE(at::equal(relu_dropout(x, 0.5, false), at::relu(x)));
}

TEST(Dropout, AddAndReluFormsAgreeWithTheirParts) {
  const Tensor x = torch::randn({64, 32}).requires_grad_(), r = torch::randn({64, 32}).requires_grad_();
  const Tensor w = torch::randn({64, 32});
  torch::manual_seed(9);
  const Tensor sum = add_dropout(r, x, 0.2, true);
  torch::manual_seed(9);
  const Tensor parts = r + hash_dropout(x, 0.2, true);
  EXPECT_LT(relative_error(sum, parts), 1e-6);
  torch::manual_seed(9);
  const Tensor relu = relu_dropout(x, 0.2, true);
  torch::manual_seed(9);
  const Tensor wanted = hash_dropout(at::relu(x), 0.2, true);
  EXPECT_LT(relative_error(relu, wanted), 1e-6);
  EXPECT_LT(relative_error(gradients(relu, w, {x})[0], gradients(wanted, w, {x})[0]), 1e-6);
}

TEST(RmsNorm, EqualsItsFormula) {
  const Tensor x = torch::randn({7, 5, 48}).requires_grad_(), w = torch::rand({48}).requires_grad_(),
               g = torch::randn({7, 5, 48});
  const Tensor ours = rms_norm(x, w, false), wanted = x * at::rsqrt(x.square().mean(-1, true) + 1e-6) * w;
  EXPECT_LT(relative_error(ours, wanted), 1e-6);
  const auto a = gradients(ours, g, {x, w}), b = gradients(wanted, g, {x, w});
  EXPECT_LT(relative_error(a[0], b[0]), 1e-5);
  EXPECT_LT(relative_error(a[1], b[1]), 1e-5);
  EXPECT_LT(relative_error(rms_norm(x, w, true), wanted), 4e-3);
}

TEST(AttentionWeights, EqualTheirFormulaWithBiasAndMask) {
  const int64_t B = 3, H = 2, Q = 6, K = 9;
  const Tensor s = torch::randn({B, H, Q, K}).requires_grad_(), bias = torch::randn({H, Q, K}).requires_grad_();
  Tensor mask = torch::zeros({B, 3, K});
  mask.slice(2, 5).fill_(kMasked);
  const Tensor g = torch::randn({B, H, Q, K});
  const Tensor ours = attention_weights(s, bias, mask, 0.0, true);
  const Tensor wanted = at::softmax(s + bias.unsqueeze(0) + mask.repeat_interleave(2, 1).unsqueeze(1), -1);
  EXPECT_LT(relative_error(ours, wanted), 1e-6);
  const auto a = gradients(ours, g, {s, bias}), b = gradients(wanted, g, {s, bias});
  EXPECT_LT(relative_error(a[0], b[0]), 1e-5);
  EXPECT_LT(relative_error(a[1], b[1]), 1e-5);
  const Tensor low = attention_weights(s.detach().to(at::kBFloat16), bias.detach(), mask, 0.0, false);
  EXPECT_EQ(low.scalar_type(), at::kBFloat16);
  EXPECT_LT(relative_error(low, wanted), 2e-2);
}

TEST(AttentionWeights, DropoutGradientFollowsTheDrawnMask) {
  const Tensor s = torch::randn({2, 2, 4, 8}).requires_grad_(), g = torch::randn({2, 2, 4, 8});
  torch::manual_seed(3);
  const Tensor ours = attention_weights(s, {}, {}, 0.4, true);
  const Tensor weights = at::softmax(s, -1);
  const Tensor factor = (ours / weights).detach();  // 0 or 1 / 0.6
  EXPECT_LT(relative_error(gradients(ours, g, {s})[0], gradients(weights * factor, g, {s})[0]), 1e-5);
}

TEST(LinearCrossEntropy, EqualsCrossEntropyOfAllLogits) {
  const Tensor h = torch::randn({50, 16}).requires_grad_(), w = torch::randn({300, 16}).requires_grad_();
  const Tensor targets = torch::randint(300, {50}, at::kLong);
  const Tensor ours = linear_cross_entropy(h, w, targets, false),
               wanted = at::cross_entropy_loss(at::mm(h, w.t()), targets);
  EXPECT_NEAR(ours.item<double>(), wanted.item<double>(), 1e-5);
  const auto a = torch::autograd::grad({ours * 2}, {h, w}), b = torch::autograd::grad({wanted * 2}, {h, w});
  EXPECT_LT(relative_error(a[0], b[0]), 1e-5);
  EXPECT_LT(relative_error(a[1], b[1]), 1e-5);
  const Tensor low = linear_cross_entropy(h, w, targets, true);
  EXPECT_NEAR(low.item<double>(), wanted.item<double>(), 0.03 * wanted.item<double>());
  EXPECT_LT(relative_error(torch::autograd::grad({low}, {w})[0] * 2, b[1]), 3e-2);
}

TEST(LinearCrossEntropy, MarginIsAddedToTheTargets) {
  const Tensor h = torch::randn({50, 16}).requires_grad_(), w = torch::randn({300, 16}).requires_grad_();
  const Tensor targets = torch::randint(300, {50}, at::kLong), margin = at::one_hot(targets, 300) * 2.5;
  const Tensor ours = linear_cross_entropy(h, w, targets, false, 2.5),
               wanted = at::cross_entropy_loss(at::mm(h, w.t()) + margin, targets);
  EXPECT_NEAR(ours.item<double>(), wanted.item<double>(), 1e-5);
  const auto a = torch::autograd::grad({ours}, {h, w}), b = torch::autograd::grad({wanted}, {h, w});
  EXPECT_LT(relative_error(a[0], b[0]), 1e-5);
  EXPECT_LT(relative_error(a[1], b[1]), 1e-5);
}

TEST(LinearCrossEntropy, BlocksOfALargeCatalogueAddUp) {
  const Tensor h = torch::randn({70, 8}).requires_grad_(), w = (torch::randn({262144, 8}) * 0.1).requires_grad_();
  const Tensor targets = torch::randint(262144, {70}, at::kLong);  // 16 rows a block: five blocks
  const Tensor wanted = at::cross_entropy_loss(at::mm(h, w.t()), targets);
  const Tensor ours = linear_cross_entropy(h, w, targets, false);
  EXPECT_NEAR(ours.item<double>(), wanted.item<double>(), 1e-4);
  EXPECT_LT(relative_error(torch::autograd::grad({ours}, {h})[0], torch::autograd::grad({wanted}, {h})[0]), 1e-4);
}

}  // namespace
}  // namespace tessera
