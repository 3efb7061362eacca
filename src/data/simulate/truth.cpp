#include "data/simulate/truth.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <numeric>

namespace tessera::shop {
namespace {

using TruthJson = nlohmann::ordered_json;

constexpr int64_t kUsersDescribed = 20;

TruthJson utility_json(const UtilityModel& m) {
  return {{"formula",
           "U = intercept + taste*t + quality*q + loyalty*[favourite brand] - price*max(0, p - budget) + leaf*[leaf "
           "needed] + "
           "group*[only its group needed] + (wish or wish_brand)*[each wish met] - seen*[clicked before] - "
           "bought*[ordered before]"},
          {"click", "P(click | looked at) = 1/(1+exp(-U)), P(looked at) = (position+1)^-position_bias"},
          {"intercept", m.intercept},
          {"taste", m.taste},
          {"quality", m.quality},
          {"loyalty", m.loyalty},
          {"price", m.price},
          {"leaf", m.leaf},
          {"group", m.group},
          {"wish", m.wish},
          {"wish_brand", m.wish_brand},
          {"seen", m.seen},
          {"bought", m.bought},
          {"cart", {{"intercept", m.cart}, {"slope", m.cart_slope}}},
          {"order", {{"intercept", m.order}, {"slope", m.order_slope}}}};
}

TruthJson needs_json(const NeedModel& m) {
  return {{"complement_after_cart_or_order", m.complement},
          {"same_leaf_after_click", m.again},
          {"same_brand_other_leaf_after_click", m.brand},
          {"wish_taken_over",
           {{"brand", m.keep_brand}, {"series", m.keep_series}, {"style", m.keep_style}, {"colour", m.keep_colour}}},
          {"wishes_of_fresh_need", m.fresh_wishes}};
}

/// The names of the k largest.
template <class Name>
TruthJson best_names(const std::vector<double>& scores, size_t k, Name name) {
  std::vector<size_t> order(scores.size());
  std::iota(order.begin(), order.end(), size_t{0});
  k = std::min(k, order.size());
  std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(k), order.end(),
                    [&](size_t a, size_t b) { return scores[a] != scores[b] ? scores[a] > scores[b] : a < b; });
  TruthJson names = TruthJson::array();
  for (size_t i = 0; i < k; ++i) names.push_back(name(order[i]));
  return names;
}

TruthJson user_json(const World& world, uint64_t number) {
  const Lexicon& lexicon = world.lexicon;
  const User user = make_user(world, number);
  TruthJson brands = TruthJson::array();
  for (const int b : user.favourites) brands.push_back(lexicon.text(lexicon.brands[static_cast<size_t>(b)].value));
  TruthJson likes;
  for (const Attribute a : {kStyle, kColour, kMaterial, kPattern}) {
    std::vector<double> scores(lexicon.values.size(), -1e9);
    for (size_t v = 0; v < scores.size(); ++v) {
      if (lexicon.values[v].attribute != a) continue;
      const TasteVector& taste = world.shop.value_taste[v];
      scores[v] = std::inner_product(taste.begin(), taste.end(), user.home.begin(), 0.0);
    }
    likes[attribute_name(a)] = best_names(scores, 3, [&](size_t v) { return lexicon.values[v].text; });
  }
  return {{"user", number},
          {"budget", user.budget},
          {"sessions_expected", user.rate},
          {"favourite_brands", brands},
          {"favourite_leaves",
           best_names(leaf_affinity(world, user, user.home), 5, [&](size_t l) { return lexicon.leaves[l].plural; })},
          {"likes", likes}};
}

TruthJson log_json(const BehaviourLog& log) {
  std::vector<int64_t> counts(static_cast<size_t>(log.actions.size()));
  for (const uint8_t a : log.action) ++counts[a];
  TruthJson out;
  for (size_t a = 0; a < counts.size(); ++a) {
    if (counts[a] > 0) out[log.actions.name(static_cast<int32_t>(a))] = counts[a];
  }
  return out;
}

}  // namespace

std::string describe_truth(const World& world, const std::vector<Ceiling>& ceilings, int64_t num_cases,
                           const BehaviourLog& log) {
  TruthJson truth;
  truth["events"] = log_json(log);
  truth["utility"] = utility_json(world.utility);
  truth["position_bias"] = world.options.position_bias;
  truth["drift_per_day"] = world.options.drift;
  truth["needs"] = needs_json(world.needs);
  TruthJson rows = TruthJson::array();
  for (const Ceiling& c : ceilings) {
    rows.push_back({{"name", c.name}, {"hr@10", c.hr10}, {"ndcg@10", c.ndcg10}, {"definition", c.definition}});
  }
  truth["ceiling"] = {{"cases", num_cases},
                      {"answer", "the user's last click; candidates: all items on sale at that time"},
                      {"rankers", rows}};
  TruthJson users = TruthJson::array();
  for (int64_t u = 0; u < std::min(world.options.users, kUsersDescribed); ++u) {
    users.push_back(user_json(world, static_cast<uint64_t>(u)));
  }
  truth["users"] = users;
  return truth.dump(1);
}

}  // namespace tessera::shop
