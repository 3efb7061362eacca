#pragma once

#include <cstdint>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/ids.h"
#include "base/matrix.h"
#include "data/catalogue.h"
#include "methods/item_features.h"

namespace tessera {

/// Which items resemble an item by their text, brand, categories and attributes: cosine of TF-IDF rows over inverted
/// lists. Immutable; concurrent reads are safe. About 250 bytes an item.
class ContentIndex {
 public:
  /// @param items  borrowed while it is made
  explicit ContentIndex(const Catalogue& items, ItemFeatureWeights weights = {});

  /// The k most similar items, best first, with cosines in (0, 1]. Items that share no feature are not there.
  /// @param except  an item that is left out, e.g. the old self of a changed one; -1: none
  std::vector<std::pair<ItemId, float>> nearest(const Item& item, int64_t k, ItemId except = ItemId{-1}) const;

 private:
  struct Posting {
    int32_t item;
    float value;  ///< of the unit-length row
  };
  struct List {
    uint32_t begin, end;
    float idf;
  };
  ItemFeatureWeights weights_;
  int64_t num_items_ = 0;
  std::unordered_map<uint64_t, List> lists_;
  std::vector<Posting> postings_;
};

/// A vector for an item that the embedder never saw, whatever the embedder was: the mean of its `neighbours` nearest
/// items by content, each weighted by the square of its similarity. An item that resembles none gets the mean of all.
/// So a new item stands among those that it is like, also where the vectors speak of behaviour, of which it has none.
/// @param vectors  [num_items, dim] of the items of the index
std::vector<float> vector_by_content(const ContentIndex& index, const Matrix& vectors, const Item& item,
                                     int64_t neighbours = 12, ItemId except = ItemId{-1});

}  // namespace tessera
