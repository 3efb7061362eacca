// Beam search against the oracle that scores every item, on a generator whose logits are a hash of the prefix.
#include "decode/beam_search.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <set>

#include "base/error.h"
#include "base/random.h"

namespace tessera {
namespace {

using at::Tensor;

/// Logits of a beam depend on its whole prefix and its context.
class HashModel : public StepModel {
 public:
  HashModel(int64_t batch, std::vector<int32_t> level_sizes, uint64_t seed)
      : batch_(batch), sizes_(std::move(level_sizes)), seed_(seed) {}
  int64_t batch() const override { return batch_; }
  c10::Device device() const override { return at::kCPU; }
  Tensor step(int64_t level, const Tensor& tokens, const Tensor& parents) override {
    const int64_t width = level == 0 ? 1 : tokens.size(1);
    std::vector<uint64_t> state(static_cast<size_t>(batch_ * width));
    Tensor logits = at::empty({batch_, width, sizes_[level]}, at::kFloat);
    for (int64_t b = 0; b < batch_; ++b) {
      for (int64_t w = 0; w < width; ++w) {
        uint64_t& s = state[b * width + w];
        s = level == 0 ? seed_ + static_cast<uint64_t>(b)
                       : state_[b * width_ + parents[b][w].item<int64_t>()] * 1000003 +
                             static_cast<uint64_t>(tokens[b][w].item<int64_t>()) + 17;
        Random random(s, "logits");
        for (int32_t k = 0; k < sizes_[level]; ++k) logits[b][w][k] = 2.0 * random.normal();
      }
    }
    state_ = std::move(state);
    width_ = width;
    return logits;
  }

 private:
  int64_t batch_;
  std::vector<int32_t> sizes_;
  uint64_t seed_;
  std::vector<uint64_t> state_;
  int64_t width_ = 1;
};

SemanticIds random_ids(int64_t items, std::vector<int32_t> sizes, uint64_t seed) {
  SemanticIds ids;
  ids.level_sizes = std::move(sizes);
  Random random(seed, "ids");
  for (int64_t i = 0; i < items; ++i)
    for (const int32_t size : ids.level_sizes) ids.codes.push_back(static_cast<int32_t>(random.below(size)));
  return ids;
}

void expect_same(const std::vector<BeamAnswer>& answers, const std::vector<BeamAnswer>& oracle) {
  ASSERT_EQ(answers.size(), oracle.size());
  for (size_t b = 0; b < answers.size(); ++b) {
    ASSERT_EQ(answers[b].items, oracle[b].items) << "context " << b;
    for (size_t i = 0; i < answers[b].items.size(); ++i) EXPECT_NEAR(answers[b].scores[i], oracle[b].scores[i], 1e-4);
  }
}

struct World {
  std::vector<int32_t> sizes;
  SemanticIds ids;
  Trie trie;
  DeviceTrie device;
  World(int64_t items, std::vector<int32_t> level_sizes, uint64_t seed)
      : sizes(std::move(level_sizes)), ids(random_ids(items, sizes, seed)), trie(ids), device(trie, at::kCPU) {}
  std::vector<BeamAnswer> search(std::span<const BeamQuery> queries, int64_t beam, uint64_t seed = 7) const {
    HashModel model(static_cast<int64_t>(queries.size()), sizes, seed);
    return beam_search(model, device, queries, {beam, false});
  }
  std::vector<BeamAnswer> oracle(std::span<const BeamQuery> queries, uint64_t seed = 7) const {
    HashModel model(static_cast<int64_t>(queries.size()), sizes, seed);
    return score_all(model, trie, queries);
  }
};

TEST(BeamSearch, EqualsTheOracleWhenBeamsCoverTheLeaves) {
  for (const int64_t items : {1, 7, 60, 300}) {
    const World world(items, {8, 8, 8}, static_cast<uint64_t>(items));
    const std::vector<BeamQuery> queries(2, BeamQuery{20});
    expect_same(world.search(queries, items), world.oracle(queries));
  }
}

TEST(BeamSearchSlow, EqualsTheOracleOnTwoThousandItems) {
  const World world(2000, {16, 16, 16, 4}, 3);
  const std::vector<BeamQuery> queries(2, BeamQuery{50});
  expect_same(world.search(queries, 2000), world.oracle(queries));
}

TEST(BeamSearch, AFilterThatLeavesExactlyKItemsGivesThoseK) {
  const World world(500, {16, 16, 16}, 5);
  Random random(1, "filter");
  for (int trial = 0; trial < 20; ++trial) {
    std::set<ItemId> wanted;
    while (wanted.size() < 10) wanted.insert(ItemId{static_cast<int32_t>(random.below(500))});
    const std::vector<ItemId> list(wanted.begin(), wanted.end());
    const ItemFilter filter = ItemFilter::allow(world.trie, list);
    const std::vector<BeamQuery> queries = {{10, &filter, {}}};
    const std::vector<BeamAnswer> answers = world.search(queries, 1);  // the beam is raised to k
    EXPECT_EQ(std::set<ItemId>(answers[0].items.begin(), answers[0].items.end()), wanted);
    expect_same(answers, world.oracle(queries));
  }
}

TEST(BeamSearch, ExcludedItemsNeverComeAndTheOracleAgrees) {
  const World world(200, {6, 6, 6}, 9);  // with collisions
  std::vector<ItemId> seen;
  for (int32_t i = 0; i < 150; ++i) seen.push_back(ItemId{i});
  const std::vector<BeamQuery> queries = {{50, nullptr, seen}, {10, nullptr, {}}};
  const std::vector<BeamAnswer> answers = world.search(queries, 200);
  EXPECT_EQ(answers[0].items.size(), 50u);
  for (const ItemId item : answers[0].items) EXPECT_GE(index(item), 150);
  expect_same(answers, world.oracle(queries));
}

TEST(BeamSearch, GivesAllThereIsWhenKIsLarger) {
  const World world(30, {4, 4, 4}, 2);
  const std::vector<BeamQuery> queries = {{100, nullptr, {}}};
  EXPECT_EQ(world.search(queries, 4)[0].items.size(), 30u);
}

TEST(BeamSearch, KResultsComeForEveryNarrowBeam) {
  const World world(1000, {32, 32, 32}, 4);
  for (const int64_t k : {1, 5, 20}) {
    const std::vector<BeamQuery> queries = {{k, nullptr, {}}};
    EXPECT_EQ(static_cast<int64_t>(world.search(queries, 1)[0].items.size()), k);
  }
}

TEST(BeamSearch, RefusesAnotherNumberOfQueries) {
  const World world(30, {4, 4}, 2);
  HashModel model(2, world.sizes, 1);
  const std::vector<BeamQuery> queries(3);
  EXPECT_THROW(beam_search(model, world.device, queries, {}), Error);
}

TEST(BeamSearch, MaskBeforeMakesProbabilitiesOfTheAllowed) {
  const World world(50, {5, 5, 5}, 6);
  HashModel model(1, world.sizes, 3);
  const std::vector<BeamQuery> queries = {{50, nullptr, {}}};
  const BeamAnswer answer = beam_search(model, world.device, queries, {50, true})[0];
  std::set<std::vector<int32_t>> leaves;
  double sum = 0;
  for (size_t i = 0; i < answer.items.size(); ++i) {
    const auto codes = world.ids.of(answer.items[i]);
    if (leaves.insert({codes.begin(), codes.end()}).second) sum += std::exp(answer.scores[i]);
  }
  EXPECT_NEAR(sum, 1.0, 1e-4);
}

}  // namespace
}  // namespace tessera
