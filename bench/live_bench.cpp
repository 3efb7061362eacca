// Filters, facets and changes of the live catalogue at 1e5 and 1e6 items, and its sets of items against Roaring
// bitmaps.

#include <benchmark/benchmark.h>
#include <fmt/format.h>
#include <roaring/roaring.h>

#include <map>
#include <memory>
#include <nlohmann/json.hpp>

#include "base/random.h"
#include "live/facets.h"
#include "live/filter.h"
#include "live/live_catalogue.h"
#include "live/project.h"
#include "live/sort.h"

namespace tessera::live {
namespace {

Item bench_item(int64_t number, Random& random) {
  static const char* const kWords[] = {"red",  "nail", "polish", "matte", "cream",
                                       "hand", "soft", "gel",    "kit",   "brush"};
  Item item;
  item.id = fmt::format("B{:07}", number);
  for (int w = 0; w < 9; ++w) item.title += fmt::format("{}{} ", kWords[random.below(10)], random.below(30));
  item.brand = fmt::format("Brand {}", static_cast<int>(1000 * random.uniform() * random.uniform()));
  item.categories = {{"Beauty", fmt::format("Part {}", random.below(20)), fmt::format("Shelf {}", random.below(200))}};
  item.price = static_cast<double>(random.below(20000)) / 100;
  item.attributes = {{"colour", fmt::format("colour {}", random.below(50))},
                     {"size", fmt::format("{}", random.below(40))}};
  item.available = random.chance(0.9);
  item.created_at = 1'700'000'000 + static_cast<int64_t>(random.below(100'000'000));
  return item;
}

/// One catalogue of a size for the whole run.
LiveCatalogue& bench_catalogue(int64_t num_items) {
  static std::map<int64_t, std::unique_ptr<LiveCatalogue>> kept;
  auto& catalogue = kept[num_items];
  if (!catalogue) {
    Random random(7, "bench.live");
    Catalogue items;
    for (int64_t i = 0; i < num_items; ++i) items.add(bench_item(i, random));
    catalogue = std::make_unique<LiveCatalogue>(items);
  }
  return *catalogue;
}

constexpr const char* kFilters[] = {"price:<50 && brand:=[Brand 1,Brand 7,Brand 40]",
                                    "price:<50 && brand:=[Brand 1,Brand 7] && in_stock:true && category:=Part 3",
                                    "brand:brand && colour:!=colour 3 && size:[10..20]",
                                    "brand:=Brand 3 && title:polish7", "title:polish7"};

void live_filter(benchmark::State& state) {
  const auto view = bench_catalogue(state.range(0)).view();
  const Filter filter = Filter::parse(kFilters[state.range(1)]);
  const int64_t wanted = filter.evaluate(*view).count();  // makes the columns
  for (auto _ : state) {
    const ItemSet set = filter.evaluate(*view);
    if (set.count() != wanted || wanted == 0) state.SkipWithError("the filter accepts other items than before");
  }
  state.SetLabel(kFilters[state.range(1)]);
}
BENCHMARK(live_filter)->ArgsProduct({{100000, 1000000}, {0, 1, 2, 3, 4}})->Unit(benchmark::kMillisecond);

void live_filter_cached(benchmark::State& state) {
  const auto view = bench_catalogue(state.range(0)).view();
  FilterCache cache;
  for (auto _ : state) benchmark::DoNotOptimize(cache.evaluate(Filter::parse(kFilters[0]), *view));
  if (cache.size() != 1) state.SkipWithError("one filter, one result");
}
BENCHMARK(live_filter_cached)->Arg(1000000)->Unit(benchmark::kMicrosecond);

void live_first_use_of_columns(benchmark::State& state) {
  bench_catalogue(state.range(0));
  Random random(7, "bench.live");
  Catalogue items;
  for (int64_t i = 0; i < state.range(0); ++i) items.add(bench_item(i, random));
  for (auto _ : state) {
    state.PauseTiming();
    auto fresh = std::make_unique<LiveCatalogue>(items);
    state.ResumeTiming();
    const auto set = Filter::parse(kFilters[1]).evaluate(*fresh->view());
    if (set.empty()) state.SkipWithError("no item was accepted");
    state.PauseTiming();
    fresh.reset();
    state.ResumeTiming();
  }
}
BENCHMARK(live_first_use_of_columns)->Arg(100000)->Arg(1000000)->Iterations(2)->Unit(benchmark::kMillisecond);

void live_change(benchmark::State& state) {
  LiveCatalogue& catalogue = bench_catalogue(state.range(0));
  const auto before = catalogue.view();
  Random random(9, "bench.live.change");
  for (auto _ : state) {
    std::vector<Change> changes;
    for (int64_t n = 0; n < state.range(1); ++n) {
      changes.push_back(
          Change::put(bench_item(static_cast<int64_t>(random.below(static_cast<uint64_t>(state.range(0)))), random)));
    }
    catalogue.apply(std::move(changes));
  }
  if (catalogue.view()->size() != before->size()) state.SkipWithError("a replaced item took a new slot");
  state.SetItemsProcessed(state.iterations() * state.range(1));
}
BENCHMARK(live_change)->ArgsProduct({{100000, 1000000}, {1, 100}})->Unit(benchmark::kMicrosecond);

void live_change_then_filter(benchmark::State& state) {
  LiveCatalogue& catalogue = bench_catalogue(state.range(0));
  const Filter filter = Filter::parse(kFilters[0]);
  filter.evaluate(*catalogue.view());
  Random random(9, "bench.live.change");
  for (auto _ : state) {
    const auto number = static_cast<int64_t>(random.below(static_cast<uint64_t>(state.range(0))));
    catalogue.apply({Change::put(bench_item(number, random))});
    benchmark::DoNotOptimize(filter.evaluate(*catalogue.view()));
  }
}
BENCHMARK(live_change_then_filter)->Arg(100000)->Arg(1000000)->Unit(benchmark::kMicrosecond);

void live_facets(benchmark::State& state) {
  const auto view = bench_catalogue(state.range(0)).view();
  const auto fields = parse_facet_by("brand,category.lvl1,colour,price(0..10,10..50,50..)");
  const Filter filter = Filter::parse("price:<50");
  for (auto _ : state) {
    const auto facets = count_facets(*view, fields, view->live(), filter);
    if (facets[1].counts.size() != 10) state.SkipWithError("twenty categories, ten of them wanted");
  }
}
BENCHMARK(live_facets)->Arg(100000)->Arg(1000000)->Unit(benchmark::kMillisecond);

void live_sort(benchmark::State& state) {
  const auto view = bench_catalogue(state.range(0)).view();
  const auto keys = parse_sort_by("price:asc,_score:desc");
  std::vector<Hit> hits;
  view->live().for_each([&](ItemId item) { hits.push_back({item, 1.0 / (1 + index(item)), false}); });
  hits.resize(10000);
  for (auto _ : state) {
    auto sorted = hits;
    sort_hits(sorted, keys, *view);
    benchmark::DoNotOptimize(sorted);
  }
}
BENCHMARK(live_sort)->Arg(100000)->Unit(benchmark::kMillisecond);

void live_project(benchmark::State& state) {
  const auto view = bench_catalogue(100000).view();
  const Projection projection = Projection::parse("id,title,price", "");
  int32_t next = 0;
  for (auto _ : state) benchmark::DoNotOptimize(projection.project(view->item(ItemId{next++ % 100000})));
}
BENCHMARK(live_project)->Unit(benchmark::kMicrosecond);

/// A set with one item in `one_in`, made and intersected with half of all items, then listed: words against Roaring.
void set_of_words(benchmark::State& state) {
  const int64_t slots = state.range(0), one_in = state.range(1);
  ItemSet half(slots);
  for (int32_t i = 0; i < slots; i += 2) half.add(ItemId{i});
  for (auto _ : state) {
    ItemSet set(slots);
    for (int64_t i = 0; i < slots; i += one_in) set.add(ItemId{static_cast<int32_t>(i)});
    set &= half;
    int64_t sum = 0;
    set.for_each([&](ItemId item) { sum += index(item); });
    benchmark::DoNotOptimize(sum);
  }
}
BENCHMARK(set_of_words)->ArgsProduct({{100000, 1000000}, {2, 100, 10000}})->Unit(benchmark::kMicrosecond);

void set_of_roaring(benchmark::State& state) {
  const int64_t slots = state.range(0), one_in = state.range(1);
  roaring_bitmap_t* half = roaring_bitmap_create();
  for (uint32_t i = 0; i < static_cast<uint32_t>(slots); i += 2) roaring_bitmap_add(half, i);
  for (auto _ : state) {
    roaring_bitmap_t* set = roaring_bitmap_create();
    for (int64_t i = 0; i < slots; i += one_in) roaring_bitmap_add(set, static_cast<uint32_t>(i));
    roaring_bitmap_and_inplace(set, half);
    int64_t sum = 0;
    roaring_iterate(
        set,
        [](uint32_t value, void* total) {
          *static_cast<int64_t*>(total) += value;
          return true;
        },
        &sum);
    benchmark::DoNotOptimize(sum);
    roaring_bitmap_free(set);
  }
  roaring_bitmap_free(half);
}
BENCHMARK(set_of_roaring)->ArgsProduct({{100000, 1000000}, {2, 100, 10000}})->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace tessera::live
