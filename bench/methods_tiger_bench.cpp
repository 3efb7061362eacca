// TIGER at the shape of the usual PyTorch port: d 128, 4 + 4 layers, 6 heads of 64, ff 1024, 4 x 256 codes, histories
// of 20 items, one answer an example, dropout 0.1. A training step of 256 examples; answers with 50 beams, 1 and 32 at
// a time. tools/peer_ratio.sh runs it and the PyTorch port in turns and prints the ratios.
#include <benchmark/benchmark.h>

#include <nlohmann/json.hpp>

#include "base/progress.h"
#include "base/random.h"
#include "base/runtime.h"
#include "methods/catalog.h"
#include "nn/device.h"

namespace tessera {
namespace {

constexpr int64_t kItems = 12101, kHistory = 20, kBatch = 256;

/// Users with `kHistory` + 1 training items, so that the longest prefix of each is a full example.
struct Shop {
  Dataset data;
  Split split;
  SemanticIds ids;
  Trie trie;

  explicit Shop(int64_t users) {
    Random random(1, "tiger.bench");
    for (int64_t i = 0; i < kItems; ++i) {
      Item item;
      item.id = "i" + std::to_string(i);
      data.items.add(std::move(item));
    }
    for (int64_t u = 0; u < users; ++u) {
      const UserId user{data.users.add("u" + std::to_string(u))};
      for (int64_t t = 0; t < kHistory + 3; ++t) {
        data.log.add(user, ItemId{static_cast<int32_t>(random.below(kItems))}, 4, t);
      }
    }
    data.log.sort();
    split = make_split(data, {});
    ids.level_sizes = {256, 256, 256, 256};
    for (int64_t i = 0; i < kItems * 4; ++i) ids.codes.push_back(static_cast<int32_t>(random.below(256)));
    trie = Trie(ids);
  }
  RetrieveInputs inputs() const { return {data, split, nullptr, &ids, &trie}; }
};

void set_up() {
  static const bool ready = [] {
    init_runtime(0);
    init_torch(0);
    return true;
  }();
  benchmark::DoNotOptimize(ready);
}

nlohmann::json paper_size() {
  return {{"name", "tiger"},      {"encoder", "bidirectional"}, {"min_history", kHistory}, {"max_history", kHistory},
          {"batch_size", kBatch}, {"warmup_steps", 0},          {"validate_users", 1},     {"patience", 0}};
}

double train_seconds(const Shop& shop, int64_t steps, const std::string& precision) {
  nlohmann::json options = paper_size();
  options["max_steps"] = steps;
  options["precision"] = precision;
  const auto tiger = make_retriever(options);
  tiger->train(shop.inputs(), {1, silent_reporter(), {}});
  return tiger->facts().at("train_seconds");
}

/// Milliseconds a step: the difference of a long and a short training, so that what happens once does not count.
void train_step(benchmark::State& state, const std::string& precision) {
  set_up();
  const Shop shop(kBatch * 2);
  for (auto _ : state) {
    const double once = train_seconds(shop, 2, precision), more = train_seconds(shop, 8, precision);
    state.SetIterationTime((more - once) / 6);
  }
  state.counters["examples/s"] = benchmark::Counter(kBatch, benchmark::Counter::kIsIterationInvariantRate);
}

void answer(benchmark::State& state, const std::string& precision) {
  set_up();
  const Shop shop(64);
  nlohmann::json options = paper_size();
  options["max_steps"] = 1;
  options["batch_size"] = 8;
  options["precision"] = precision;
  options["decode_batch"] = state.range(0);
  const auto tiger = make_retriever(options);
  tiger->train(shop.inputs(), {1, silent_reporter(), {}});
  std::vector<Request> requests(static_cast<size_t>(state.range(0)));
  for (size_t i = 0; i < requests.size(); ++i) {
    requests[i].history = shop.split.history(shop.split.test[i]).last(kHistory);
    requests[i].k = 50;
  }
  for (auto _ : state) {
    const std::vector<Results> results = tiger->recommend(requests);
    if (results.front().items.size() != 50) state.SkipWithError("wanted 50 items");
  }
}

BENCHMARK_CAPTURE(train_step, bf16, "bf16")
    ->UseManualTime()
    ->Iterations(1)
    ->Repetitions(3)
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(answer, bf16, "bf16")->Arg(1)->Arg(32)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(answer, fp32, "fp32")->Arg(1)->Arg(32)->UseRealTime()->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace tessera
