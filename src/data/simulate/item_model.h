#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "base/random.h"
#include "data/catalogue.h"
#include "data/simulate/lexicon.h"
#include "data/simulate/simulate.h"

namespace tessera::shop {

inline constexpr int kTasteDim = 16;
using TasteVector = std::array<float, kTasteDim>;
inline constexpr int64_t kFirstDay = 1767225600;  ///< 2026-01-01T00:00:00Z
inline constexpr int64_t kDay = 86400;

/// Draws an index in proportion to weights, in logarithmic time.
class Cumulative {
 public:
  Cumulative() = default;
  explicit Cumulative(std::span<const double> weights);
  size_t draw(Random& random) const;
  size_t size() const { return sums_.size(); }

 private:
  std::vector<double> sums_;
};

/// One item as the model sees it.
struct ShopItem {
  int leaf = 0;
  int brand = 0;                                ///< position in Lexicon::brands
  std::array<int16_t, kNumAttributes> value{};  ///< number of its value by class
  double price = 0;                             ///< as shown, in the language's currency
  float relative_price = 0;                     ///< log(price / usual price of the leaf)
  float quality = 0;                            ///< about N(0, 1), tied to popularity
  float popularity = 0;                         ///< standardised log of the base popularity
  int64_t created_at = 0;
  TasteVector taste{};  ///< what its attributes mean to a taste; components about N(0, 1)
};

/// The items and how to find them. Lists ascend by created_at, so that a prefix is what is on sale at a time.
struct ShopItems {
  std::vector<ShopItem> items;
  std::vector<double> popularity;  ///< base popularity by item; sums to 1
  std::vector<std::vector<int32_t>> by_leaf, by_group, by_department, by_brand;
  std::vector<int32_t> by_time;
  std::vector<TasteVector> value_taste, leaf_taste;  ///< by value and leaf
  std::vector<std::vector<double>> value_weight;     ///< [leaf][value]: how usual; 0 where impossible
  Cumulative popular;                                ///< draws items by base popularity

  const ShopItem& operator[](int32_t item) const { return items[static_cast<size_t>(item)]; }
  bool has(int32_t item, int value) const;
  /// The part of a list that is on sale at `time`.
  std::span<const int32_t> on_sale(const std::vector<int32_t>& list, int64_t time) const;
};

ShopItems make_items(const Lexicon& lexicon, const SimulateOptions& options);

/// Title, description, brand, categories, price and attributes in the shop's language.
Item describe_item(const Lexicon& lexicon, const ShopItem& item, int32_t number, uint64_t seed);

}  // namespace tessera::shop
