#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "base/options.h"
#include "data/catalogue.h"

namespace tessera {

/// What counts how much in an item's text; 0 leaves a field out.
struct ItemFeatureWeights {
  double title = 1.0, description = 0.5, brand = 1.0, categories = 1.0, attributes = 0.5;
  template <class F>
  void fields(F& f) {
    f("title", title, "weight of the title's words; 0 leaves a field out", range(0, 100));
    f("description", description, "weight of the description's words", range(0, 100));
    f("brand", brand, "weight of the brand and its words", range(0, 100));
    f("categories", categories, "weight of category paths and their words", range(0, 100));
    f("attributes", attributes, "weight of attribute values and their words", range(0, 100));
  }
};

/// A feature of an item (a 64-bit hash of its name) and its weighted count.
using ItemFeature = std::pair<uint64_t, float>;

/// The words of an item, its brand, every prefix of its category paths and every attribute value, as features.
/// @return ascending, each feature once
std::vector<ItemFeature> item_features(const Item& item, const ItemFeatureWeights& weights);

}  // namespace tessera
