// How a shelf comes to the state of the store: at a start, and by a snapshot while it is in use.
#include <algorithm>
#include <charconv>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "data/item_json.h"
#include "serve/shelf.h"

namespace tessera::serve {

namespace {

constexpr int64_t kNoSlot = std::numeric_limits<int64_t>::max();

std::vector<ItemTitle> titles_of(const live::CatalogueView& view, std::span<const int64_t> popularity) {
  std::vector<ItemTitle> titles;
  view.live().for_each([&](ItemId item) {
    const auto slot = static_cast<size_t>(index(item));
    titles.push_back(
        {item, display_name(view.item(item)), slot < popularity.size() ? static_cast<double>(popularity[slot]) : 0.0});
  });
  return titles;
}

live::Change stored_change(std::string_view key, std::string_view value) {
  if (value.empty()) return live::Change::erase(std::string(key));
  try {
    return live::Change::put(item_from_line(value));
  } catch (const Error& error) {
    fail(ErrorKind::corrupt, "the stored item \"{}\" cannot be read: {}", key, error.what());
  }
}

int64_t slot_in(std::string_view text) {
  int64_t slot = kNoSlot;
  std::from_chars(text.data(), text.data() + text.size(), slot);
  return slot;
}

}  // namespace

Shelf::Shelf(const Dataset& base, std::span<const int64_t> popularity, Store& store, const LexicalOptions& lexical,
             const std::filesystem::path& lexical_folder)
    : store_(store),
      keeps_lexical_(!lexical_folder.empty()),
      codes_(store),
      live_(base.items),
      popularity_(popularity.begin(), popularity.end()) {
  const bool same_slots = put_stored_items();
  open_lexical(lexical, lexical_folder, same_slots);
  suggester_.put_items(titles_of(*view(), popularity_));
}

/// Applies what is stored, so that each item gets its slot again; erased ones keep theirs. Where that cannot be, as the
/// dataset is another one, the slots that they get are stored instead.
/// @return whether every item has the slot that it had
bool Shelf::put_stored_items() {
  std::map<std::string, int64_t> slots;
  if (keeps_lexical_)
    store_.for_each("item_slots",
                    [&](std::string_view id, std::string_view slot) { slots[std::string(id)] = slot_in(slot); });
  std::vector<std::pair<int64_t, std::pair<std::string, live::Change>>> stored;
  store_.for_each("items", [&](std::string_view key, std::string_view value) {
    const auto slot = slots.find(std::string(key));
    stored.emplace_back(slot == slots.end() ? kNoSlot : slot->second,
                        std::pair(std::string(key), stored_change(key, value)));
  });
  std::stable_sort(stored.begin(), stored.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<live::Change> changes;
  const int64_t num_base = view()->size();
  for (auto& [slot, change] : stored) {
    const bool erased = !std::holds_alternative<Item>(change.second.what);
    if (erased && slot != kNoSlot && !view()->find_slot(change.first)) {  // it had a slot, and keeps it
      Item item;
      item.id = change.first;
      changes.push_back(live::Change::put(std::move(item)));
    }
    changes.push_back(std::move(change.second));
  }
  if (!changes.empty())
    for (const live::Applied& applied : live_.apply(std::move(changes)))
      if (applied.item) mark_written(*applied.item);
  std::sort(written_.begin(), written_.end());
  if (!keeps_lexical_) return true;
  WriteBatch moved;
  const auto now = view();
  for (const auto& [slot, change] : stored) {
    const auto item = now->find_slot(change.first);
    if (!item || index(*item) < num_base || index(*item) == slot) continue;
    moved.put("item_slots", change.first, std::to_string(index(*item)));
  }
  if (moved.empty()) return true;
  store_.commit(moved);
  return false;
}

void Shelf::mark_written(ItemId item) {
  const auto slot = static_cast<size_t>(index(item));
  if (slot >= is_written_.size()) is_written_.resize(slot + 1, false);
  if (!is_written_[slot]) written_.push_back(item);
  is_written_[slot] = true;
}

/// Opens the index where it lies and applies what the log of writes has since, or makes it from all items. Its version
/// is the number that the next write will have in the log.
void Shelf::open_lexical(const LexicalOptions& options, const std::filesystem::path& folder, bool same_slots) {
  const ListExtent log = store_.extent("item_log", "");
  const auto now = view();
  lexical_ = std::make_unique<LexicalIndex>(options, folder);
  const auto version = static_cast<uint64_t>(lexical_->version());
  std::vector<LexicalChange> documents;
  if (same_slots && version > 0 && version >= log.first && version <= log.next) {
    for (uint64_t from = version; from < log.next;) {
      const auto entries = store_.range("item_log", "", from, 1000);
      if (entries.empty()) break;
      for (const ListEntry& entry : entries)
        if (const auto item = now->find_slot(entry.value))
          documents.push_back({*item, now->is_live(*item) ? &now->item(*item) : nullptr});
      from = entries.back().sequence + 1;
    }
  } else {
    if (version > 0) {  // of another state of the store: what it holds cannot be told
      lexical_.reset();
      std::filesystem::remove_all(folder);
      lexical_ = std::make_unique<LexicalIndex>(options, folder);
    }
    now->live().for_each([&](ItemId item) { documents.push_back({item, &now->item(item)}); });
  }
  if (!documents.empty() || version != log.next) lexical_->apply(documents, static_cast<int64_t>(log.next));
}

void Shelf::restore(const std::string& snapshot, const Catalogue& base) {
  const std::lock_guard lock(writing_);
  // Until the index has followed, it is of no state of the store: a start would make it anew.
  const int64_t version = lexical_->version();
  lexical_->apply({}, kNoSlot);
  try {
    store_.restore(snapshot);
  } catch (...) {
    lexical_->apply({}, version);
    throw;
  }
  const auto now = view();
  std::map<std::string, live::Change> wanted;  // what was written since is the dataset's again, or not there
  for (const ItemId item : written_) {
    const bool of_base = index(item) < base.size();
    const std::string& id = now->item(item).id;
    wanted.emplace(id, of_base ? live::Change::put(base[item]) : live::Change::erase(id));
  }
  store_.for_each("items", [&](std::string_view key, std::string_view value) {
    wanted.insert_or_assign(std::string(key), stored_change(key, value));
  });
  std::vector<live::Change> changes;
  for (auto& [id, change] : wanted) changes.push_back(std::move(change));
  codes_.reload();
  show(std::move(changes), kNoSlot);
  // Slots are those of this process, not of the one that took the snapshot.
  WriteBatch slots;
  const auto after = view();
  for (const ItemId item : written_)
    if (index(item) >= base.size()) slots.put("item_slots", after->item(item).id, std::to_string(index(item)));
  if (keeps_lexical_ && !slots.empty()) store_.commit(slots);
  lexical_->apply({}, static_cast<int64_t>(store_.extent("item_log", "").next));
}

}  // namespace tessera::serve
