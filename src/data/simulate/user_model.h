#pragma once

#include <cmath>
#include <string>
#include <vector>

#include "data/simulate/item_model.h"

namespace tessera::shop {

/// The logistic utility model. All of it is written to truth.json.
///     U = intercept + taste * t + quality * q + loyalty * [favourite brand] - price * max(0, p - budget)
///         + leaf * [leaf needed] + group * [only the group needed] + sum of wish over wishes met - seen, bought
///     P(click | looked at) = s(U), P(cart | click) = s(cart + cart_slope * U), P(order | cart) = s(order + order_slope
///     * U)
struct UtilityModel {
  double intercept = -4.2;
  double taste = 0.9;  ///< t: inner product of the user's and the item's taste vectors / sqrt(16), about N(0, 1)
  double quality = 0.35;
  double loyalty = 0.9;
  double price = 1.2;  ///< p: log price against the leaf's usual one; budget on the same scale
  double leaf = 2.3;
  double group = 0.6;
  double wish = 1.0;        ///< a wished value met
  double wish_brand = 1.7;  ///< a wished brand or series met
  double seen = 3.0;        ///< clicked before
  double bought = 3.0;      ///< ordered before, on top
  double cart = -0.8, cart_slope = 0.5;
  double order = 0.2, order_slope = 0.4;
};

/// What a user is after in one session.
struct Need {
  enum class Kind { fresh, again, complement, brand } kind = Kind::fresh;
  int leaf = 0;
  std::vector<int> wishes;  ///< values
};
const char* to_string(Need::Kind kind);

/// How needs follow from what happened before.
struct NeedModel {
  double complement = 0.6;  ///< after a cart or order: something that goes with it
  double again = 0.45;      ///< after a click: the same leaf again
  double brand = 0.15;      ///< after a click: another leaf of the group, same brand
  double keep_brand = 0.75, keep_series = 0.6, keep_style = 0.35, keep_colour = 0.3;  ///< wishes taken over
  double fresh_wishes = 1.2;  ///< mean number of wishes of a fresh need
};

/// A user's fixed traits.
struct User {
  TasteVector home{};            ///< taste on the first day
  double budget = 0;             ///< log of what is paid without pain against the usual price
  double rate = 1;               ///< sessions over the whole period
  std::vector<int> favourites;   ///< brands (positions)
  std::vector<int> departments;  ///< those that the user shops in most
};

/// What a user carries from session to session.
struct UserState {
  TasteVector taste{};
  int64_t day = 0;
  int32_t last_click = -1;   ///< item
  int32_t last_bought = -1;  ///< item in cart or order of the last session with a click
  std::vector<int32_t> clicked, bought;
};

/// Everything that is fixed while a shop is simulated.
struct World {
  const Lexicon& lexicon;
  const ShopItems& shop;
  const SimulateOptions& options;
  UtilityModel utility;
  NeedModel needs;
};

User make_user(const World& world, uint64_t number);

/// Lets the taste drift, day by day, up to `day`: an AR(1) process around nothing, with unit variance.
void drift_to(UserState& state, int64_t day, double correlation, Random& random);

/// Log-odds (up to a constant) that a fresh need is for each leaf.
std::vector<double> leaf_affinity(const World& world, const User& user, const TasteVector& taste);

/// Draws the next session's need.
/// @param affinity  leaf_affinity of the user as it is
Need draw_need(const World& world, const User& user, const UserState& state, const std::vector<double>& affinity,
               Random& random);

/// Utility apart from the need, as in UtilityModel.
double base_utility(const World& world, const User& user, const UserState& state, int32_t item);
/// What the need adds.
double need_utility(const World& world, const Need& need, int32_t item);

inline double sigmoid(double x) {
  return 1 / (1 + std::exp(-x));
}

/// A query as typed, and what the search engine makes of it.
struct Query {
  enum class Scope { leaf, group, department, brand } scope = Scope::leaf;
  std::string text;
  int target = 0;               ///< leaf, group, department or brand, by scope
  std::vector<int> understood;  ///< values that the engine recognised
  bool misspelt = false;
};
Query write_query(const World& world, const Need& need, Random& random);

}  // namespace tessera::shop
