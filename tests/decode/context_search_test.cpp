// The search of one context, step by step, beside the same search by tensor operations.
#include "decode/context_search.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <cmath>

#include "base/random.h"
#include "decode/beam_search.h"
#include "decode/extend.h"

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

/// Random logits of each step, whatever the beams.
class RandomSteps : public StepModel {
 public:
  int64_t batch() const override { return 3; }
  c10::Device device() const override { return at::kCPU; }
  Tensor step(int64_t level, const Tensor& tokens, const Tensor&) override {
    torch::manual_seed(static_cast<uint64_t>(level));
    return torch::randn({3, 20, std::array{16, 32, 8}[level]}).narrow(1, 0, level == 0 ? 1 : tokens.size(1));
  }
};

TEST(ContextSearch, EqualsTheSearchByTensors) {
  const SmallTrie world(700);
  Random random(2, "context.search");
  std::vector<ItemId> some, seen;
  for (int32_t i = 0; i < 700; ++i) {
    if (random.below(2) == 0) some.push_back(ItemId{i});
    if (random.below(3) == 0) seen.push_back(ItemId{i});
  }
  const ItemFilter filter = ItemFilter::allow(world.trie, some);
  const std::vector<BeamQuery> queries = {{20, nullptr, {}}, {15, &filter, {}}, {20, &filter, seen}};
  for (const bool renormalise : {false, true}) {
    RandomSteps model;
    const auto ours = beam_search(model, world.device, queries, {20, renormalise});
    const auto wanted = beam_search_on_device(model, world.device, queries, {20, renormalise});
    for (size_t b = 0; b < queries.size(); ++b) {
      EXPECT_EQ(ours[b].items, wanted[b].items) << b;
      for (size_t i = 0; i < ours[b].items.size(); ++i) EXPECT_NEAR(ours[b].scores[i], wanted[b].scores[i], 1e-4);
    }
  }
}

TEST(ContextSearch, TiesGoToTheFirstBeamAndTheLowestCode) {
  const SmallTrie world(700);
  ContextSearch search;
  search.start(world.trie, {4}, 4, false);
  const std::vector<float> logits(16, 0.0f);
  const float total = std::log(16.0f);
  search.extend(logits.data(), 16, &total);
  ASSERT_EQ(search.width(), 4);
  for (int64_t w = 0; w < 4; ++w) EXPECT_EQ(search.token(w), w);
}

TEST(ContextSearch, LogitsThatAreNoNumberAreNeverTaken) {
  const SmallTrie world(700);
  ContextSearch search;
  search.start(world.trie, {16}, 16, false);
  std::vector<float> logits(16, 0.0f);
  logits[3] = std::nanf("");
  const float total = std::log(16.0f);
  search.extend(logits.data(), 16, &total);
  EXPECT_EQ(search.width(), 15);
  for (int64_t w = 0; w < search.width(); ++w) EXPECT_NE(search.token(w), 3);
}

TEST(ContextSearch, IsOverAtOnceWhenNothingIsAllowed) {
  const SmallTrie world(50);
  const ItemFilter none = ItemFilter::allow(world.trie, {});
  ContextSearch search;
  search.start(world.trie, {5, &none, {}}, 5, false);
  EXPECT_EQ(search.width(), 0);
  for (int64_t level = 0; level < 3; ++level) search.extend(nullptr, 0, nullptr);
  EXPECT_TRUE(search.finished());
  EXPECT_TRUE(search.answer().items.empty());
}

TEST(ContextSearch, LogSumExpIsExactForAnyLength) {
  Random random(4, "log.sum.exp");
  for (const int64_t size : {1, 7, 16, 33, 256}) {
    std::vector<float> row;
    double sum = 0;
    for (int64_t i = 0; i < size; ++i) sum += std::exp(row.emplace_back(static_cast<float>(5 * random.normal())));
    EXPECT_NEAR(log_sum_exp(row.data(), size), std::log(sum), 1e-5);
  }
}

TEST(Extend, NothingAllowedLeavesOneDeadPlace) {
  const SmallTrie world(50);
  const Beams start{at::zeros({1, 1}, at::kLong), at::zeros({1, 1}), {}, {}};
  const Tensor none = at::zeros({1, world.trie.num_nodes(1)}, at::kBool);
  const Beams next = extend(start, world.device, 0, at::zeros({1, 1, 16}), none, {4, false});
  EXPECT_FALSE((next.scores > kNoBeam).any().item<bool>());
}

}  // namespace
}  // namespace tessera
