// What a stranger may write into filter_by, facet_by and sort_by: every text is read or refused with Error(data), and
// what is read means something: a filter and its negation share the live items between them, and no other.

#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "base/error.h"
#include "live/facets.h"
#include "live/filter.h"
#include "live/sort.h"

namespace {

using tessera::Error;
using tessera::ErrorKind;
using tessera::Item;
using namespace tessera::live;

const LiveCatalogue& small_shop() {
  static const LiveCatalogue* const catalogue = [] {
    auto* shop = new LiveCatalogue;
    const char* const brands[] = {"Nike", "New Balance", "Apple, Inc.", "",
                                  "Stra\xc3\x9f"
                                  "e"};
    for (int i = 0; i < 40; ++i) {
      Item item;
      item.id = "i" + std::to_string(i);
      item.title = i % 3 == 0 ? "Red shoe, don't run" : "nail polish 3.5";
      item.brand = brands[i % 5];
      item.categories = {{"Beauty", i % 2 == 0 ? "Nails" : "Hands"}};
      if (i % 4 != 0) item.price = i;
      item.created_at = i * 1000;
      item.available = i % 2 == 0;
      item.attributes = {{"size", i % 3 == 0 ? "8, 10" : "M"}, {"a", std::to_string(i)}};
      shop->apply({Change::put(item)});
    }
    shop->apply({Change::erase("i7")});
    return shop;
  }();
  return *catalogue;
}

template <class F>
void read_or_refuse(F&& read) {
  try {
    read();
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::data) std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto view = small_shop().view();
  read_or_refuse([&] {
    const Filter filter = Filter::parse(text);
    const ItemSet set = filter.evaluate(*view);
    if (!(set - view->live()).empty()) std::abort();
    if (filter.accepts_all()) return;
    const FilterLimits wide = {.max_bytes = 1 << 20, .max_operators = 1000, .max_depth = 100};
    const Filter negation = Filter::parse("!(" + std::string(text) + ")", wide);
    if ((negation.evaluate(*view) | set) != view->live() || !(negation.evaluate(*view) & set).empty()) std::abort();
    for (const char* name : {"brand", "price", "category.lvl0"}) {
      if (!(set - filter.without(*parse_field(name)).evaluate(*view)).empty()) std::abort();
    }
  });
  read_or_refuse([&] { count_facets(*view, parse_facet_by(text), view->live(), Filter()); });
  read_or_refuse([&] {
    std::vector<Hit> hits = {{tessera::ItemId{1}, 1}, {tessera::ItemId{0}, 2}};
    sort_hits(hits, parse_sort_by(text), *view);
  });
  return 0;
}
