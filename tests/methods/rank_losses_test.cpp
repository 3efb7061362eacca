#include "methods/rank_losses.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <cmath>

#include "methods/item_loss.h"

namespace tessera {
namespace {

double sigmoid(double x) {
  return 1 / (1 + std::exp(-x));
}

/// Two rows with three negatives each, of which the last of the second row is hidden.
struct Scores {
  at::Tensor answer = at::tensor({1.0f, -0.5f}).unsqueeze(1);
  at::Tensor others = at::tensor({0.5f, -1.0f, 2.0f, 0.25f, 1.5f, 9.0f}).view({2, 3});
  at::Tensor hidden = at::tensor({0, 0, 0, 0, 0, 1}).view({2, 3}) == 1;
  double r(int row) const { return row == 0 ? 1.0 : -0.5; }
  std::vector<double> negatives(int row) const {
    return row == 0 ? std::vector<double>{0.5, -1.0, 2.0} : std::vector<double>{0.25, 1.5};
  }
  /// Mean over rows of f(r_i, negatives, their softmax).
  template <class F>
  double mean(const F& f) const {
    double sum = 0;
    for (int row = 0; row < 2; ++row) {
      const auto others = negatives(row);
      std::vector<double> weight;
      double total = 0;
      for (const double r : others) total += std::exp(r);
      for (const double r : others) weight.push_back(std::exp(r) / total);
      sum += f(r(row), others, weight);
    }
    return sum / 2;
  }
};

TEST(RankLosses, SampledCrossEntropy) {
  const Scores s;
  const double wanted = s.mean([](double r, const auto& others, const auto&) {
    double total = std::exp(r);
    for (const double x : others) total += std::exp(x);
    return -std::log(std::exp(r) / total);
  });
  EXPECT_NEAR(sampled_cross_entropy(s.answer, s.others, s.hidden).item<double>(), wanted, 1e-5);
}

TEST(RankLosses, Top1Max) {
  const Scores s;
  const double wanted = s.mean([](double r, const auto& others, const auto& weight) {
    double sum = 0;
    for (size_t j = 0; j < others.size(); ++j)
      sum += weight[j] * (sigmoid(others[j] - r) + sigmoid(others[j] * others[j]));
    return sum;
  });
  EXPECT_NEAR(top1_max(s.answer, s.others, s.hidden).item<double>(), wanted, 1e-5);
}

TEST(RankLosses, BprMax) {
  const Scores s;
  for (const double regularisation : {0.0, 0.7}) {
    const double wanted = s.mean([&](double r, const auto& others, const auto& weight) {
      double gain = 0, size = 0;
      for (size_t j = 0; j < others.size(); ++j) {
        gain += weight[j] * sigmoid(r - others[j]);
        size += weight[j] * others[j] * others[j];
      }
      return -std::log(gain) + regularisation * size;
    });
    EXPECT_NEAR(bpr_max(s.answer, s.others, s.hidden, regularisation).item<double>(), wanted, 1e-5);
  }
}

TEST(RankLosses, PreferredShare) {
  const at::Tensor right = at::tensor({0.3f, -2.0f, 90.0f}), wrong = at::tensor({-0.4f, 1.0f, -90.0f});
  const at::Tensor loss = preferred_share(right, wrong);
  for (int i = 0; i < 3; ++i) {
    const double margin = sigmoid(right[i].item<double>()) - sigmoid(wrong[i].item<double>());
    EXPECT_NEAR(loss[i].item<double>(), -std::log(sigmoid(margin)), 1e-6);
  }
  EXPECT_NEAR(loss[2].item<double>(), std::log(1 + std::exp(-1.0)), 1e-6) << "its least";
}

TEST(RankLosses, HugeScoresStayFinite) {
  const at::Tensor answer = at::full({1, 1}, -300.0).set_requires_grad(true);
  const at::Tensor others = at::tensor({300.0f, -300.0f}).unsqueeze(0), none = at::zeros({1, 2}, at::kBool);
  const at::Tensor loss = bpr_max(answer, others, none, 0);
  loss.backward();
  EXPECT_NEAR(loss.item<double>(), 600, 1);
  EXPECT_TRUE(at::isfinite(answer.grad()).all().item<bool>());
}

TEST(ItemLoss, SampledSoftmaxHidesTheAnswerAmongTheNegatives) {
  ItemLoss loss;
  loss.loss = "sampled-softmax";
  loss.negatives = 64;
  // Two items: whichever of the negatives is the answer itself must not count, all others do.
  const at::Tensor table = at::tensor({1.0f, 0.0f, 0.0f, 1.0f}).view({2, 2}),
                   state = at::tensor({1.0f, 0.0f}).view({1, 2});
  at::manual_seed(3);
  const at::Tensor drawn = at::randint(2, {64}, at::kLong);
  at::manual_seed(3);
  const double others = drawn.sum().item<double>();
  EXPECT_NEAR(loss(state, table, at::zeros({1}, at::kLong), false).item<double>(),
              std::log((std::exp(1.0) + others) / std::exp(1.0)), 1e-5);
}

}  // namespace
}  // namespace tessera
