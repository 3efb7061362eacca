#include "live/facets.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "base/error.h"
#include "live/shop.h"

namespace tessera::live {
namespace {

Item product(std::string id, std::string brand, double price, std::string colour = "",
             std::vector<std::vector<std::string>> categories = {}) {
  Item item;
  item.id = std::move(id);
  item.brand = std::move(brand);
  item.price = price;
  if (!colour.empty()) item.attributes["colour"] = std::move(colour);
  item.categories = std::move(categories);
  return item;
}

class Facets : public testing::Test {
 protected:
  Facets() {
    catalogue.apply({Change::put(product("1", "Nike", 10, "red, blue", {{"Shoes", "Run"}, {"Sale"}})),
                     Change::put(product("2", "NIKE", 20, "red", {{"Shoes", "Walk"}})),
                     Change::put(product("3", "Adidas", 30, "blue", {{"Shoes", "Run"}})),
                     Change::put(product("4", "Éclair", 50, "", {{"Shirts"}})),
                     Change::put(product("5", "", NAN, "green"))});
  }
  std::vector<FacetCounts> count(std::string_view by, std::string_view filter = "", const FacetOptions& options = {}) {
    const auto view = catalogue.view();
    return count_facets(*view, parse_facet_by(by), view->live(), Filter::parse(filter), options);
  }
  static std::string text(const FacetCounts& facet) {
    std::string result;
    for (const FacetValue& value : facet.counts) result += fmt::format("{}={} ", value.value, value.count);
    return result;
  }
  LiveCatalogue catalogue;
};

TEST_F(Facets, CountsEveryKindOfField) {
  const auto facets = count("brand,colour,category,category.lvl0,categories.lvl1,price,price(0..20,20..100),available");
  EXPECT_EQ(text(facets[0]), "Nike=2 Adidas=1 Éclair=1 ");
  EXPECT_EQ(text(facets[1]), "blue=2 red=2 green=1 ");
  EXPECT_EQ(text(facets[2]), "Shoes=3 Run=2 Sale=1 Shirts=1 Walk=1 ");
  EXPECT_EQ(text(facets[3]), "Shoes=3 Sale=1 Shirts=1 ");
  EXPECT_EQ(text(facets[4]), "Shoes > Run=2 Shoes > Walk=1 ");
  EXPECT_EQ(text(facets[5]), "10=1 20=1 30=1 50=1 ");
  EXPECT_EQ(text(facets[6]), "20..100=3 0..20=1 ");
  EXPECT_EQ(text(facets[7]), "true=5 ");
  EXPECT_EQ(facets[4].field_name, "categories.lvl1");
  const auto json = to_json(facets);
  EXPECT_EQ(json[5]["stats"],
            (nlohmann::json{{"min", 10.0}, {"max", 50.0}, {"avg", 27.5}, {"sum", 110.0}, {"total_values", 4}}));
  EXPECT_EQ(json[0]["stats"], (nlohmann::json{{"total_values", 3}}));
  EXPECT_EQ(json[0]["counts"][0], (nlohmann::json{{"value", "Nike"}, {"count", 2}, {"highlighted", "Nike"}}));
}

TEST_F(Facets, IgnoreTheirOwnConditionsOnly) {
  const auto own = count("brand,colour,price", "brand:=Nike && price:>=20");
  EXPECT_EQ(text(own[0]), "Adidas=1 Nike=1 Éclair=1 ");
  EXPECT_EQ(text(own[1]), "red=1 ");
  EXPECT_EQ(own[2].stats->min, 10);
  FacetOptions options;
  options.disjunctive = false;
  const auto whole = count("brand,colour,price", "brand:=Nike && price:>=20", options);
  EXPECT_EQ(text(whole[0]), "Nike=1 ");
  EXPECT_EQ(whole[2].stats->min, 20);
  EXPECT_EQ(text(count("category.lvl1", "category.lvl1:=`Shoes > Run` && brand:=Nike")[0]),
            "Shoes > Run=1 Shoes > Walk=1 ");
}

TEST_F(Facets, CutOrderAndSearchTheirValues) {
  FacetOptions options;
  options.max_values = 1;
  auto facets = count("brand,colour(sort_by:_alpha:desc),brand(sort_by:_alpha:asc)", "", options);
  EXPECT_EQ(text(facets[0]), "Nike=2 ");
  EXPECT_EQ(facets[0].total_values, 3);
  EXPECT_EQ(text(facets[1]), "red=2 ");
  EXPECT_EQ(text(facets[2]), "Adidas=1 ");
  options = {};
  options.query = "brand:éC";
  facets = count("brand,colour", "", options);
  EXPECT_EQ(text(facets[0]), "Éclair=1 ");
  EXPECT_EQ(facets[0].counts[0].highlighted, "<mark>Éc</mark>lair");
  EXPECT_EQ(facets[1].counts.size(), 3) << "the query is for one field";
  options.query = "category.lvl1:RU";
  facets = count("category.lvl1", "", options);
  EXPECT_EQ(facets[0].counts[0].highlighted, "Shoes > <mark>Ru</mark>n");
  options.query = "price:5";
  EXPECT_EQ(text(count("price", "", options)[0]), "50=1 ");
}

TEST_F(Facets, ReadRangesAndRefuseTheRest) {
  const auto fields = parse_facet_by("price(Cheap:[,10], Mid : [10, 50],50..) , brand");
  ASSERT_EQ(fields[0].ranges.size(), 3);
  EXPECT_EQ(fields[0].ranges[0].label, "Cheap");
  EXPECT_EQ(fields[0].ranges[1].high, 50);
  EXPECT_TRUE(std::isinf(fields[0].ranges[2].high));
  EXPECT_EQ(fields[1].name, "brand");
  EXPECT_TRUE(parse_facet_by(" ").empty());
  for (const std::string bad :
       {"title", "brand,", "price(", "price(1)", "price(5..1)", "price(a..b)", "brand(1..2)", "price([1,2])",
        "brand(sort_by:count)", "price(1..2", "price(x[1,2])", "price()", ",", "id", "description"}) {
    EXPECT_THROW(parse_facet_by(bad), Error) << bad;
  }
  EXPECT_THROW(count("colr"), Error);
  FacetOptions options;
  options.max_values = 1001;
  EXPECT_THROW(count("brand", "", options), Error);
  options = {};
  for (const std::string& bad :
       {std::string("brand"), std::string("price:1"), std::string(":x"), "brand:" + std::string(300, 'x')}) {
    options.query = bad;
    EXPECT_THROW(count("brand", "", options), Error) << bad;
  }
}

TEST_F(Facets, RandomTextIsReadOrRefused) {
  Random random(3, "test.facets.noise");
  const std::string signs = "price,brand()[]:..0123 sort_by_alpha";
  for (int n = 0; n < 20000; ++n) {
    std::string noise = random.chance(0.5) ? "price(" : "";
    for (uint64_t k = random.below(20); k > 0; --k) noise += signs[random.below(signs.size())];
    try {
      count(noise, "", {.query = random.chance(0.2) ? noise : ""});
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::data);
    }
  }
}

TEST(FacetsModel, EqualCountsByHandThroughChanges) {
  LiveCatalogue catalogue;
  Random random(11, "test.facets.model");
  for (int round = 0; round < 10; ++round) {
    std::vector<Change> changes;
    for (int n = 0; n < 300; ++n) {
      std::string id = "i" + std::to_string(random.below(2500));
      changes.push_back(random.chance(0.2) ? Change::erase(id) : Change::put(random_item(id, random)));
    }
    catalogue.apply(std::move(changes));
    const auto view = catalogue.view();
    ItemSet matches(view->size());
    std::map<std::string, int64_t> brands, levels;
    std::map<double, int64_t> prices;
    for (int32_t i = 0; i < view->size(); ++i) {
      if (!view->is_live(ItemId{i}) || random.chance(0.3)) continue;
      matches.add(ItemId{i});
      const Item& item = view->item(ItemId{i});
      if (item.available && !item.brand.empty()) ++brands[fold(item.brand)];
      if (item.available && !std::isnan(item.price)) ++prices[item.price];
      std::set<std::string> own;
      for (const auto& path : item.categories) {
        if (path.size() > 1) own.insert(fold(path[0] + " > " + path[1]));
      }
      for (const std::string& value : own) levels[value] += item.available ? 1 : 0;
    }
    std::erase_if(levels, [](const auto& value) { return value.second == 0; });
    FacetOptions all;
    all.max_values = 1000;
    const auto facets =
        count_facets(*view, parse_facet_by("brand,category.lvl1,price"), matches, Filter::parse("in_stock:true"), all);
    const auto expect = [](const FacetCounts& facet, const auto& wanted, auto&& key) {
      ASSERT_EQ(facet.counts.size(), wanted.size());
      ASSERT_EQ(facet.total_values, static_cast<int64_t>(wanted.size()));
      for (const FacetValue& value : facet.counts) ASSERT_EQ(value.count, wanted.at(key(value.value))) << value.value;
    };
    expect(facets[0], brands, [](const std::string& value) { return fold(value); });
    expect(facets[1], levels, [](const std::string& value) { return fold(value); });
    expect(facets[2], prices, [](const std::string& value) { return std::stod(value); });
  }
}

}  // namespace
}  // namespace tessera::live
