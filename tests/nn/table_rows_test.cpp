#include "nn/table_rows.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include "base/error.h"

namespace tessera {
namespace {

using at::Tensor;

TEST(TableRows, GivesTheRowsAndTheGradientOfAnEmbedding) {
  torch::manual_seed(5);
  Tensor table = torch::randn({9, 4}).requires_grad_(true), other = table.detach().clone().requires_grad_(true);
  const Tensor rows = torch::tensor({{3, 8, 3}, {0, 3, 1}}, at::kLong), more = torch::tensor({8, 2}, at::kLong);
  const auto loss = [&](const auto& read) { return (read(rows).pow(3).sum() + read(more).sin().sum()) * 2; };
  const Tensor ours = loss([&](const Tensor& r) { return table_rows(table, r); });
  const Tensor theirs = loss([&](const Tensor& r) { return at::embedding(other, r); });
  EXPECT_EQ(ours.item<float>(), theirs.item<float>());
  ours.backward();
  theirs.backward();
  EXPECT_TRUE(at::allclose(table.grad(), other.grad(), 1e-5, 1e-6));
  EXPECT_EQ(table.grad()[4].abs().sum().item<float>(), 0.0f);
}

TEST(TableRows, AddsToTheGradientThatOtherUsesLeave) {
  Tensor table = torch::ones({3, 2}).requires_grad_(true);
  (table_rows(table, torch::tensor({1}, at::kLong)).sum() + table.sum() * 10).backward();
  EXPECT_TRUE(at::equal(table.grad(), torch::tensor({{10.f, 10.f}, {11.f, 11.f}, {10.f, 10.f}})));
  table_rows(table, torch::tensor({0}, at::kLong)).sum().backward();
  EXPECT_TRUE(at::equal(table.grad(), torch::tensor({{11.f, 11.f}, {11.f, 11.f}, {10.f, 10.f}})));
}

TEST(TableRows, WithoutGradientItIsAnEmbedding) {
  Tensor table = torch::ones({3, 2}).requires_grad_(true);
  {
    const torch::NoGradGuard no_grad;
    EXPECT_FALSE(table_rows(table, torch::tensor({1}, at::kLong)).requires_grad());
  }
  EXPECT_FALSE(table_rows(table.detach(), torch::tensor({1}, at::kLong)).requires_grad());
  EXPECT_THROW(table_rows(table * 2, torch::tensor({1}, at::kLong)), Error);
  EXPECT_ANY_THROW(table_rows(table, torch::tensor({3}, at::kLong)));
}

}  // namespace
}  // namespace tessera
