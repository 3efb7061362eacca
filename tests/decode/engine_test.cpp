// The engine against the training path: the same weights through T5's tensors and the oracle that scores every item.
#include "decode/engine.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <cmath>
#include <set>

#include "base/error.h"
#include "base/random.h"
#include "decode/beam_search.h"
#include "nn/parameters.h"
#include "nn/softmax.h"

namespace tessera {
namespace {

using at::Tensor;

struct Sizes {
  T5Options t5{.model_dim = 48, .heads = 3, .head_dim = 16, .ff_dim = 96, .encoder_layers = 2, .decoder_layers = 2};
  std::vector<int32_t> levels = {12, 12, 7};
  int64_t items = 200, causal_group = 0;
};

/// A generator with random weights, a catalogue, and both ways to ask it.
struct EngineWorld {
  Sizes sizes;
  Parameters parameters{3, at::kCPU};
  T5 t5;
  Tensor embedding;
  std::vector<Tensor> heads;
  std::vector<int64_t> level_begin;
  int64_t num_tokens = 2;  // start of answer, start of source
  SemanticIds ids;
  Trie trie;

  explicit EngineWorld(const Sizes& s) : sizes(s), t5(parameters, s.t5, "") {
    for (const int32_t size : s.levels) {
      level_begin.push_back(num_tokens);
      num_tokens += size;
      heads.push_back(parameters.normal("head" + std::to_string(heads.size()), {size, s.t5.model_dim}, 0.3));
    }
    embedding = parameters.normal("embedding", {num_tokens, s.t5.model_dim}, 1.0);
    Random random(5, "engine.ids");
    ids.level_sizes = s.levels;
    for (int64_t i = 0; i < s.items; ++i)
      for (const int32_t size : s.levels) ids.codes.push_back(static_cast<int32_t>(random.below(size)));
    trie = Trie(ids);
  }

  Engine engine(bool bf16, int64_t max_tokens = 60) const {
    return Engine({t5, embedding, heads, level_begin, 0, max_tokens, sizes.causal_group}, bf16);
  }

  std::vector<int32_t> source(int64_t num_items, uint64_t seed) const {
    std::vector<int32_t> out = {1};
    Random random(seed, "engine.source");
    for (int64_t i = 0; i < num_items; ++i)
      for (size_t l = 0; l < sizes.levels.size(); ++l)
        out.push_back(static_cast<int32_t>(level_begin[l]) + static_cast<int32_t>(random.below(sizes.levels[l])));
    return out;
  }

  /// The training path: every item scored by teacher forcing, one request at a time.
  BeamAnswer oracle(std::span<const int32_t> source, const BeamQuery& query) const;
};

class TensorSteps : public StepModel {
 public:
  TensorSteps(const EngineWorld& world, const Tensor& memory)
      : world_(world),
        beams_(world.t5, memory, at::zeros({1, 1, memory.size(1)}), static_cast<int64_t>(world.heads.size())) {}
  int64_t batch() const override { return 1; }
  c10::Device device() const override { return at::kCPU; }
  Tensor step(int64_t level, const Tensor& tokens, const Tensor& parents) override {
    const Tensor ids =
        level == 0 ? at::zeros({1, 1}, at::kLong) : (tokens + world_.level_begin[level - 1]).contiguous();
    const Tensor x = world_.embedding.index_select(0, ids.flatten()).view({1, ids.size(1), -1});
    return at::linear(beams_.step(x, parents), world_.heads[level]);
  }

 private:
  const EngineWorld& world_;
  T5Beams beams_;
};

BeamAnswer EngineWorld::oracle(std::span<const int32_t> source, const BeamQuery& query) const {
  const torch::NoGradGuard no_grad;
  const auto length = static_cast<int64_t>(source.size());
  Tensor mask;
  if (sizes.causal_group > 0) {
    const Tensor item = (at::arange(length, at::kLong) - 1 + sizes.causal_group).div(sizes.causal_group, "floor");
    mask = (item.unsqueeze(1) < item.unsqueeze(0)).to(at::kFloat).mul(kMasked).unsqueeze(0);
  }
  std::vector<int64_t> tokens(source.begin(), source.end());
  const Tensor memory = t5.encode(embedding.index_select(0, at::tensor(tokens)).unsqueeze(0), mask, false);
  TensorSteps steps(*this, memory);
  return score_all(steps, trie, {&query, 1}).front();
}

void expect_near(const BeamAnswer& answer, const BeamAnswer& oracle, double tolerance) {
  ASSERT_EQ(answer.items.size(), oracle.items.size());
  for (size_t i = 0; i < answer.items.size(); ++i) EXPECT_NEAR(answer.scores[i], oracle.scores[i], tolerance) << i;
}

TEST(Engine, EqualsTheTrainingPathInFloat32) {
  for (const auto& [group, recency] : {std::pair(0, false), std::pair(3, false), std::pair(3, true)}) {
    Sizes sizes;
    sizes.causal_group = group;
    sizes.t5.recency = recency;
    const EngineWorld world(sizes);
    const Engine engine = world.engine(false);
    EXPECT_FALSE(engine.bf16());
    std::vector<std::vector<int32_t>> sources;
    std::vector<EngineRequest> requests;
    for (int64_t i = 0; i < 9; ++i) sources.push_back(world.source(i * 2, static_cast<uint64_t>(i)));
    for (const auto& source : sources) requests.push_back({source, {20}});
    const std::vector<BeamAnswer> answers = engine.answer(requests, world.trie, {200, false});
    for (size_t i = 0; i < sources.size(); ++i) {
      const BeamAnswer oracle = world.oracle(sources[i], {20});
      EXPECT_EQ(answers[i].items, oracle.items);
      expect_near(answers[i], oracle, 2e-4);
    }
  }
}

// bfloat16 keeps 8 bits, and the training path rounds at other places: scores of some nats agree to a few hundredths.
TEST(Engine, IsNearTheTrainingPathInBfloat16) {
  const EngineWorld world((Sizes()));
  const Engine engine = world.engine(true);
  if (!engine.bf16()) GTEST_SKIP() << "this build has no instructions for bfloat16";
  double overlap = 0;
  for (uint64_t seed = 0; seed < 10; ++seed) {
    const std::vector<int32_t> source = world.source(8, seed);
    const EngineRequest request{source, {20}};
    const BeamAnswer answer = engine.answer({&request, 1}, world.trie, {200, false}).front();
    const BeamAnswer oracle = world.oracle(source, {20});
    expect_near(answer, oracle, 0.15);
    const std::set<ItemId> wanted(oracle.items.begin(), oracle.items.end());
    for (const ItemId item : answer.items) overlap += static_cast<double>(wanted.count(item)) / 20 / 10;
  }
  EXPECT_GT(overlap, 0.9);
}

TEST(Engine, AnswersDoNotDependOnTheCompany) {
  const EngineWorld world((Sizes()));
  for (const bool bf16 : {false, true}) {
    const Engine engine = world.engine(bf16);
    std::vector<std::vector<int32_t>> sources;
    for (int64_t i = 0; i < 11; ++i) sources.push_back(world.source(i, static_cast<uint64_t>(i)));
    std::vector<EngineRequest> requests;
    for (const auto& source : sources) requests.push_back({source, {10}});
    const std::vector<BeamAnswer> all = engine.answer(requests, world.trie, {30, true});
    for (size_t i = 0; i < sources.size(); ++i) {
      const BeamAnswer alone = engine.answer({&requests[i], 1}, world.trie, {30, true}).front();
      EXPECT_EQ(alone.items, all[i].items);
      EXPECT_EQ(alone.scores, all[i].scores);
    }
  }
}

TEST(Engine, FiltersAndExclusionsLeaveExactlyWhatIsAllowed) {
  const EngineWorld world((Sizes()));
  const Engine engine = world.engine(false);
  const std::vector<int32_t> source = world.source(5, 1);
  Random random(1, "engine.filter");
  for (int trial = 0; trial < 20; ++trial) {
    std::set<ItemId> wanted;
    while (wanted.size() < 10) wanted.insert(ItemId{static_cast<int32_t>(random.below(200))});
    const std::vector<ItemId> list(wanted.begin(), wanted.end());
    const ItemFilter filter = ItemFilter::allow(world.trie, list);
    const EngineRequest request{source, {10, &filter, {}}};
    const BeamAnswer answer = engine.answer({&request, 1}, world.trie, {1, false}).front();
    EXPECT_EQ(std::set<ItemId>(answer.items.begin(), answer.items.end()), wanted);
    expect_near(answer, world.oracle(source, request.query), 2e-4);
    const EngineRequest other{source, {190, nullptr, list}};
    const BeamAnswer rest = engine.answer({&other, 1}, world.trie, {1, false}).front();
    ASSERT_EQ(rest.items.size(), 190u);
    for (const ItemId item : rest.items) EXPECT_FALSE(wanted.count(item));
  }
  const ItemFilter nothing = ItemFilter::allow(world.trie, {});
  const EngineRequest request{source, {10, &nothing, {}}};
  EXPECT_TRUE(engine.answer({&request, 1}, world.trie, {5, false}).front().items.empty());
}

TEST(Engine, OddSizesWork) {
  Sizes sizes;
  sizes.t5 = {.model_dim = 20, .heads = 3, .head_dim = 5, .ff_dim = 33, .encoder_layers = 1, .decoder_layers = 3};
  sizes.levels = {5, 9};
  sizes.items = 40;
  const EngineWorld world(sizes);
  for (const bool bf16 : {false, true}) {
    const Engine engine = world.engine(bf16);
    const std::vector<int32_t> source = world.source(3, 2);
    const EngineRequest request{source, {12}};
    expect_near(engine.answer({&request, 1}, world.trie, {40, false}).front(), world.oracle(source, {12}),
                engine.bf16() ? 0.15 : 2e-4);
  }
}

TEST(Engine, RefusesWhatDoesNotFit) {
  const EngineWorld world((Sizes()));
  const Engine engine = world.engine(false, 10);
  const std::vector<int32_t> empty, foreign = {1, 1000}, long_source(11, 1);
  for (const auto* source : {&empty, &foreign, &long_source}) {
    const EngineRequest request{*source, {5}};
    EXPECT_THROW(engine.answer({&request, 1}, world.trie, {5, false}), Error);
  }
  Sizes other;
  other.levels = {12, 12};
  const EngineWorld two(other);
  const std::vector<int32_t> source = {1};
  const EngineRequest request{source, {5}};
  EXPECT_THROW(engine.answer({&request, 1}, two.trie, {5, false}), Error);
}

}  // namespace
}  // namespace tessera
