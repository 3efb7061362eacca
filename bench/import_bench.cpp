// Import speed, from files that the benchmark writes itself: events a second and peak memory of the process.
#include <benchmark/benchmark.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "base/random.h"
#include "base/runtime.h"
#include "data/import.h"
#include "data/split.h"

namespace tessera {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kUsers = 100'000;
constexpr int64_t kItems = 50'000;
constexpr int64_t kEventsPerUser = 10;

/// A folder of made-up data, removed at the end.
class BenchFolder {
 public:
  BenchFolder() : path_(fs::temp_directory_path() / ("tessera-bench-" + std::to_string(getpid()))) {
    fs::create_directories(path_);
  }
  ~BenchFolder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  fs::path operator/(const char* name) const { return path_ / name; }

 private:
  fs::path path_;
};

void write_sequences(const fs::path& path) {
  Random random(1, "bench.sequences");
  std::ofstream out(path);
  for (int64_t u = 0; u < kUsers; ++u) {
    out << u;
    for (int64_t e = 0; e < kEventsPerUser; ++e) out << ' ' << random.below(kItems);
    out << '\n';
  }
}

void write_jsonl(const fs::path& path) {
  Random random(1, "bench.jsonl");
  std::ofstream out(path);
  for (int64_t e = 0; e < kUsers * kEventsPerUser; ++e) {
    out << R"({"user":"user-)" << random.below(kUsers) << R"(","item":"B)" << random.below(kItems)
        << R"(","action":"click","time":"2026-03-02T10:00:)" << 10 + e % 50 << R"(Z","query":"red nail polish )"
        << random.below(1000) << R"(","request":"request-)" << e / 10 << R"(","position":)" << e % 10 << "}\n";
  }
}

void write_csv(const fs::path& path) {
  Random random(1, "bench.csv");
  std::ofstream out(path);
  out << "user,item,action,time\n";
  for (int64_t e = 0; e < kUsers * kEventsPerUser; ++e) {
    out << random.below(kUsers) << ",B" << random.below(kItems) << ",click," << 1'700'000'000 + e << '\n';
  }
}

/// Imports once an iteration and checks that every event arrived.
void import_events(benchmark::State& state, const char* name, void (*write)(const fs::path&)) {
  const BenchFolder folder;
  write(folder / name);
  ImportOptions options;
  options.source = (folder / name).string();
  for (auto _ : state) {
    ImportReport report;
    const Dataset dataset = import_dataset(options, silent_reporter(), report);
    if (report.events != kUsers * kEventsPerUser || report.bad_rows != 0) state.SkipWithError("events are missing");
    benchmark::DoNotOptimize(dataset.log.item.data());
  }
  const auto events = static_cast<double>(kUsers * kEventsPerUser);
  state.counters["events/s"] = benchmark::Counter(events, benchmark::Counter::kIsIterationInvariantRate);
  state.counters["file MB"] = static_cast<double>(fs::file_size(folder / name)) / 1e6;
  state.counters["peak MB"] = static_cast<double>(peak_memory_bytes()) / 1e6;
}

void save_and_load(benchmark::State& state) {
  const BenchFolder folder;
  write_sequences(folder / "log.txt");
  ImportOptions options;
  options.source = (folder / "log.txt").string();
  ImportReport report;
  Dataset dataset = import_dataset(options, silent_reporter(), report);
  for (auto _ : state) {
    save_dataset(dataset, folder / "dataset");
    if (load_dataset(folder / "dataset").content_hash != dataset.content_hash) state.SkipWithError("the hash changed");
  }
  state.counters["events/s"] =
      benchmark::Counter(static_cast<double>(report.events), benchmark::Counter::kIsIterationInvariantRate);
}

void split_and_windows(benchmark::State& state) {
  const BenchFolder folder;
  write_sequences(folder / "log.txt");
  ImportOptions options;
  options.source = (folder / "log.txt").string();
  ImportReport report;
  const Dataset dataset = import_dataset(options, silent_reporter(), report);
  for (auto _ : state) {
    const Windows windows = make_windows(make_split(dataset, {}), 50);
    if (windows.size() != kUsers * (kEventsPerUser - 3)) state.SkipWithError("windows are missing");
  }
}

BENCHMARK_CAPTURE(import_events, sequences, "log.txt", write_sequences)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(import_events, jsonl, "events.jsonl", write_jsonl)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(import_events, csv, "events.csv", write_csv)->Unit(benchmark::kMillisecond);
BENCHMARK(save_and_load)->Unit(benchmark::kMillisecond);
BENCHMARK(split_and_windows)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace tessera
