#pragma once

#include <initializer_list>
#include <string>
#include <tuple>
#include <utility>

#include "base/error.h"
#include "data/dataset.h"

namespace tessera::test {

/// Items i0, i1, ... and users u0, u1, ..., without any events.
inline Dataset empty_dataset(int num_items, int num_users) {
  Dataset dataset;
  dataset.name = "small";
  for (int i = 0; i < num_items; ++i) {
    Item item;
    item.id = "i" + std::to_string(i);
    item.title = "Item number " + std::to_string(i);
    dataset.items.add(item);
  }
  for (int u = 0; u < num_users; ++u) dataset.users.add("u" + std::to_string(u));
  return dataset;
}

/// Appends clicks (user, item, time) in the order given.
inline void add_clicks(Dataset& dataset, std::initializer_list<std::tuple<int, int, int64_t>> events) {
  constexpr uint8_t kClick = 2;
  for (const auto& [user, item, time] : events) {
    dataset.log.add(static_cast<UserId>(user), static_cast<ItemId>(item), kClick, time);
  }
}

/// The kind and message of the Error that the call throws; {} if it throws none.
template <class Call>
std::pair<std::string, std::string> error_of(const Call& call) {
  try {
    call();
  } catch (const Error& e) {
    return {to_string(e.kind()), e.what()};
  }
  return {};
}

}  // namespace tessera::test
