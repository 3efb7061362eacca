#pragma once

#include <string>
#include <vector>

#include "base/random.h"
#include "data/catalogue.h"

namespace tessera::live {

/// A random item whose fields have few values, in several spellings and scripts, and are often missing.
inline Item random_item(std::string id, Random& random) {
  const auto pick = [&](const std::vector<std::string>& from) { return from[random.below(from.size())]; };
  Item item;
  item.id = std::move(id);
  static const std::vector<std::string> kBrands = {
      "Nike", "NIKE", "Adidas", "Apple, Inc.", "New Balance", " Balance ", "Straße", "STRASSE", "", "资生堂"};
  static const std::vector<std::string> kWords = {"red", "Shoe",  "e.g.",  "don't", "don’t", "3.5",
                                                  "mp3", "(new)", "Crème", "naïve", "資生",  "run/fast",
                                                  "a_b", "U.S.A", "10,5",  "the"};
  item.brand = pick(kBrands);
  for (uint64_t n = random.below(5); n > 0; --n) item.title += pick(kWords) + (random.chance(0.8) ? " " : "-");
  for (uint64_t n = random.below(9); n > 0; --n) item.description += pick(kWords) + " ";
  static const std::vector<std::string> kLevels = {"Beauty", "beauty", "Nails", "Red Nails", "A > B", "Home"};
  for (uint64_t n = random.below(3); n > 0; --n) {
    auto& path = item.categories.emplace_back();
    for (uint64_t levels = 1 + random.below(3); levels > 0; --levels) path.push_back(pick(kLevels));
  }
  if (random.chance(0.8)) item.price = static_cast<double>(random.below(40)) / 4;
  static const std::vector<std::string> kColours = {"red", "Red", "red, blue", "blue", "green, red", "dark red"};
  static const std::vector<std::string> kSizes = {"10", "10.0", "9", "-3", "1e1", "M", "8, 10", "10 cm"};
  if (random.chance(0.6)) item.attributes["colour"] = pick(kColours);
  if (random.chance(0.5)) item.attributes["size"] = pick(kSizes);
  item.available = random.chance(0.7);
  if (random.chance(0.7)) item.created_at = 1'700'000'000 + static_cast<int64_t>(random.below(20)) * 86400;
  return item;
}

}  // namespace tessera::live
