#pragma once

#include <set>
#include <string>
#include <vector>

#include "base/random.h"
#include "data/dataset.h"
#include "data/split.h"
#include "methods/families.h"

namespace tessera {

/// Ten users, eight items, training histories of two to six items, some items twice: small enough for formulas to be
/// written out. The last two events of a user are validation and test.
struct ShortHistories {
  static constexpr int kItems = 8;
  static constexpr int kUsers = 10;

  Dataset data;
  Split split;
  std::vector<std::vector<int>> histories;  ///< training, by user
  std::vector<std::set<int>> sets;          ///< the same as sets

  ShortHistories() {
    data.name = "short";
    Random random(5, "tests.short");
    for (int i = 0; i < kItems; ++i) {
      Item item;
      item.id = "item" + std::to_string(i);
      data.items.add(std::move(item));
    }
    for (int32_t u = 0; u < kUsers; ++u) {
      data.users.add("user" + std::to_string(u));
      const auto length = static_cast<int32_t>(4 + random.below(5));
      for (int32_t t = 0; t < length; ++t)
        data.log.add(UserId{u}, ItemId{static_cast<int32_t>(random.below(kItems))}, kClick, t);
    }
    data.log.sort();
    split = make_split(data, {});
    for (int32_t u = 0; u < kUsers; ++u) {
      auto& history = histories.emplace_back();
      for (const ItemId item : split.train_history(UserId{u})) history.push_back(index(item));
      sets.emplace_back(history.begin(), history.end());
    }
  }
  static constexpr uint8_t kClick = 2;  // after impression and view
  RetrieveInputs inputs() const { return {data, split}; }
};

}  // namespace tessera
