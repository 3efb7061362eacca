#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/matrix.h"
#include "base/options.h"
#include "base/progress.h"
#include "data/dataset.h"

namespace tessera {

/// How large a shop, how long, and what it speaks. docs/simulated-shop.md describes the model.
struct SimulateOptions {
  int64_t items = 20000;
  int64_t users = 10000;
  int64_t days = 60;
  int64_t seed = 42;
  std::string language = "en";
  double sessions_per_user = 10;  ///< mean over the whole period
  double zipf = 0.8;              ///< exponent of the base popularity
  double initial_share = 0.7;     ///< items that are there on the first day
  double position_bias = 0.6;     ///< eta: place r (from 1) is looked at with probability r^-eta
  double drift = 0.99;            ///< correlation of a user's taste with that of the day before
  int64_t ceiling_users = 1000;   ///< users that the ceiling is measured on
  bool pictures = true;
  int64_t picture_size = 32;  ///< pixels on a side; the pixel vector is 8 x 8 x RGB for any size

  template <class F>
  void fields(F& f) {
    f("items", items, "items in the catalogue", range(100, 5'000'000));
    f("users", users, "users", range(1, 50'000'000));
    f("days", days, "days that the log covers", range(1, 3650));
    f("seed", seed, "same seed and options, same shop, for any number of threads", at_least(0));
    f("language", language, "language of titles, descriptions and queries", one_of({"en", "zh"}));
    f("sessions_per_user", sessions_per_user, "mean number of sessions of a user over all days", range(1, 1000));
    f("zipf", zipf, "exponent of the items' base popularity", range(0, 3));
    f("initial_share", initial_share, "share of the items that exist on the first day", range(0.05, 1));
    f("position_bias", position_bias, "eta: the r-th result is looked at with probability r^-eta", range(0, 4));
    f("drift", drift, "correlation of a user's taste with that of the day before (1: tastes never change)",
      range(0, 1));
    f("ceiling_users", ceiling_users, "users that the best possible ranking is measured on", at_least(0));
    f("pictures", pictures, "draw a PNG for every item");
    f("picture_size", picture_size, "pixels on a side of a picture", range(8, 256));
  }
};

/// How well one way of ranking finds a user's last click among all items on sale at that time.
struct Ceiling {
  std::string name;        ///< need, taste, state, popular
  std::string definition;  ///< what the ranker knows
  double hr10 = 0, ndcg10 = 0;
};

/// A shop that never was, with everything that a real one does not tell.
struct SimulatedShop {
  Dataset data;
  Matrix pixels;                      ///< [num_items, 192] in [0, 1]: 8 x 8 cells x RGB, row by row
  std::vector<std::string> pictures;  ///< PNG bytes by item; empty: none. Item::image names the file
  std::vector<Ceiling> ceilings;
  std::vector<double> popularity;  ///< base popularity by item; sums to 1
  std::string truth;               ///< JSON text: parameters of the model, tastes, ceilings
};

/// Makes a shop. Deterministic for the options, for any number of threads.
/// @throws Error(config) for options out of range
SimulatedShop simulate_shop(const SimulateOptions& options, Reporter& reporter);

/// Writes the dataset folder (see save_dataset) with images/<thousand>/<item>.png, vectors/pixels.npy and truth.json:
/// all of it appears, or nothing.
/// @throws Error(io)
void save_shop(SimulatedShop& shop, const std::filesystem::path& folder);

}  // namespace tessera
