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
  uint64_t seed = 3;
};

/// A generator with random weights, a catalogue, and both ways to ask it.
struct EngineWorld {
  Sizes sizes;
  Parameters parameters;
  T5 t5;
  Tensor embedding;
  std::vector<Tensor> heads;
  std::vector<int64_t> level_begin;
  int64_t num_tokens = 2;  // start of answer, start of source
  SemanticIds ids;
  Trie trie;

  explicit EngineWorld(const Sizes& s) : sizes(s), parameters(s.seed, at::kCPU), t5(parameters, s.t5, "") {
    for (const int32_t size : s.levels) {
      level_begin.push_back(num_tokens);
      num_tokens += size;
      heads.push_back(parameters.normal("head" + std::to_string(heads.size()), {size, s.t5.model_dim}, 0.3));
    }
    embedding = parameters.normal("embedding", {num_tokens, s.t5.model_dim}, 1.0);
    Random random(s.seed + 2, "engine.ids");
    ids.level_sizes = s.levels;
    for (int64_t i = 0; i < s.items; ++i)
      for (const int32_t size : s.levels) ids.codes.push_back(static_cast<int32_t>(random.below(size)));
    trie = Trie(ids);
  }

  Engine engine(bool bf16, int64_t max_tokens = 60) const { return Engine(encoder(max_tokens), {decoder()}, bf16); }

  EngineEncoder encoder(int64_t max_tokens = 60) const { return {t5, embedding, max_tokens, sizes.causal_group}; }
  EngineDecoder decoder() const { return {t5, embedding, heads, level_begin, 0}; }

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
  other.t5.heads = 2;
  const EngineWorld narrow(other);
  EXPECT_THROW(Engine(world.encoder(), {world.decoder(), narrow.decoder()}, false), Error);
  EXPECT_THROW(Engine(world.encoder(), {}, false), Error);
}

// ---- several decoders -----------------------------------------------------------------------------------------------

/// So many threads of torch while it lives.
class Threads {
 public:
  explicit Threads(int threads) : before_(at::get_num_threads()) { at::set_num_threads(threads); }
  ~Threads() { at::set_num_threads(before_); }
  Threads(const Threads&) = delete;
  Threads& operator=(const Threads&) = delete;

 private:
  int before_;
};

/// An encoder with its own decoder and another one that differs in depth, widths, levels and catalogue.
struct TwoDecoders {
  EngineWorld one, other;
  Engine engine;
  std::vector<Engine> alone;
  std::vector<const Trie*> tries;
  std::vector<std::vector<int32_t>> sources;

  explicit TwoDecoders(bool bf16)
      : one(Sizes()),
        other(different()),
        engine(one.encoder(), {one.decoder(), other.decoder()}, bf16),
        tries{&one.trie, &other.trie} {
    alone.emplace_back(one.encoder(), std::vector{one.decoder()}, bf16);
    alone.emplace_back(one.encoder(), std::vector{other.decoder()}, bf16);
    for (int64_t i = 0; i < 9; ++i) sources.push_back(one.source(i % 4 * 3, static_cast<uint64_t>(i)));
  }

  static Sizes different() {
    Sizes sizes;
    sizes.t5.ff_dim = 40;
    sizes.t5.decoder_layers = 3;
    sizes.levels = {9, 14};
    sizes.items = 90;
    sizes.seed = 4;
    return sizes;
  }

  /// The same question to both decoders about each of the first sources.
  std::vector<EngineQuestions> questions(size_t count, std::span<const BeamQuery> queries) const {
    std::vector<EngineQuestions> out;
    for (size_t i = 0; i < count; ++i) out.push_back({sources[i], queries});
    return out;
  }

  BeamAnswer fresh(size_t request, size_t decoder, const BeamQuery& query) const {
    const EngineRequest asked{sources[request], query};
    return alone[decoder].answer({&asked, 1}, *tries[decoder], {20, false}).front();
  }
};

void expect_same(const BeamAnswer& answer, const BeamAnswer& wanted) {
  EXPECT_EQ(answer.items, wanted.items);
  EXPECT_EQ(answer.scores, wanted.scores);
}

TEST(EngineDecoders, EachAnswersAsAnEngineOfItsOwn) {
  for (const bool bf16 : {false, true}) {
    const TwoDecoders two(bf16);
    const std::vector<BeamQuery> queries{{10}, {7}};
    for (const int threads : {1, 2, 5}) {
      const Threads set(threads);
      for (const size_t count : {1, 2, 3, 9}) {
        const EngineAnswers answers = two.engine.answer(two.questions(count, queries), two.tries, {20, false});
        ASSERT_EQ(answers.first.size(), count * 2);
        EXPECT_TRUE(answers.follow_ups.empty());
        for (size_t i = 0; i < count; ++i)
          for (size_t d = 0; d < 2; ++d) expect_same(answers.first[i * 2 + d], two.fresh(i, d, queries[d]));
      }
    }
    EXPECT_LT(two.engine.weight_bytes(), two.alone[0].weight_bytes() + two.alone[1].weight_bytes());
  }
}

TEST(EngineDecoders, OneThatIsNotAskedAnswersNothing) {
  const TwoDecoders two(false);
  const std::vector<BeamQuery> queries{{.k = 0}, {7}};
  const EngineAnswers answers = two.engine.answer(two.questions(3, queries), two.tries, {20, false});
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_TRUE(answers.first[i * 2].items.empty());
    expect_same(answers.first[i * 2 + 1], two.fresh(i, 1, queries[1]));
  }
}

// Each decoder is asked for what the other found, as far as it has it; of every third request, the first decoder is
// asked nothing.
TEST(EngineDecoders, FollowUpsEqualFreshSearches) {
  const TwoDecoders two(false);
  const std::vector<BeamQuery> queries{{10}, {30}};
  for (const int threads : {1, 2, 5}) {
    const Threads set(threads);
    for (const size_t count : {1, 2, 3, 9}) {
      std::vector<std::vector<ItemFilter>> filters(count);
      std::vector<BeamQuery> further(count * 2, BeamQuery{.k = 0});
      const auto follow_up = [&](size_t i, std::span<const BeamAnswer> found, std::span<BeamQuery> asked) {
        filters[i].reserve(2);
        for (size_t d = i % 3 == 2 ? 1 : 0; d < 2; ++d) {
          std::vector<ItemId> items;
          for (const ItemId item : found[1 - d].items)
            if (index(item) < two.tries[d]->num_items()) items.push_back(item);
          filters[i].push_back(ItemFilter::allow(*two.tries[d], items));
          const auto size = static_cast<int64_t>(items.size());
          further[i * 2 + d] = asked[d] = {size, &filters[i].back(), {}, size};
        }
      };
      const EngineAnswers answers = two.engine.answer(two.questions(count, queries), two.tries, {20, false}, follow_up);
      ASSERT_EQ(answers.follow_ups.size(), count * 2);
      for (size_t i = 0; i < count; ++i) {
        EXPECT_EQ(further[i * 2].k == 0, i % 3 == 2);
        for (size_t d = 0; d < 2; ++d) {
          expect_same(answers.first[i * 2 + d], two.fresh(i, d, queries[d]));
          const BeamQuery& query = further[i * 2 + d];
          EXPECT_EQ(answers.follow_ups[i * 2 + d].items.size(), static_cast<size_t>(query.k));
          if (query.k > 0) expect_same(answers.follow_ups[i * 2 + d], two.fresh(i, d, query));
        }
      }
    }
  }
}

// Whoever calls, a lone worker (1 thread, or 8 requests) or a member of a team, nobody waits for it for ever.
TEST(EngineDecoders, WhatAFollowUpThrowsReachesTheCaller) {
  const TwoDecoders two(false);
  const std::vector<BeamQuery> queries{{10}, {7}};
  for (const int threads : {1, 2, 5}) {
    const Threads set(threads);
    for (const size_t count : {1, 2, 3, 8}) {
      for (size_t thrower = 0; thrower < count; ++thrower) {
        const auto follow_up = [&](size_t i, std::span<const BeamAnswer>, std::span<BeamQuery>) {
          if (i == thrower) throw std::out_of_range("enough");
        };
        EXPECT_THROW(two.engine.answer(two.questions(count, queries), two.tries, {20, false}, follow_up),
                     std::out_of_range);
      }
      const EngineAnswers answers = two.engine.answer(two.questions(count, queries), two.tries, {20, false});
      expect_same(answers.first.back(), two.fresh(count - 1, 1, queries[1]));
    }
  }
}

TEST(EngineDecoders, RefuseOtherNumbersOfQueriesOrTries) {
  const TwoDecoders two(false);
  const std::vector<BeamQuery> one{{10}}, both{{10}, {7}};
  EXPECT_THROW(two.engine.answer(two.questions(2, one), two.tries, {20, false}), Error);
  EXPECT_THROW(two.engine.answer(two.questions(2, both), std::span(two.tries).first(1), {20, false}), Error);
  const EngineRequest request{two.sources[0], {5}};
  EXPECT_THROW(two.engine.answer({&request, 1}, two.one.trie, {20, false}), Error);
}

}  // namespace
}  // namespace tessera
