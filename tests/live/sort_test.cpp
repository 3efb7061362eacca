#include "live/sort.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/error.h"
#include "base/random.h"

namespace tessera::live {
namespace {

std::string sorted(const LiveCatalogue& catalogue, std::string_view by, std::vector<Hit> hits) {
  sort_hits(hits, parse_sort_by(by), *catalogue.view());
  std::string ids;
  for (const Hit& hit : hits) ids += catalogue.view()->item(hit.item).id;
  return ids;
}

TEST(Sort, OrdersByKeysThenScoreThenItem) {
  LiveCatalogue catalogue;
  const auto put = [&](std::string id, double price, int64_t created, std::string brand, std::string size) {
    Item item;
    item.id = std::move(id);
    item.price = price;
    item.created_at = created;
    item.brand = std::move(brand);
    item.available = price > 1;
    if (!size.empty()) item.attributes["size"] = std::move(size);
    catalogue.apply({Change::put(item)});
  };
  put("a", 3, 100, "b", "10");
  put("b", 1, 300, "C", "9");
  put("c", NAN, 200, "a", "M");
  put("d", 3, 0, "", "");
  put("e", 1, 100, "É", "10.0");
  const std::vector<Hit> hits = {{ItemId{0}, 1}, {ItemId{1}, 5}, {ItemId{2}, NAN}, {ItemId{3}, 5}, {ItemId{4}, -2}};
  EXPECT_EQ(sorted(catalogue, "", hits), "bdaec");
  EXPECT_EQ(sorted(catalogue, "_score:asc", hits), "eabdc");
  EXPECT_EQ(sorted(catalogue, "_text_match:desc", hits), "bdaec");
  EXPECT_EQ(sorted(catalogue, "price:asc", hits), "bedac");
  EXPECT_EQ(sorted(catalogue, "price:desc", hits), "dabec");
  EXPECT_EQ(sorted(catalogue, "price:asc,_score:asc", hits), "ebadc");
  EXPECT_EQ(sorted(catalogue, " price : asc , created_at : desc ", hits), "beadc");
  EXPECT_EQ(sorted(catalogue, "created_at:asc", hits), "aecbd");
  EXPECT_EQ(sorted(catalogue, "brand:asc", hits), "cabed");
  EXPECT_EQ(sorted(catalogue, "brand:desc", hits), "ebacd");
  EXPECT_EQ(sorted(catalogue, "id:desc", hits), "edcba");
  EXPECT_EQ(sorted(catalogue, "size:asc", hits), "baecd");
  EXPECT_EQ(sorted(catalogue, "attributes.size:desc", hits), "caebd");
  EXPECT_EQ(sorted(catalogue, "in_stock:desc,id:asc", hits), "adbce");
  std::vector<Hit> first = hits;
  sort_hits(first, parse_sort_by("price:asc"), *catalogue.view(), 2);
  EXPECT_EQ(first, (std::vector<Hit>{hits[1], hits[4]}));
}

TEST(Sort, RefusesWhatItCannotRead) {
  for (const std::string bad :
       {"price", "price:up", ":asc", "price:asc,", "a:asc,b:asc,c:asc,d:asc", "category:asc", "description:asc"}) {
    EXPECT_THROW(parse_sort_by(bad), Error) << bad;
  }
  LiveCatalogue catalogue;
  std::vector<Hit> none;
  EXPECT_THROW(sort_hits(none, parse_sort_by("prise:asc"), *catalogue.view()), Error);
  Random random(3, "test.sort.noise");
  const std::string signs = "price:asc,desc _";
  for (int n = 0; n < 5000; ++n) {
    std::string noise;
    for (uint64_t k = random.below(16); k > 0; --k) noise += signs[random.below(signs.size())];
    try {
      parse_sort_by(noise);
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::data);
    }
  }
}

}  // namespace
}  // namespace tessera::live
