// One extension of beams over the trie: by hand on the CPU against tensor operations.
#include "decode/extend.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <array>
#include <cmath>

#include "base/random.h"

namespace tessera {
namespace {

using at::Tensor;

struct SmallTrie {
  Trie trie;
  DeviceTrie device;
  explicit SmallTrie(int64_t items) : trie(ids(items)), device(trie, at::kCPU) {}
  static SemanticIds ids(int64_t items) {
    SemanticIds out;
    out.level_sizes = {16, 32, 8};
    Random random(5, "extend.test");
    for (int64_t i = 0; i < items; ++i)
      for (const int32_t size : out.level_sizes) out.codes.push_back(static_cast<int32_t>(random.below(size)));
    return out;
  }
};

void expect_same(const Beams& ours, const Beams& wanted) {
  const int64_t width = ours.scores.size(1);
  ASSERT_LE(width, wanted.scores.size(1));
  const Tensor live = ours.scores > kNoBeam;
  EXPECT_TRUE(at::allclose(ours.scores, wanted.scores.narrow(1, 0, width), 1e-5, 1e-5));
  for (const auto& [a, b] :
       {std::pair{ours.nodes, wanted.nodes}, {ours.tokens, wanted.tokens}, {ours.parents, wanted.parents}}) {
    EXPECT_TRUE(at::equal(a.masked_select(live), b.narrow(1, 0, width).masked_select(live)));
  }
  EXPECT_FALSE((wanted.scores.narrow(1, width, wanted.scores.size(1) - width) > kNoBeam).any().item<bool>());
}

TEST(Extend, ByHandEqualsByTensors) {
  const SmallTrie world(700);
  torch::manual_seed(3);
  for (const bool renormalise : {false, true}) {
    for (const bool restricted : {false, true}) {
      Beams ours{at::zeros({3, 1}, at::kLong), at::zeros({3, 1}), {}, {}};
      for (int64_t depth = 0; depth < 3; ++depth) {
        const Tensor logits = torch::randn({3, ours.nodes.size(1), std::array{16, 32, 8}[depth]});
        Tensor allowed;
        if (restricted) allowed = torch::rand({3, world.trie.num_nodes(depth + 1)}) < 0.5;
        const ExtendOptions options{20, renormalise};
        const Beams wanted = extend_by_tensors(ours, world.device, depth, logits, allowed, options);
        ours = extend(ours, world.device, depth, logits, allowed, options);
        expect_same(ours, wanted);
      }
    }
  }
}

TEST(Extend, TiesGoToTheFirstBeamAndTheLowestCode) {
  const SmallTrie world(700);
  const Beams start{at::zeros({1, 1}, at::kLong), at::zeros({1, 1}), {}, {}};
  const Beams next = extend(start, world.device, 0, at::zeros({1, 1, 16}), {}, {4, false});
  EXPECT_TRUE(at::equal(next.tokens, at::arange(4, at::kLong).unsqueeze(0)));
  EXPECT_TRUE(at::allclose(next.scores, at::full({1, 4}, -std::log(16.0))));
}

TEST(Extend, NothingAllowedLeavesOneDeadPlace) {
  const SmallTrie world(50);
  const Beams start{at::zeros({1, 1}, at::kLong), at::zeros({1, 1}), {}, {}};
  const Tensor none = at::zeros({1, world.trie.num_nodes(1)}, at::kBool);
  const Beams next = extend(start, world.device, 0, at::zeros({1, 1, 16}), none, {4, false});
  ASSERT_EQ(next.scores.numel(), 1);
  EXPECT_EQ(next.scores.item<float>(), kNoBeam);
}

TEST(Extend, LogitsThatAreNoNumberAreNeverTaken) {
  const SmallTrie world(700);
  Tensor logits = at::zeros({1, 1, 16});
  const Beams start{at::zeros({1, 1}, at::kLong), at::zeros({1, 1}), {}, {}};
  logits[0][0][3] = std::nan("");
  EXPECT_EQ(extend(start, world.device, 0, logits, {}, {4, false}).scores.isnan().any().item<bool>(), false);
}

}  // namespace
}  // namespace tessera
