// Suggestions from 1e5 items and 1e5 queries. Texts: the simulated shop's titles, of few words; and invented ones of
// many.

#include <benchmark/benchmark.h>

#include <algorithm>
#include <ctime>

#include "base/random.h"
#include "data/simulate/simulate.h"
#include "lexical/suggest.h"

namespace tessera {
namespace {

/// CPU time of this thread: other programs on the machine do not count.
struct Clock {
  using time_point = double;
  static double now() {
    timespec time;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_nsec) * 1e-6;
  }
};
constexpr int64_t kNow = 1767225600;

double ms_since(Clock::time_point start) {
  return Clock::now() - start;
}

/// Invented words, the n-th as usual as 1/n.
std::string invented_text(Random& random, uint64_t num_words) {
  std::string text;
  for (uint64_t w = 1 + random.below(num_words); w > 0; --w) {
    Random letters(9, "bench.word", static_cast<uint64_t>(std::exp(random.uniform() * std::log(50000))));
    if (!text.empty()) text += ' ';
    for (uint64_t l = 2 + letters.below(4); l > 0; --l) {
      text += "bcdfghklmnprstvw"[letters.below(16)];
      text += "aeiou"[letters.below(5)];
    }
  }
  return text;
}

struct Texts {
  std::vector<std::string> titles, queries;
};

Texts invented() {
  Texts texts;
  Random random(1, "bench.suggest");
  for (int i = 0; i < 100000; ++i) texts.titles.push_back(invented_text(random, 9));
  for (int i = 0; i < 100000; ++i) texts.queries.push_back(invented_text(random, 4) + " " + std::to_string(i % 100));
  return texts;
}

Texts shop(const char* language) {
  SimulateOptions options;
  options.items = 100000;
  options.users = 500;
  options.days = 10;
  options.ceiling_users = 0;
  options.pictures = false;
  options.language = language;
  const SimulatedShop made = simulate_shop(options, silent_reporter());
  Texts texts;
  for (const Item& item : made.data.items.items()) texts.titles.push_back(item.title);
  texts.queries = made.data.log.queries.names();
  for (size_t i = 0; texts.queries.size() < 100000; ++i) texts.queries.push_back(texts.titles[i]);
  return texts;
}

void run_suggest(benchmark::State& state, const Texts& texts, double typos) {
  Suggester suggester;
  Random random(2, "bench.weights");
  const auto start = Clock::now();
  std::vector<ItemTitle> items;
  for (size_t i = 0; i < texts.titles.size(); ++i) {
    items.push_back({ItemId{static_cast<int32_t>(i)}, texts.titles[i], random.uniform()});
  }
  suggester.put_items(items);
  std::vector<QuerySuggestion> queries;
  for (const std::string& text : texts.queries) queries.push_back({text, random.uniform(0.1, 100), 0});
  suggester.add_queries(queries, kNow);
  state.counters["build_ms"] = ms_since(start);
  state.counters["MB"] = static_cast<double>(suggester.size_bytes()) / 1e6;
  state.counters["queries"] = static_cast<double>(suggester.num_queries());

  std::vector<double> times;
  double found = 0;
  for (auto _ : state) {
    const auto& list = random.chance(0.5) ? texts.titles : texts.queries;
    std::string prefix = list[random.below(list.size())];
    size_t size = std::min<size_t>(1 + random.below(20), prefix.size());
    while (size < prefix.size() && (prefix[size] & 0xC0) == 0x80) ++size;
    prefix.resize(size);
    if (random.chance(typos)) prefix[random.below(prefix.size())] = static_cast<char>('a' + random.below(26));
    const auto before = Clock::now();
    const Suggestions result = suggester.suggest({.prefix = prefix});
    times.push_back(ms_since(before));
    found += static_cast<double>(result.items.size() + result.queries.size());
  }
  std::sort(times.begin(), times.end());
  state.counters["p50_ms"] = times[times.size() / 2];
  state.counters["p99_ms"] = times[times.size() * 99 / 100];
  state.counters["max_ms"] = times.back();
  state.counters["found"] = found / static_cast<double>(times.size());

  times.clear();
  for (int i = 0; i < 2000; ++i) {
    const auto before = Clock::now();
    suggester.add_query("a new one " + std::to_string(i), 1, kNow + i);
    times.push_back(ms_since(before));
  }
  std::sort(times.begin(), times.end());
  state.counters["add_p50_ms"] = times[times.size() / 2];
  state.counters["add_max_ms"] = times.back();
}

void suggest_invented(benchmark::State& state) {
  run_suggest(state, invented(), static_cast<double>(state.range(0)) / 100);
}
BENCHMARK(suggest_invented)->Arg(0)->Arg(50)->Arg(100)->Iterations(2000);

void suggest_shop(benchmark::State& state) {
  run_suggest(state, shop("en"), static_cast<double>(state.range(0)) / 100);
}
BENCHMARK(suggest_shop)->Arg(0)->Arg(50)->Iterations(2000);

void suggest_chinese(benchmark::State& state) {
  run_suggest(state, shop("zh"), static_cast<double>(state.range(0)) / 100);
}
BENCHMARK(suggest_chinese)->Arg(0)->Iterations(2000);

}  // namespace
}  // namespace tessera

BENCHMARK_MAIN();
