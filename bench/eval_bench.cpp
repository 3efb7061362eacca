// Metrics and intervals over as many cases as the Beauty dataset has test users.
#include <benchmark/benchmark.h>

#include <cmath>
#include <vector>

#include "base/random.h"
#include "eval/metrics.h"

namespace tessera {
namespace {

constexpr int64_t kCases = 22363;
constexpr int64_t kItems = 12101;

/// Ranks within 20 for about a sixth of the cases.
std::vector<int32_t> some_ranks() {
  Random random(1, "bench.ranks");
  std::vector<int32_t> ranks(kCases);
  for (int32_t& rank : ranks) rank = random.chance(0.16) ? static_cast<int32_t>(1 + random.below(20)) : kNotFound;
  return ranks;
}

void metrics(benchmark::State& state) {
  const std::vector<int32_t> ranks = some_ranks();
  double sum = 0;
  for (auto _ : state) benchmark::DoNotOptimize(sum = hit_rate(ranks, 10) + ndcg(ranks, 10) + mrr(ranks, 10));
  if (!(sum > 0.08 && sum < 0.24)) state.SkipWithError("metrics of the fixed ranks have changed");
  state.SetItemsProcessed(state.iterations() * kCases);
}
BENCHMARK(metrics)->Unit(benchmark::kMicrosecond);

void bootstrap_1000(benchmark::State& state) {
  const std::vector<float> values = case_values(some_ranks(), "ndcg", 10);
  Interval interval;
  for (auto _ : state) interval = bootstrap(values, 1000, 0.95, 7);
  if (!(interval.low < interval.mean && interval.mean < interval.high)) state.SkipWithError("no interval");
  state.SetItemsProcessed(state.iterations() * kCases * 1000);
}
BENCHMARK(bootstrap_1000)->Unit(benchmark::kMillisecond)->UseRealTime();

void exposure_of_20_each(benchmark::State& state) {
  Random random(2, "bench.exposure");
  std::vector<int64_t> train_counts(kItems);
  for (int64_t& count : train_counts) count = static_cast<int64_t>(5 / (1e-3 + random.uniform()));
  std::vector<int32_t> shown(kCases * 20);
  for (int32_t& item : shown) item = static_cast<int32_t>(random.below(kItems));
  Exposure result;
  for (auto _ : state) result = exposure(shown, train_counts);
  if (std::abs(result.tail_share - 0.8) > 0.01) state.SkipWithError("uniform answers must come from the tail in 80%");
  state.SetItemsProcessed(state.iterations() * kCases * 20);
}
BENCHMARK(exposure_of_20_each)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace tessera
