// EAGER at the shape of the usual PyTorch port: d 128, 1 encoder layer and two decoders of 4, 8 heads of 16, ff 512,
// 2 x 256 codes, 12,101 items, histories of 20, generation loss only, dropout 0.1. A training step of 256 examples with
// one answer each; answers with 50 beams a stream, 1 and 32 at a time: `own` ranks the streams' lists, as the port
// leaves them; `sum` also lets each stream score what the other found. MODEL=eager tools/peer_ratio.sh runs it and the
// port in turns.
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

  explicit Shop(int64_t users) {
    Random random(1, "eager.bench");
    for (int64_t i = 0; i < kItems; ++i) {
      Item item;
      item.id = "i" + std::to_string(i);
      data.items.add(std::move(item));
    }
    for (int64_t u = 0; u < users; ++u) {
      const UserId user{data.users.add("u" + std::to_string(u))};
      for (int64_t t = 0; t < kHistory + 3; ++t)
        data.log.add(user, ItemId{static_cast<int32_t>(random.below(kItems))}, 4, t);
    }
    data.log.sort();
    split = make_split(data, {});
  }
  RetrieveInputs inputs() const { return {data, split, nullptr, nullptr, nullptr}; }
};

void set_up() {
  static const bool ready = [] {
    init_runtime(0);
    init_torch(0);
    return true;
  }();
  benchmark::DoNotOptimize(ready);
}

nlohmann::json peer_size() {
  return {{"name", "eager"},
          {"streams", "two-behaviour"},
          {"behaviour", {{"name", "ppmi-svd"}, {"dim", 16}}},
          {"codes", {{"name", "balanced-kmeans"}, {"iterations", 2}}},
          {"encoder", "bidirectional"},
          {"heads", 8},
          {"head_dim", 16},
          {"ff_dim", 512},
          {"decoder_layers", 4},
          {"contrast", "none"},
          {"reconstruct", false},
          {"recognise", false},
          {"min_history", kHistory},
          {"max_history", kHistory},
          {"batch_size", kBatch},
          {"warmup_steps", 0},
          {"validate_users", 1},
          {"validate_beam", 1},
          {"patience", 0}};
}

double train_seconds(const Shop& shop, int64_t steps) {
  nlohmann::json options = peer_size();
  options["max_steps"] = steps;
  options["precision"] = "bf16";
  const auto eager = make_retriever(options);
  eager->train(shop.inputs(), {1, silent_reporter(), {}});
  return eager->facts().at("train_seconds");
}

/// Milliseconds a step: the difference of a long and a short training, so that what happens once does not count.
void train_step(benchmark::State& state) {
  set_up();
  const Shop shop(kBatch * 2);
  for (auto _ : state) {
    const double once = train_seconds(shop, 2), more = train_seconds(shop, 8);
    state.SetIterationTime((more - once) / 6);
  }
  state.counters["examples/s"] = benchmark::Counter(kBatch, benchmark::Counter::kIsIterationInvariantRate);
}

void answer(benchmark::State& state, const std::string& precision, const std::string& fusion) {
  set_up();
  const Shop shop(64);
  nlohmann::json options = peer_size();
  options["max_steps"] = 1;
  options["batch_size"] = 8;
  options["precision"] = precision;
  options["fusion"] = fusion;
  const auto eager = make_retriever(options);
  eager->train(shop.inputs(), {1, silent_reporter(), {}});
  std::vector<Request> requests(static_cast<size_t>(state.range(0)));
  for (size_t i = 0; i < requests.size(); ++i) {
    requests[i].history = shop.split.history(shop.split.test[i]).last(kHistory);
    requests[i].k = 50;
  }
  for (auto _ : state) {
    const std::vector<Results> results = eager->recommend(requests);
    if (results.front().items.size() != 50) state.SkipWithError("wanted 50 items");
  }
}

BENCHMARK(train_step)->UseManualTime()->Iterations(1)->Repetitions(3)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(answer, bf16_own, "bf16", "own")->Arg(1)->Arg(32)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(answer, bf16_sum, "bf16", "sum")->Arg(1)->Arg(32)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(answer, fp32_own, "fp32", "own")->Arg(1)->Arg(32)->UseRealTime()->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace tessera
