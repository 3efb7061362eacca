// Commits with fsync by 1, 8 and 64 writers, items in batches, the newest entries of a history, and opening a large
// store.

#include <benchmark/benchmark.h>
#include <stdlib.h>

#include <atomic>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "base/error.h"
#include "store/store.h"

namespace tessera {
namespace {

namespace fs = std::filesystem;

class BenchFolder {
 public:
  BenchFolder() {
    std::string pattern = (fs::temp_directory_path() / "tessera-bench-XXXXXX").string();
    TESSERA_CHECK(mkdtemp(pattern.data()) != nullptr, io, "no temporary folder");
    path_ = pattern;
  }
  ~BenchFolder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  std::string url() const { return "rocksdb:" + (path_ / "db").string(); }

 private:
  fs::path path_;
};

const std::string kEvent(200, 'e');
const std::string kItem(600, 'i');

WriteBatch event_batch(int64_t number) {
  const std::string id = std::to_string(number);
  WriteBatch batch;
  batch.begin_once("events", "", id).append("events", "", kEvent);
  batch.append("history", "user" + std::to_string(number % 5000), kEvent, 200).end_once();
  return batch;
}

/// Runs `commit(number)` for 0 ... num - 1 from many threads.
template <class Commit>
void from_writers(int num_writers, int64_t num, Commit&& commit) {
  std::atomic<int64_t> next{0};
  std::vector<std::thread> writers;
  for (int w = 0; w < num_writers; ++w) {
    writers.emplace_back([&] {
      for (int64_t i = next++; i < num; i = next++) commit(i);
    });
  }
  for (std::thread& writer : writers) writer.join();
}

/// One event a commit: into the log of all events and the user's history, with an id, fsynced.
void store_events(benchmark::State& state) {
  const int num_writers = static_cast<int>(state.range(0));
  const int64_t num = num_writers == 1 ? 1000 : 20000;
  for (auto _ : state) {
    state.PauseTiming();
    BenchFolder folder;
    auto store = open_store(folder.url());
    state.ResumeTiming();
    from_writers(num_writers, num, [&](int64_t i) { store->commit(event_batch(i)); });
    state.PauseTiming();
    if (store->extent("events", "").size() != static_cast<uint64_t>(num)) state.SkipWithError("events were lost");
    const StoreFacts facts = store->facts();
    state.counters["commits_per_sync"] = static_cast<double>(facts.commits) / static_cast<double>(facts.syncs);
    state.counters["sync_ms"] = 1e3 * facts.sync_seconds / static_cast<double>(facts.syncs);
    store.reset();
    state.ResumeTiming();
  }
  state.SetItemsProcessed(state.iterations() * num);
}
BENCHMARK(store_events)->Arg(1)->Arg(8)->Arg(64)->Arg(256)->Unit(benchmark::kMillisecond)->UseRealTime()->Iterations(3);

void store_items(benchmark::State& state) {
  const int num_writers = static_cast<int>(state.range(0));
  constexpr int64_t kBatches = 500;
  for (auto _ : state) {
    state.PauseTiming();
    BenchFolder folder;
    auto store = open_store(folder.url());
    state.ResumeTiming();
    from_writers(num_writers, kBatches, [&](int64_t b) {
      WriteBatch batch;
      for (int64_t i = 0; i < 100; ++i) batch.put("items", "item" + std::to_string(b * 100 + i), kItem);
      store->commit(batch);
    });
    state.PauseTiming();
    if (!store->get("items", "item49999")) state.SkipWithError("items were lost");
    store.reset();
    state.ResumeTiming();
  }
  state.SetItemsProcessed(state.iterations() * kBatches * 100);
}
BENCHMARK(store_items)->Arg(1)->Arg(8)->Unit(benchmark::kMillisecond)->UseRealTime()->Iterations(3);

/// 1e5 items and 1e6 events, written once.
const std::string& large_store() {
  static const BenchFolder folder;
  static const std::string url = [] {
    auto store = open_store(folder.url());
    for (int64_t i = 0; i < 100'000; i += 1000) {
      WriteBatch batch;
      for (int64_t j = i; j < i + 1000; ++j) batch.put("items", "item" + std::to_string(j), kItem);
      store->commit(batch);
    }
    for (int64_t i = 0; i < 1'000'000; i += 1000) {
      WriteBatch batch;
      for (int64_t j = i; j < i + 1000; ++j) {
        batch.append("events", "", kEvent).append("history", "user" + std::to_string(j % 5000), kEvent);
      }
      store->commit(batch);
    }
    return folder.url();
  }();
  return url;
}

void store_tail(benchmark::State& state) {
  auto store = open_store(large_store());
  int64_t user = 0;
  for (auto _ : state) {
    const auto tail = store->tail("history", "user" + std::to_string(user++ * 7 % 5000), 50);
    if (tail.size() != 50 || tail.back().sequence != 200) state.SkipWithError("a history is not whole");
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(store_tail)->Unit(benchmark::kMicrosecond);

/// Opening, and reading every item once, as a service that starts does.
void store_open(benchmark::State& state) {
  const std::string& url = large_store();
  for (auto _ : state) {
    auto store = open_store(url);
    int64_t items = 0;
    if (state.range(0) == 1) store->for_each("items", [&](std::string_view, std::string_view) { ++items; });
    if (state.range(0) == 1 && items != 100'000) state.SkipWithError("items were lost");
    if (store->extent("events", "").size() != 1'000'000) state.SkipWithError("events were lost");
  }
}
BENCHMARK(store_open)->Arg(0)->Arg(1)->Unit(benchmark::kMillisecond)->Iterations(5);

}  // namespace
}  // namespace tessera

BENCHMARK_MAIN();
