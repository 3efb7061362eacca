// Sparse propagation and its gradient against dense matrices.

#include "methods/graph_propagation.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include "methods/interactions.h"
#include "methods/short_histories.h"

namespace tessera {
namespace {

at::Tensor dense_of(const SparseMatrix& a) {
  at::Tensor out = at::zeros({a.rows, a.cols});
  for (int64_t r = 0; r < a.rows; ++r) {
    for (int64_t e = a.begin(r); e < a.end(r); ++e)
      out[r][a.columns[static_cast<size_t>(e)]] = a.values[static_cast<size_t>(e)];
  }
  return out;
}

TEST(GraphPropagation, TheGraphIsNormalisedAndSymmetric) {
  const ShortHistories world;
  const SparseMatrix had = interactions(world.split, world.kItems);
  const at::Tensor r = dense_of(had), a = dense_of(normalised_bipartite(had));
  const at::Tensor by_user = r.sum(1, true).clamp_min(1), by_item = r.sum(0, true).clamp_min(1);
  const at::Tensor wanted = r / by_user.sqrt() / by_item.sqrt();
  EXPECT_TRUE(at::allclose(a.narrow(0, 0, world.kUsers).narrow(1, world.kUsers, world.kItems), wanted));
  EXPECT_TRUE(at::allclose(a, a.t()));
  EXPECT_EQ(a.narrow(0, 0, world.kUsers).narrow(1, 0, world.kUsers).abs().sum().item<float>(), 0);
}

TEST(GraphPropagation, TheMeanOfPowersAndItsGradientAreTheDenseOnes) {
  const ShortHistories world;
  const SparseMatrix graph = normalised_bipartite(interactions(world.split, world.kItems));
  const at::Tensor a = dense_of(graph);
  for (const int64_t d : {3, 64, 70}) {
    torch::manual_seed(4);
    const at::Tensor weight = at::randn({graph.rows, d});
    at::Tensor x = at::randn({graph.rows, d}).requires_grad_(true), y = x.detach().clone().requires_grad_(true);
    const at::Tensor sparse = propagate(graph, x, 3);
    const at::Tensor dense = (y + a.mm(y) + a.mm(a.mm(y)) + a.mm(a.mm(a.mm(y)))) / 4;
    EXPECT_TRUE(at::allclose(sparse, dense, 1e-4, 1e-5)) << d;
    (sparse * weight).sum().backward();
    (dense * weight).sum().backward();
    EXPECT_TRUE(at::allclose(x.grad(), y.grad(), 1e-4, 1e-5)) << d;
  }
}

}  // namespace
}  // namespace tessera
