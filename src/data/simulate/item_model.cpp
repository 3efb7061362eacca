#include "data/simulate/item_model.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/error.h"
#include "base/parallel.h"

namespace tessera::shop {
namespace {

constexpr double kYuanPerDollar = 7.0;
constexpr std::array<double, 4> kBandFactor = {0.6, 1.0, 1.6, 2.6};

/// How much each class says about taste.
constexpr std::array<float, kNumAttributes> kTasteWeight = {1.2F, 0.8F, 1.1F, 0.2F, 1.3F, 0.4F, 1.4F, 0.6F, 0.6F,
                                                            0.4F, 0.5F, 0.8F, 0.6F, 0.4F, 0.3F, 0.1F, 0.1F, 0.6F};

TasteVector normal_vector(Random random) {
  TasteVector vector;
  for (float& x : vector) x = static_cast<float>(random.normal());
  return vector;
}

/// Zipf over items: a seeded order of the items is the order of their popularity.
std::vector<double> zipf_popularity(int64_t count, double exponent, uint64_t seed) {
  std::vector<size_t> order(static_cast<size_t>(count));
  std::iota(order.begin(), order.end(), size_t{0});
  Random random(seed, "shop.popularity");
  random.shuffle(std::span(order));
  std::vector<double> popularity(order.size());
  double sum = 0;
  for (size_t rank = 0; rank < order.size(); ++rank) {
    sum += popularity[order[rank]] = std::pow(static_cast<double>(rank + 1), -exponent);
  }
  for (double& p : popularity) p /= sum;
  return popularity;
}

/// What a leaf usually sells: each possible value gets a log-normal weight; brands also fall with their rank.
void weigh_values(const Lexicon& lexicon, uint64_t seed, ShopItems& shop) {
  shop.value_weight.assign(lexicon.leaves.size(), std::vector<double>(lexicon.values.size()));
  for (size_t l = 0; l < lexicon.leaves.size(); ++l) {
    Random random(seed, "shop.leaf", l);
    for (const auto& values : lexicon.leaves[l].values) {
      for (const int v : values) {
        const std::string& name = lexicon.values[static_cast<size_t>(v)].english;
        const double usual = name == "single" ? 15 : name == "plain" ? 3 : 1;
        shop.value_weight[l][static_cast<size_t>(v)] = usual * std::exp(0.9 * random.normal());
      }
    }
    const auto& brands = lexicon.department_brands[static_cast<size_t>(lexicon.leaves[l].department)];
    for (size_t rank = 0; rank < brands.size(); ++rank) {
      const auto value = static_cast<size_t>(lexicon.brands[static_cast<size_t>(brands[rank])].value);
      // Not every brand of a department makes everything.
      const double weight = std::pow(static_cast<double>(rank + 2), -0.6) * std::exp(0.6 * random.normal());
      if (random.chance(0.6) || rank < 3) shop.value_weight[l][value] = weight;
    }
  }
}

int draw_value(const std::vector<int>& values, const std::vector<double>& weight, Random& random) {
  std::array<double, 64> weights{};
  TESSERA_CHECK(!values.empty() && values.size() <= weights.size(), internal, "shop: a class has {} values",
                values.size());
  for (size_t i = 0; i < values.size(); ++i) weights[i] = weight[static_cast<size_t>(values[i])];
  return values[random.weighted(std::span(weights).first(values.size()))];
}

double round_price(double dollars, bool yuan, Random& random) {
  if (yuan) {
    const double price = std::max(5.0, std::round(dollars * kYuanPerDollar));
    return price < 20 ? price - 0.1 : std::floor(price / 10) * 10 + (random.chance(0.7) ? 9 : 8);
  }
  constexpr std::array<double, 4> kEndings = {0.99, 0.95, 0.5, 0.0};
  return std::max(1.0, std::floor(dollars)) + kEndings[random.below(kEndings.size())];
}

/// A series has a look: a style and a colour that most of its items share.
int series_look(const std::vector<int>& values, int brand, int series, uint64_t seed) {
  const uint64_t pair = static_cast<uint64_t>(brand) * 1000 + static_cast<uint64_t>(series);
  return values[Random(seed, "shop.series", pair).below(values.size())];
}

class ItemMaker {
 public:
  ItemMaker(const Lexicon& lexicon, const SimulateOptions& options, ShopItems& shop)
      : lexicon_(lexicon), options_(options), seed_(static_cast<uint64_t>(options.seed)), shop_(shop) {
    for (size_t l = 0; l < lexicon.leaves.size(); ++l) {
      leaf_weights_.push_back(std::exp(0.35 * Random(seed_, "shop.leaf.size", l).normal()));
      std::vector<double> weights;
      for (const int b : lexicon.department_brands[static_cast<size_t>(lexicon.leaves[l].department)]) {
        weights.push_back(shop.value_weight[l][static_cast<size_t>(lexicon.brands[static_cast<size_t>(b)].value)]);
      }
      brand_weights_.push_back(std::move(weights));
    }
  }

  void make(size_t number) {
    Random random(seed_, "shop.item", number);
    ShopItem& item = shop_.items[number];
    item.leaf = static_cast<int>(random.weighted(leaf_weights_));
    draw_attributes(item, random);
    const Leaf& leaf = lexicon_.leaves[static_cast<size_t>(item.leaf)];
    const auto& bands = leaf.values[kPriceBand];
    const auto band = std::find(bands.begin(), bands.end(), item.value[kPriceBand]) - bands.begin();
    const double level = lexicon_.brands[static_cast<size_t>(item.brand)].level;
    const double dollars =
        leaf.price * kBandFactor[static_cast<size_t>(band)] * std::exp(0.5 * level + 0.12 * random.normal());
    item.price = round_price(dollars, lexicon_.chinese, random);
    item.relative_price = static_cast<float>(std::log(dollars / leaf.price));
    item.created_at = arrival(random);
    item.taste = taste_of(item);
    item.quality = static_cast<float>(random.normal());
  }

 private:
  void draw_attributes(ShopItem& item, Random& random) {
    const auto l = static_cast<size_t>(item.leaf);
    const Leaf& leaf = lexicon_.leaves[l];
    const auto& brands = lexicon_.department_brands[static_cast<size_t>(leaf.department)];
    item.brand = brands[random.weighted(brand_weights_[l])];
    const Brand& brand = lexicon_.brands[static_cast<size_t>(item.brand)];
    const int series = brand.series[random.below(brand.series.size())];
    for (size_t a = 0; a < kNumAttributes; ++a) {
      if (a == kBrand || a == kSeries || a == kPriceBand) continue;
      const auto& values = leaf.values[a];
      const bool by_series = (a == kStyle && random.chance(0.7)) || (a == kColour && random.chance(0.4));
      item.value[a] = static_cast<int16_t>(by_series ? series_look(values, item.brand, series, seed_)
                                                     : draw_value(values, shop_.value_weight[l], random));
    }
    item.value[kBrand] = static_cast<int16_t>(brand.value);
    item.value[kSeries] = static_cast<int16_t>(series);
    // Dear brands sell in dear bands: thresholds on the brand's level plus noise.
    const double level = brand.level / 0.35 * 0.7 + 0.7 * random.normal();
    const size_t band = level < -0.7 ? 0 : level < 0.5 ? 1 : level < 1.4 ? 2 : 3;
    item.value[kPriceBand] = static_cast<int16_t>(leaf.values[kPriceBand][band]);
  }

  int64_t arrival(Random& random) const {
    if (random.chance(options_.initial_share)) {
      return kFirstDay - static_cast<int64_t>(random.below(365)) * kDay - static_cast<int64_t>(random.below(kDay));
    }
    return kFirstDay + static_cast<int64_t>(random.below(static_cast<uint64_t>(options_.days * kDay)));
  }

  TasteVector taste_of(const ShopItem& item) const {
    TasteVector sum{};
    float norm = 0;
    for (size_t a = 0; a < kNumAttributes; ++a) {
      const TasteVector& taste = shop_.value_taste[static_cast<size_t>(item.value[a])];
      norm += kTasteWeight[a] * kTasteWeight[a];
      for (size_t d = 0; d < kTasteDim; ++d) sum[d] += kTasteWeight[a] * taste[d];
    }
    for (float& x : sum) x /= std::sqrt(norm);
    return sum;
  }

  const Lexicon& lexicon_;
  const SimulateOptions& options_;
  uint64_t seed_;
  ShopItems& shop_;
  std::vector<double> leaf_weights_;
  std::vector<std::vector<double>> brand_weights_;  // by leaf, as department_brands
};

/// Standardises log popularity and ties quality to it.
void rate_items(ShopItems& shop) {
  double mean = 0, square = 0;
  for (const double p : shop.popularity) {
    mean += std::log(p);
    square += std::log(p) * std::log(p);
  }
  const auto count = static_cast<double>(shop.popularity.size());
  mean /= count;
  const double deviation = std::sqrt(std::max(1e-12, square / count - mean * mean));
  for (size_t i = 0; i < shop.items.size(); ++i) {
    ShopItem& item = shop.items[i];
    item.popularity = static_cast<float>((std::log(shop.popularity[i]) - mean) / deviation);
    item.quality = 0.5F * item.popularity + 0.85F * item.quality;
  }
}

void list_items(const Lexicon& lexicon, ShopItems& shop) {
  shop.by_time.resize(shop.items.size());
  std::iota(shop.by_time.begin(), shop.by_time.end(), 0);
  std::stable_sort(shop.by_time.begin(), shop.by_time.end(),
                   [&](int32_t a, int32_t b) { return shop[a].created_at < shop[b].created_at; });
  shop.by_leaf.resize(lexicon.leaves.size());
  shop.by_group.resize(lexicon.groups.size());
  shop.by_department.resize(lexicon.departments.size());
  shop.by_brand.resize(lexicon.brands.size());
  for (const int32_t i : shop.by_time) {
    const Leaf& leaf = lexicon.leaves[static_cast<size_t>(shop[i].leaf)];
    shop.by_leaf[static_cast<size_t>(shop[i].leaf)].push_back(i);
    shop.by_group[static_cast<size_t>(leaf.group)].push_back(i);
    shop.by_department[static_cast<size_t>(leaf.department)].push_back(i);
    shop.by_brand[static_cast<size_t>(shop[i].brand)].push_back(i);
  }
}

}  // namespace

Cumulative::Cumulative(std::span<const double> weights) : sums_(weights.begin(), weights.end()) {
  std::partial_sum(sums_.begin(), sums_.end(), sums_.begin());
}

size_t Cumulative::draw(Random& random) const {
  const double x = random.uniform() * sums_.back();
  const auto it = std::upper_bound(sums_.begin(), sums_.end(), x);
  return std::min(static_cast<size_t>(it - sums_.begin()), sums_.size() - 1);
}

bool ShopItems::has(int32_t item, int value) const {
  const auto& values = (*this)[item].value;
  return std::find(values.begin(), values.end(), static_cast<int16_t>(value)) != values.end();
}

std::span<const int32_t> ShopItems::on_sale(const std::vector<int32_t>& list, int64_t time) const {
  const auto end =
      std::upper_bound(list.begin(), list.end(), time, [&](int64_t t, int32_t i) { return t < (*this)[i].created_at; });
  return {list.data(), static_cast<size_t>(end - list.begin())};
}

ShopItems make_items(const Lexicon& lexicon, const SimulateOptions& options) {
  const auto seed = static_cast<uint64_t>(options.seed);
  ShopItems shop;
  for (size_t v = 0; v < lexicon.values.size(); ++v) shop.value_taste.push_back(normal_vector({seed, "shop.value", v}));
  for (size_t l = 0; l < lexicon.leaves.size(); ++l)
    shop.leaf_taste.push_back(normal_vector({seed, "shop.leaf.taste", l}));
  weigh_values(lexicon, seed, shop);
  shop.popularity = zipf_popularity(options.items, options.zipf, seed);
  shop.popular = Cumulative(shop.popularity);
  shop.items.resize(static_cast<size_t>(options.items));
  ItemMaker maker(lexicon, options, shop);
  parallel_for(options.items, 256, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) maker.make(static_cast<size_t>(i));
  });
  rate_items(shop);
  list_items(lexicon, shop);
  return shop;
}

}  // namespace tessera::shop
