// Lexical search over a simulated shop of 1e5 items (TESSERA_BENCH_ITEMS: another number).

#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstdlib>
#include <ctime>
#include <set>

#include "base/file.h"
#include "base/random.h"
#include "data/simulate/simulate.h"
#include "lexical/lexical_index.h"
#include "lexical/words.h"

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

double ms_since(Clock::time_point start) {
  return Clock::now() - start;
}

struct World {
  SimulatedShop shop;
  std::vector<std::string> two_words;
  std::unique_ptr<LexicalIndex> index;
  double build_ms = 0;

  World() {
    SimulateOptions options;
    const char* items = std::getenv("TESSERA_BENCH_ITEMS");
    options.items = items ? std::atoll(items) : 100000;
    options.users = 500;
    options.days = 10;
    options.ceiling_users = 0;
    options.pictures = false;
    const char* language = std::getenv("TESSERA_BENCH_LANGUAGE");
    if (language) options.language = language;

    shop = simulate_shop(options, silent_reporter());
    LexicalOptions lexical;
    lexical.language = options.language;
    const auto start = Clock::now();
    index = std::make_unique<LexicalIndex>(lexical);
    index->apply_all(shop.data.items, 1);
    build_ms = ms_since(start);
    Random random(3, "bench.lexical");
    for (int i = 0; i < 1000; ++i) {
      const Item& item =
          shop.data.items[ItemId{static_cast<int32_t>(random.below(static_cast<uint64_t>(options.items)))}];
      TextReader reader;
      const auto units = reader.units(item.title);
      std::string text;
      for (int w = 0; w < 2; ++w) {
        const auto& unit = units[random.below(units.size())];
        text += (w && !unit.cjk ? " " : "") + unit.text;
      }
      two_words.push_back(text + " ");
    }
  }
};

World& world() {
  static World one;
  return one;
}

void report(benchmark::State& state, std::vector<double>& times) {
  std::sort(times.begin(), times.end());
  state.counters["p50_ms"] = times[times.size() / 2];
  state.counters["p99_ms"] = times[times.size() * 99 / 100];
  state.counters["max_ms"] = times.back();
}

void run_queries(benchmark::State& state, const std::vector<std::string>& texts, LexicalQuery query) {
  std::vector<double> times;
  double found = 0;
  size_t at = 0;
  for (auto _ : state) {
    query.text = texts[at++ % texts.size()];
    const auto start = Clock::now();
    const LexicalResult result = world().index->search(query);
    times.push_back(ms_since(start));
    found += static_cast<double>(result.found);
  }
  report(state, times);
  state.counters["found"] = found / static_cast<double>(times.size());
}

void build(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(world());
  state.counters["build_ms"] = world().build_ms;
  const LexicalStats stats = world().index->stats();
  state.counters["MB"] = static_cast<double>(stats.size_bytes) / 1e6;
  state.counters["items"] = static_cast<double>(stats.items);
  state.counters["words"] = stats.mean_length;
}
BENCHMARK(build)->Iterations(1);

void two_words(benchmark::State& state) {
  run_queries(state, world().two_words, {});
}
BENCHMARK(two_words)->Iterations(1000);

void two_words_all_matches(benchmark::State& state) {
  LexicalQuery query;
  query.all_matches = true;
  run_queries(state, world().two_words, query);
}
BENCHMARK(two_words_all_matches)->Iterations(1000);

std::vector<uint64_t> some_items(double share) {
  std::vector<uint64_t> bits(static_cast<size_t>(world().shop.data.items.size() / 64 + 1));
  Random random(4, "bits");
  for (auto& word : bits) {
    for (int i = 0; i < 64; ++i) word |= static_cast<uint64_t>(random.chance(share)) << i;
  }
  return bits;
}

void two_words_filtered(benchmark::State& state) {
  const auto bits = some_items(static_cast<double>(state.range(0)) / 100);
  LexicalQuery query;
  query.allowed_bits = bits;
  run_queries(state, world().two_words, query);
}
BENCHMARK(two_words_filtered)->Arg(1)->Arg(10)->Arg(50)->Iterations(1000);

void two_words_function(benchmark::State& state) {
  const auto bits = some_items(0.5);
  LexicalQuery query;
  query.allowed = [&](ItemId item) {
    return (bits[static_cast<size_t>(index(item)) / 64] >> (index(item) % 64) & 1) != 0;
  };
  run_queries(state, world().two_words, query);
}
BENCHMARK(two_words_function)->Iterations(1000);

void one_word(benchmark::State& state) {
  std::vector<std::string> texts;
  for (const auto& two : world().two_words) texts.push_back(two.substr(0, two.find(' ') + 1));
  LexicalQuery query;
  query.all_matches = true;
  run_queries(state, texts, query);
}
BENCHMARK(one_word)->Iterations(1000);

void typing(benchmark::State& state) {
  std::vector<std::string> texts;
  Random random(5, "typing");
  for (const auto& two : world().two_words) {
    size_t size = 1 + random.below(two.size() - 1);
    while (size < two.size() && (two[size] & 0xC0) == 0x80) ++size;
    texts.push_back(two.substr(0, size));
  }
  run_queries(state, texts, {});
}
BENCHMARK(typing)->Iterations(1000);

void misspelt(benchmark::State& state) {
  std::vector<std::string> texts;
  Random random(6, "typos");
  for (std::string text : world().two_words) {
    text[random.below(text.size() - 1)] = static_cast<char>('a' + random.below(26));
    texts.push_back(text);
  }
  run_queries(state, texts, {});
}
BENCHMARK(misspelt)->Iterations(1000);

void shop_queries(benchmark::State& state) {
  std::vector<std::string> texts;
  for (const auto& text : world().shop.data.log.queries.names()) texts.push_back(text);
  if (texts.size() > 2000) texts.resize(2000);
  run_queries(state, texts, {});
}
BENCHMARK(shop_queries)->Iterations(2000);

void update_visible(benchmark::State& state) {
  Random random(8, "update");
  std::vector<double> times;
  const auto items = static_cast<uint64_t>(world().shop.data.items.size());
  int64_t version = 2;
  for (auto _ : state) {
    const ItemId id{static_cast<int32_t>(random.below(items))};
    Item item = world().shop.data.items[id];
    item.title += " fresh" + std::to_string(version);
    const LexicalChange change{id, &item};
    const auto start = Clock::now();
    world().index->apply({&change, 1}, version);
    const LexicalResult found = world().index->search({.text = "fresh" + std::to_string(version)});
    times.push_back(ms_since(start));
    if (found.found != 1 || found.hits[0].item != id) state.SkipWithError("the change is not seen");
    ++version;
  }
  report(state, times);
}
BENCHMARK(update_visible)->Iterations(100);

}  // namespace
}  // namespace tessera

BENCHMARK_MAIN();
