#include "serve/item_codes.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "data/item_json.h"

namespace tessera::serve {

namespace {

constexpr const char* kCodes = "item_codes";
constexpr size_t kLinesAtOnce = 2000;

}  // namespace

void ItemCodes::reload() {
  lines_.clear();
  store_.for_each(kCodes, [&](std::string_view key, std::string_view value) { lines_.emplace(key, value); });
}

std::vector<std::vector<int32_t>> ItemCodes::of(const ServingModel& model, Items items) const {
  std::vector<std::vector<int32_t>> codes(items.size());
  if (!model.takes_new_items()) return codes;
  for (size_t i = 0; i < items.size(); ++i) {
    const auto line = lines_.find(items[i].second.id);
    if (line == lines_.end()) continue;
    const nlohmann::json stored = parse_object(line->second);
    if (stored.at("key") == model.place_key(items[i].second)) stored.at("codes").get_to(codes[i]);
  }
  return codes;
}

void ItemCodes::keep(const ServingModel& model, Items items, std::span<const std::string> erased) {
  std::vector<std::pair<std::string, std::string>> changed;  // "" to forget
  const auto want = [&](const std::string& id, std::string line) {
    const auto old = lines_.find(id);
    if (old == lines_.end() ? !line.empty() : old->second != line) changed.emplace_back(id, std::move(line));
  };
  if (model.takes_new_items()) {
    const auto placed = model.items();
    const Catalogue& trained = model.dataset().items;
    for (const auto& [slot, item] : items)
      if (const std::string key = model.place_key(item);
          index(slot) < trained.size() && model.place_key(trained[slot]) == key)
        want(item.id, "");  // it stands where the run has it
      else
        want(item.id, to_line({{"key", key}, {"codes", placed->ids.of(slot)}}));
  }
  for (const std::string& id : erased) want(id, "");
  for (size_t begin = 0; begin < changed.size(); begin += kLinesAtOnce) {
    const size_t end = std::min(changed.size(), begin + kLinesAtOnce);
    WriteBatch batch;
    for (size_t i = begin; i < end; ++i) {
      const auto& [id, line] = changed[i];
      line.empty() ? batch.erase(kCodes, id) : batch.put(kCodes, id, line);
    }
    store_.commit(batch);
    for (size_t i = begin; i < end; ++i) {
      auto& [id, line] = changed[i];
      if (line.empty()) {
        lines_.erase(id);
      } else {
        lines_[id] = std::move(line);
      }
    }
  }
}

}  // namespace tessera::serve
