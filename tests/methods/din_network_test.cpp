#include "methods/din_network.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <map>

namespace tessera {
namespace {

using at::Tensor;

/// The ranker as its papers write it: one vector a pair, one sum a window, everything joined before each network.
class PlainDin {
 public:
  PlainDin(const DinShape& shape, const Parameters& parameters) : shape_(shape) {
    for (const auto& [name, tensor] : parameters.all()) weights_[name] = tensor;
  }

  /// Every place of `history` is an item.
  Tensor scores(const Tensor& history, const Tensor& candidates) const {
    const int64_t batch = history.size(0), length = history.size(1), count = candidates.size(1), d = shape_.dim;
    const Tensor u = rows(history).unsqueeze(2).expand({batch, length, count, d});
    const Tensor q = rows(candidates).unsqueeze(1).expand({batch, length, count, d});
    // The network's three parts for q, u and q * u; the column block of q - u is free, and zero here.
    const Tensor first = at::cat({weight("attention.candidate.weight"), weight("attention.item.weight"),
                                  at::zeros_like(weight("attention.item.weight")), weight("attention.product.weight")},
                                 1);
    const Tensor bias =
        weight("attention.candidate.bias") + weight("attention.item.bias") + weight("attention.product.bias");
    Tensor x = dice(at::linear(at::cat({q, u, q - u, q * u}, 3), first, bias), 0);
    x = dice(linear(x, "attention.1"), 1);
    const Tensor weighted = linear(x, "attention.2") * u;  // [B, T, C, d]
    std::vector<Tensor> parts;
    int64_t begin = 0;
    for (const int64_t size : shape_.windows) {
      parts.push_back(weighted.narrow(1, begin, size).sum(1));
      begin += size;
    }
    parts.push_back(rows(candidates));
    x = dice(linear(at::cat(parts, 2), "tower.0"), 2);
    return linear(dice(linear(x, "tower.1"), 3), "tower.2").squeeze(2);
  }

 private:
  const Tensor& weight(const std::string& name) const { return weights_.at(name); }
  Tensor rows(const Tensor& items) const {
    return weight("item").index_select(0, items.flatten()).view({items.size(0), items.size(1), shape_.dim});
  }
  Tensor linear(const Tensor& x, const std::string& name) const {
    return at::linear(x, weight(name + ".weight"), weight(name + ".bias"));
  }
  Tensor dice(const Tensor& x, int which) const {
    const Tensor flat = x.flatten(0, -2);
    const Tensor centred = (x - flat.mean(0)) / at::sqrt(flat.var(0, false) + 1e-8), p = at::sigmoid(centred);
    return x * p + x * (1 - p) * weight("dice." + std::to_string(which));
  }

  DinShape shape_;
  std::map<std::string, Tensor> weights_;
};

class DinNetworkTest : public testing::Test {
 protected:
  DinNetworkTest() {
    at::manual_seed(3);
    at::NoGradGuard none;
    for (const auto& [name, tensor] : parameters_.all())  // biases and slopes that are not zero
      tensor.add_(at::randn(tensor.sizes()), 0.3);
  }

  const DinShape shape_{.num_items = 9, .dim = 4, .windows = {3, 1, 2}, .attention = {6, 5}, .tower = {8, 7}};
  Parameters parameters_{1, at::kCPU};
  const DinNetwork network_{shape_, parameters_};
};

TEST_F(DinNetworkTest, IsThatOfThePapersWhereHistoriesAreFull) {
  const PlainDin plain(shape_, parameters_);
  const Tensor history = at::randint(9, {5, 6}, at::kLong), candidates = at::randint(9, {5, 3}, at::kLong);
  const Tensor ours = network_.scores(history, candidates, true), theirs = plain.scores(history, candidates);
  EXPECT_LT((ours - theirs).abs().max().item<double>(), 1e-4);
  EXPECT_GT(theirs.std().item<double>(), 0.01);

  const Tensor weights = at::randn({5, 3});
  std::map<std::string, Tensor> gradients;
  (ours * weights).sum().backward();
  for (const auto& [name, tensor] : parameters_.all()) {
    ASSERT_TRUE(tensor.grad().defined()) << name;
    gradients[name] = tensor.grad().clone();
    tensor.mutable_grad().zero_();
  }
  (theirs * weights).sum().backward();
  for (const auto& [name, tensor] : parameters_.all())
    EXPECT_LT((gradients[name] - tensor.grad()).abs().max().item<double>(),
              1e-3 + 1e-3 * tensor.grad().abs().max().item<double>())
        << name;
}

TEST_F(DinNetworkTest, PlacesWithoutAnItemAddNothing) {
  const Tensor candidates = at::randint(9, {2, 3}, at::kLong);
  const Tensor history = at::tensor({9, 9, 9, 9, 2, 5, 9, 1, 3, 4, 6, 0}, at::kLong).view({2, 6});
  const Tensor before = network_.scores(history, candidates, true);
  {
    at::NoGradGuard none;
    network_.items().select(0, 9).fill_(100.0f);
  }
  EXPECT_TRUE(at::equal(network_.scores(history, candidates, true), before));
}

TEST_F(DinNetworkTest, WindowsAreReadByTheirPlace) {
  const Tensor candidates = at::randint(9, {2, 3}, at::kLong);
  const auto scores = [&](std::vector<int64_t> items) {
    return network_.scores(at::tensor(items).view({1, 6}).expand({2, 6}), candidates, true);
  };
  const Tensor straight = scores({1, 2, 3, 4, 5, 6});
  EXPECT_LT((scores({3, 1, 2, 4, 6, 5}) - straight).abs().max().item<double>(), 1e-4) << "order within a window";
  EXPECT_GT((scores({4, 2, 3, 1, 5, 6}) - straight).abs().max().item<double>(), 1e-3) << "from one window to another";
}

}  // namespace
}  // namespace tessera
