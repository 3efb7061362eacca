// Building the trie and counting what a filter leaves below its nodes, at 1e4 to 1e6 items of four levels.

#include <benchmark/benchmark.h>

#include "base/random.h"
#include "semid/item_filter.h"
#include "semid/trie.h"

namespace tessera {
namespace {

SemanticIds bench_ids(int64_t num_items) {
  SemanticIds ids;
  ids.level_sizes = {256, 256, 256, 16};
  ids.codes.reserve(static_cast<size_t>(num_items * 4));
  Random random(7, "bench.trie");
  for (int64_t i = 0; i < num_items; ++i) {
    for (const int32_t size : ids.level_sizes) {
      ids.codes.push_back(static_cast<int32_t>(random.below(static_cast<uint64_t>(size))));
    }
  }
  return ids;
}

void trie_build(benchmark::State& state) {
  const SemanticIds ids = bench_ids(state.range(0));
  for (auto _ : state) {
    const Trie trie(ids);
    if (trie.num_items() != state.range(0)) state.SkipWithError("items were lost");
    benchmark::DoNotOptimize(trie.num_nodes(4));
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(trie_build)->RangeMultiplier(10)->Range(10000, 1000000)->Unit(benchmark::kMillisecond);

void filter_count(benchmark::State& state) {
  const Trie trie(bench_ids(state.range(0)));
  std::vector<ItemId> allowed;
  for (int32_t item = 0; item < trie.num_items(); item += 3) allowed.push_back(ItemId{item});
  const ItemFilter filter = ItemFilter::allow(trie, allowed);
  for (auto _ : state) {
    int64_t sum = 0;
    for (int32_t node = 0; node < trie.num_nodes(1); ++node) {
      const auto [begin, end] = trie.interval(1, node);
      sum += filter.count(begin, end);
    }
    if (sum != filter.size()) state.SkipWithError("the nodes of a depth do not hold all allowed items");
  }
  state.SetItemsProcessed(state.iterations() * trie.num_nodes(1));
}
BENCHMARK(filter_count)->RangeMultiplier(10)->Range(10000, 1000000);

}  // namespace
}  // namespace tessera

BENCHMARK_MAIN();
