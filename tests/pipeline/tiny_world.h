#pragma once

#include <string>

#include "base/error.h"
#include "base/temporary_folder.h"
#include "data/dataset.h"

namespace tessera::test {

/// Users u0.. who each take six items in turn out of i0..; a title that needs escaping in HTML.
inline Dataset tiny_dataset(int num_users = 40, int num_items = 24) {
  Dataset data;
  data.name = "tiny";
  for (int i = 0; i < num_items; ++i) {
    Item item;
    item.id = "i" + std::to_string(i);
    item.title = i == 0 ? "<b>Tom & \"Jerry\"</b>" : "item number " + std::to_string(i);
    item.brand = "brand" + std::to_string(i % 3);
    item.price = 1.5 + i;
    data.items.add(std::move(item));
  }
  for (int u = 0; u < num_users; ++u) {
    const UserId user{data.users.add("u" + std::to_string(u))};
    for (int t = 0; t < 6; ++t) data.log.add(user, ItemId{(u * 5 + t * (1 + u % 3)) % num_items}, 2, 100 * t + u);
  }
  data.log.sort();
  return data;
}

/// The message of the Error that `work` throws, "" when it throws none.
template <class Work>
std::string error_of(Work&& work) {
  try {
    work();
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

}  // namespace tessera::test
