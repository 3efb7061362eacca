#include "data/catalogue.h"

#include "base/error.h"
#include "base/options.h"

namespace tessera {

namespace {

constexpr int64_t kMaxItemsForSuggestion = 200'000;

std::string attribute_text(const Item& item) {
  std::string text;
  for (const auto& [name, value] : item.attributes) {
    if (!text.empty()) text += ' ';
    text += value;
  }
  return text;
}

}  // namespace

std::string display_name(const Item& item) {
  if (!item.title.empty()) return item.title;
  std::string text = attribute_text(item);
  return text.empty() ? item.id : text;
}

ItemId Catalogue::add(Item item) {
  TESSERA_CHECK(!item.id.empty(), data, "item {}: its id is empty; give every item an id of its own",
                items_.size() + 1);
  const auto number = static_cast<ItemId>(items_.size());
  const auto [where, is_new] = by_id_.emplace(item.id, number);
  TESSERA_CHECK(is_new, data, "item id '{}' is listed twice (items {} and {}); keep one of them", item.id,
                index(where->second) + 1, items_.size() + 1);
  items_.push_back(std::move(item));
  return number;
}

std::optional<ItemId> Catalogue::find(std::string_view id) const {
  const auto it = by_id_.find(id);
  if (it == by_id_.end()) return std::nullopt;
  return it->second;
}

ItemId Catalogue::at(std::string_view id) const {
  if (const auto found = find(id)) return *found;
  std::string near;
  if (size() <= kMaxItemsForSuggestion) {
    std::vector<std::string> ids;
    ids.reserve(items_.size());
    for (const Item& item : items_) ids.push_back(item.id);
    near = nearest(id, ids);
  }
  if (near.empty()) fail(ErrorKind::data, "there is no item '{}' among the {} of the catalogue", id, items_.size());
  fail(ErrorKind::data, "there is no item '{}' among the {} of the catalogue; did you mean '{}'?", id, items_.size(),
       near);
}

}  // namespace tessera
