#pragma once

#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "data/catalogue.h"
#include "lexical/lexical_index.h"

namespace tessera::test {

inline Item shop_item(std::string id, std::string title, std::string brand = "", std::string description = "",
                      std::vector<std::string> path = {}, std::map<std::string, std::string> attributes = {}) {
  Item item;
  item.id = std::move(id);
  item.title = std::move(title);
  item.brand = std::move(brand);
  item.description = std::move(description);
  if (!path.empty()) item.categories.push_back(std::move(path));
  item.attributes = std::move(attributes);
  return item;
}

/// Ten items in English.
inline Catalogue small_shop() {
  Catalogue shop;
  shop.add(shop_item("0", "Red Nail Polish", "Lumo", "Quick drying.", {"Beauty", "Nails"}, {{"colour", "red"}}));
  shop.add(shop_item("1", "Nail Polish Remover", "Lumo", "Takes off every colour, also red.", {"Beauty", "Nails"}));
  shop.add(shop_item("2", "Running Shoes", "Velora", "Light shoes for men.", {"Sport", "Shoes"}, {{"colour", "blue"}}));
  shop.add(shop_item("3", "Red Running Shirt", "Velora", "For long runs.", {"Sport", "Shirts"}));
  shop.add(shop_item("4", "Caf\u00e9 Mug", "Nordo", "A mug that keeps coffee warm.", {"Home", "Kitchen"}));
  shop.add(shop_item("5", "Garden Chair", "Nordo", "Red or blue; for the garden.", {"Home", "Garden"}));
  shop.add(shop_item("6", "Wireless Headphones", "Sonar", "Noise cancelling headphones.", {"Audio"}));
  shop.add(shop_item("7", "Polish Dictionary", "Lexi", "Polish to English.", {"Books"}));
  shop.add(shop_item("8", "Running Watch", "Sonar", "Counts every run.", {"Sport", "Watches"}));
  shop.add(shop_item("9", "Kitchen Towel", "Nordo", "Cotton.", {"Home", "Kitchen"}, {{"material", "cotton"}}));
  return shop;
}

inline std::vector<int32_t> items_of(const LexicalResult& result) {
  std::vector<int32_t> items;
  for (const LexicalHit& hit : result.hits) items.push_back(index(hit.item));
  return items;
}

inline std::vector<int32_t> sorted(std::vector<int32_t> items) {
  std::sort(items.begin(), items.end());
  return items;
}

}  // namespace tessera::test
