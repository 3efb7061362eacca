#include "data/simulate/user_model.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace tessera::shop {
namespace {

constexpr std::array<Attribute, 9> kWishClasses = {kColour,  kMaterial, kStyle,    kFunction, kScene,
                                                   kPattern, kFeature,  kAudience, kBrand};

double dot(const TasteVector& a, const TasteVector& b) {
  float sum = 0;
  for (size_t d = 0; d < kTasteDim; ++d) sum += a[d] * b[d];
  return sum / std::sqrt(static_cast<float>(kTasteDim));
}

bool contains(const std::vector<int32_t>& list, int32_t x) {
  return std::find(list.begin(), list.end(), x) != list.end();
}

void add_wish(const World& world, Need& need, int value) {
  const double weight = world.shop.value_weight[static_cast<size_t>(need.leaf)][static_cast<size_t>(value)];
  const bool series = world.lexicon.values[static_cast<size_t>(value)].attribute == kSeries;
  if (weight <= 0 && !series) return;  // the leaf does not have it
  if (std::find(need.wishes.begin(), need.wishes.end(), value) == need.wishes.end()) need.wishes.push_back(value);
}

/// Wishes for more of what an item was.
void follow_item(const World& world, const ShopItem& item, Need& need, Random& random) {
  const NeedModel& model = world.needs;
  if (random.chance(model.keep_brand)) {
    add_wish(world, need, item.value[kBrand]);
    const bool has_brand = !need.wishes.empty();
    if (has_brand && random.chance(model.keep_series)) add_wish(world, need, item.value[kSeries]);
  }
  if (random.chance(model.keep_style)) add_wish(world, need, item.value[kStyle]);
  if (random.chance(model.keep_colour)) add_wish(world, need, item.value[kColour]);
}

/// A wish of a class, by how usual the value is in the leaf and by the user's taste.
int wished_value(const World& world, const User& user, const UserState& state, const Need& need, Attribute attribute,
                 Random& random) {
  std::vector<int> values = world.lexicon.leaves[static_cast<size_t>(need.leaf)].values[attribute];
  if (attribute == kBrand) {
    for (const int b : user.favourites) values.push_back(world.lexicon.brands[static_cast<size_t>(b)].value);
  }
  std::vector<double> weights;
  for (const int v : values) {
    const auto value = static_cast<size_t>(v);
    const double usual = world.shop.value_weight[static_cast<size_t>(need.leaf)][value];
    weights.push_back(usual * std::exp(1.5 * dot(state.taste, world.shop.value_taste[value])));
  }
  double sum = 0;
  for (const double w : weights) sum += w;
  return sum > 0 ? values[random.weighted(weights)] : -1;
}

Need fresh_need(const World& world, const User& user, const UserState& state, const std::vector<double>& affinity,
                Random& random) {
  Need need;
  need.leaf = static_cast<int>(random.weighted(affinity));
  const double mean = world.needs.fresh_wishes;
  int count = 0;
  for (double left = random.exponential(); left < mean && count < 3; left += random.exponential()) ++count;
  for (int w = 0; w < count; ++w) {
    const Attribute attribute = kWishClasses[random.below(kWishClasses.size())];
    const int value = wished_value(world, user, state, need, attribute, random);
    const bool taken = std::any_of(need.wishes.begin(), need.wishes.end(), [&](int v) {
      return world.lexicon.values[static_cast<size_t>(v)].attribute == attribute;
    });
    if (value >= 0 && !taken) add_wish(world, need, value);
  }
  return need;
}

}  // namespace

const char* to_string(Need::Kind kind) {
  constexpr std::array<const char*, 4> kNames = {"fresh", "again", "complement", "brand"};
  return kNames[static_cast<size_t>(kind)];
}

User make_user(const World& world, uint64_t number) {
  Random random(static_cast<uint64_t>(world.options.seed), "shop.user", number);
  User user;
  for (float& x : user.home) x = static_cast<float>(random.normal());
  user.budget = 0.15 + 0.4 * random.normal();
  // Gamma(2): most users come a few times, some very often.
  user.rate = world.options.sessions_per_user * 0.5 * (random.exponential() + random.exponential());
  const auto& departments = world.lexicon.department_brands;
  for (int i = 0; i < 2; ++i) {
    const size_t department = random.below(departments.size());
    user.departments.push_back(static_cast<int>(department));
    const auto& brands = departments[department];
    // The better known a brand, the more friends it has.
    const double u = random.uniform();
    for (int j = 0; j < 2; ++j) {
      const double v = j == 0 ? u * u : random.uniform();
      user.favourites.push_back(brands[static_cast<size_t>(v * static_cast<double>(brands.size()))]);
    }
  }
  return user;
}

void drift_to(UserState& state, int64_t day, double correlation, Random& random) {
  if (day <= state.day) return;
  const double kept = std::pow(correlation, static_cast<double>(day - state.day));
  const double fresh = std::sqrt(1 - kept * kept);
  for (float& x : state.taste) x = static_cast<float>(kept * x + fresh * random.normal());
  state.day = day;
}

std::vector<double> leaf_affinity(const World& world, const User& user, const TasteVector& taste) {
  std::vector<double> affinity(world.lexicon.leaves.size());
  for (size_t l = 0; l < affinity.size(); ++l) {
    const int department = world.lexicon.leaves[l].department;
    const auto liked = std::count(user.departments.begin(), user.departments.end(), department);
    affinity[l] =
        std::exp(1.1 * dot(taste, world.shop.leaf_taste[l]) + 1.8 * static_cast<double>(std::min<int64_t>(liked, 1)));
  }
  return affinity;
}

Need draw_need(const World& world, const User& user, const UserState& state, const std::vector<double>& affinity,
               Random& random) {
  const NeedModel& model = world.needs;
  const double u = random.uniform();
  Need need;
  if (state.last_bought >= 0 && u < model.complement) {
    const ShopItem& item = world.shop[state.last_bought];
    const auto& complements = world.lexicon.leaves[static_cast<size_t>(item.leaf)].complements;
    need.kind = Need::Kind::complement;
    need.leaf = complements[random.chance(0.7) ? 0 : random.below(complements.size())];
    follow_item(world, item, need, random);
    return need;
  }
  if (state.last_click >= 0 && state.last_bought < 0 && u < model.again + model.brand) {
    const ShopItem& item = world.shop[state.last_click];
    need.kind = u < model.again ? Need::Kind::again : Need::Kind::brand;
    need.leaf = item.leaf;
    if (need.kind == Need::Kind::brand) {
      const int group = world.lexicon.leaves[static_cast<size_t>(item.leaf)].group;
      const auto place = static_cast<uint64_t>(item.leaf % kLeavesPerGroup);
      need.leaf =
          group * kLeavesPerGroup + static_cast<int>((place + 1 + random.below(kLeavesPerGroup - 1)) % kLeavesPerGroup);
      add_wish(world, need, item.value[kBrand]);
      if (!need.wishes.empty() && random.chance(model.keep_series)) add_wish(world, need, item.value[kSeries]);
    } else {
      follow_item(world, item, need, random);
    }
    return need;
  }
  return fresh_need(world, user, state, affinity, random);
}

double base_utility(const World& world, const User& user, const UserState& state, int32_t number) {
  const UtilityModel& m = world.utility;
  const ShopItem& item = world.shop[number];
  double u = m.intercept + m.taste * dot(state.taste, item.taste) + m.quality * item.quality -
             m.price * std::max(0.0, item.relative_price - user.budget);
  if (std::find(user.favourites.begin(), user.favourites.end(), item.brand) != user.favourites.end()) u += m.loyalty;
  if (contains(state.clicked, number)) u -= m.seen;
  if (contains(state.bought, number)) u -= m.bought;
  return u;
}

double need_utility(const World& world, const Need& need, int32_t number) {
  const UtilityModel& m = world.utility;
  const ShopItem& item = world.shop[number];
  if (item.leaf != need.leaf) {
    const auto& leaves = world.lexicon.leaves;
    const bool sibling = leaves[static_cast<size_t>(item.leaf)].group == leaves[static_cast<size_t>(need.leaf)].group;
    return sibling ? m.group : 0;
  }
  double u = m.leaf;
  for (const int wish : need.wishes) {
    const int attribute = world.lexicon.values[static_cast<size_t>(wish)].attribute;
    if (item.value[static_cast<size_t>(attribute)] != wish) continue;
    u += attribute == kBrand || attribute == kSeries ? m.wish_brand : m.wish;
  }
  return u;
}

}  // namespace tessera::shop
