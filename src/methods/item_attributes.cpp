#include "methods/item_attributes.h"

#include <torch/torch.h>

#include <algorithm>
#include <set>
#include <string>
#include <unordered_map>

namespace tessera {

namespace {

std::set<std::string> attribute_names(const Item& item) {
  std::set<std::string> names;
  for (const auto& path : item.categories) {
    for (const std::string& name : path) names.insert("category\x1f" + name);
  }
  if (!item.brand.empty()) names.insert("brand\x1f" + item.brand);
  for (const auto& [name, value] : item.attributes) names.insert("attribute\x1f" + name + '\x1f' + value);
  return names;
}

}  // namespace

ItemAttributes item_attributes(const Catalogue& items, int64_t most) {
  std::unordered_map<std::string, int64_t> holders;
  for (const Item& item : items.items()) {
    for (const std::string& name : attribute_names(item)) ++holders[name];
  }
  ItemAttributes result;
  std::unordered_map<std::string, int64_t> numbers;
  result.offsets.push_back(0);
  for (const Item& item : items.items()) {
    const int64_t begin = result.offsets.back();
    for (const std::string& name : attribute_names(item)) {
      const int64_t held = holders.at(name), taken = static_cast<int64_t>(result.ids.size()) - begin;
      if (held < 2 || held == items.size() || taken == most) continue;
      result.ids.push_back(numbers.emplace(name, static_cast<int64_t>(numbers.size())).first->second);
    }
    std::sort(result.ids.begin() + begin, result.ids.end());
    result.offsets.push_back(static_cast<int64_t>(result.ids.size()));
  }
  result.count = static_cast<int64_t>(numbers.size());
  return result;
}

at::Tensor ItemAttributes::padded(c10::Device device) const {
  int64_t width = 1;
  for (size_t i = 0; i + 1 < offsets.size(); ++i) width = std::max(width, offsets[i + 1] - offsets[i]);
  const at::Tensor table = at::full({num_items() + 1, width}, count, at::kLong);
  for (size_t i = 0; i + 1 < offsets.size(); ++i)
    std::copy(ids.begin() + offsets[i], ids.begin() + offsets[i + 1],
              table.data_ptr<int64_t>() + static_cast<int64_t>(i) * width);
  return table.to(device);
}

}  // namespace tessera
