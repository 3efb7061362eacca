#include "serve/shelf.h"

#include <algorithm>
#include <set>

#include "base/error.h"
#include "data/item_json.h"

namespace tessera::serve {

namespace {

constexpr size_t kFiltersKept = 32;
constexpr size_t kChangesAtOnce = 2000, kBytesAtOnce = 16u << 20;
constexpr uint64_t kLogKept = 1'000'000;  ///< writes that a text index may be behind

const std::string& id_of_change(const live::Change& change) {
  const Item* item = std::get_if<Item>(&change.what);
  return item != nullptr ? item->id : std::get<live::Change::Erase>(change.what).id;
}

std::string text_of_change(const live::Change& change) {
  const Item* item = std::get_if<Item>(&change.what);
  return item != nullptr ? stored_text(*item) : "";
}

}  // namespace

std::string stored_text(const Item& item) {
  TESSERA_CHECK(!item.id.empty() && item.id.size() <= kMaxItemId, data,
                "the id of an item has {} bytes, wanted 1 to {}", item.id.size(), kMaxItemId);
  std::string text = item_to_json(item);
  TESSERA_CHECK(text.size() <= kMaxItemBytes, data, "item \"{}\" has {} bytes as JSON, wanted at most {}", item.id,
                text.size(), kMaxItemBytes);
  return text;
}

void Shelf::activate(std::shared_ptr<ServingModel> model) {
  const std::lock_guard lock(writing_);
  const auto now = view();
  std::vector<std::pair<ItemId, Item>> changed;
  for (const ItemId item : written_)
    if (now->is_live(item)) changed.emplace_back(item, now->item(item));
  if (!changed.empty()) model->put_items(changed, codes_.of(*model, changed));
  codes_.keep(*model, changed, {});
  model->prepare_new_items();
  model_ = std::move(model);
}

std::vector<live::Applied> Shelf::apply(std::vector<live::Change> changes) {
  std::vector<std::string> texts;
  for (const live::Change& change : changes) texts.push_back(text_of_change(change));
  const std::lock_guard lock(writing_);
  std::vector<live::Applied> all;
  for (size_t begin = 0, end = 0; begin < changes.size(); begin = end) {
    size_t bytes = 0;
    while (end < changes.size() && end - begin < kChangesAtOnce && bytes <= kBytesAtOnce) bytes += texts[end++].size();
    const auto first = static_cast<int64_t>(begin), last = static_cast<int64_t>(end);
    const auto part = apply_locked(
        {std::make_move_iterator(changes.begin() + first), std::make_move_iterator(changes.begin() + last)},
        {std::make_move_iterator(texts.begin() + first), std::make_move_iterator(texts.begin() + last)});
    all.insert(all.end(), part.begin(), part.end());
  }
  return all;
}

std::vector<live::Applied> Shelf::apply_locked(std::vector<live::Change> changes,
                                               const std::vector<std::string>& texts) {
  WriteBatch batch;
  std::set<std::string> fresh;
  const auto now = view();
  for (size_t i = 0; i < changes.size(); ++i) {
    const bool put = std::holds_alternative<Item>(changes[i].what);
    const std::string& id = id_of_change(changes[i]);
    batch.put("items", id, texts[i]);
    if (!keeps_lexical_) continue;
    if (put && !now->find_slot(id) && fresh.insert(id).second)  // the slot that it is about to get
      batch.put("item_slots", id, std::to_string(now->size() + static_cast<int64_t>(fresh.size()) - 1));
    batch.append("item_log", "", id, kLogKept);
  }
  const CommitResult committed = store_.commit(batch);
  return show(std::move(changes), committed.operations.back().sequence + 1);
}

std::vector<live::Applied> Shelf::show(std::vector<live::Change> changes, uint64_t version) {
  std::vector<std::string> erased;
  for (const live::Change& change : changes)
    if (!std::holds_alternative<Item>(change.what)) erased.push_back(id_of_change(change));
  const std::vector<live::Applied> applied = live_.apply(std::move(changes));
  const auto now = view();
  std::vector<LexicalChange> documents;
  std::vector<std::pair<ItemId, Item>> puts;
  std::set<ItemId> seen;
  for (const live::Applied& one : applied) {
    if (!one.item || !seen.insert(*one.item).second) continue;
    mark_written(*one.item);
    if (now->is_live(*one.item)) {
      documents.push_back({*one.item, &now->item(*one.item)});
      puts.emplace_back(*one.item, now->item(*one.item));
      suggester_.put_item({*one.item, now->item(*one.item).title, 0});
    } else {
      documents.push_back({*one.item, nullptr});
      suggester_.erase_item(*one.item);
    }
  }
  lexical_->apply(documents, static_cast<int64_t>(version));
  if (model_ == nullptr) return applied;
  if (!puts.empty()) model_->put_items(puts, codes_.of(*model_, puts));
  std::erase_if(erased, [&](const std::string& id) { return now->find(id).has_value(); });
  codes_.keep(*model_, puts, erased);
  return applied;
}

std::optional<Item> Shelf::update(const std::string& id, const std::function<Item(const Item&)>& change) {
  const std::lock_guard lock(writing_);
  const auto now = view();
  const auto slot = now->find(id);
  if (!slot) return std::nullopt;
  Item item = change(now->item(*slot));
  std::vector<live::Change> changes;
  changes.push_back(live::Change::put(item));
  apply_locked(std::move(changes), {stored_text(item)});
  return item;
}

std::shared_ptr<const live::ItemSet> Shelf::sellable(const live::CatalogueView& view, const std::string& filter,
                                                     live::Deadline deadline) {
  const bool more = filter.find_first_not_of(" \t\r\n") != std::string::npos;
  // Parsed by itself first, so that a message counts its positions from the caller's text.
  if (more) live::Filter::parse(filter);
  const live::Filter whole = live::Filter::parse(more ? "available:true && (" + filter + ")" : "available:true",
                                                 {.max_bytes = 8192, .max_operators = 101, .max_depth = 17});
  return filters_.evaluate(whole, view, deadline);
}

std::shared_ptr<const std::vector<ItemId>> Shelf::popular() const {
  const auto now = view();
  const std::lock_guard lock(made_mutex_);
  if (popular_ == nullptr || popular_version_ != now->version()) {
    auto order = std::make_shared<std::vector<ItemId>>(now->live().items());
    const auto count = [&](ItemId item) {
      const auto slot = static_cast<size_t>(index(item));
      return slot < popularity_.size() ? popularity_[slot] : 0;
    };
    std::stable_sort(order->begin(), order->end(), [&](ItemId a, ItemId b) { return count(a) > count(b); });
    popular_ = std::move(order);
    popular_version_ = now->version();
  }
  return popular_;
}

std::shared_ptr<const ItemFilter> Shelf::filter_for(const std::shared_ptr<const ModelItems>& items,
                                                    const std::shared_ptr<const live::ItemSet>& set) {
  {
    const std::lock_guard lock(made_mutex_);
    for (size_t i = 0; i < made_.size(); ++i) {
      if (made_[i].items.lock() != items || made_[i].set != set) continue;
      std::rotate(made_.begin(), made_.begin() + static_cast<int64_t>(i), made_.begin() + static_cast<int64_t>(i) + 1);
      return made_.front().filter;
    }
  }
  auto filter = std::make_shared<const ItemFilter>(ItemFilter::from_bits(items->trie, set->words()));
  if (filter->size() == items->size()) filter = nullptr;
  const std::lock_guard lock(made_mutex_);
  made_.insert(made_.begin(), {items, set, filter});
  if (made_.size() > kFiltersKept) made_.pop_back();
  return filter;
}

}  // namespace tessera::serve
