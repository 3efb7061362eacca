#include "live/live_catalogue.h"

#include <algorithm>
#include <limits>
#include <unordered_map>

#include "base/error.h"
#include "live/columns.h"
#include "live/names.h"

namespace tessera::live {

namespace {

size_t chunk_of(ItemId item) {
  return static_cast<size_t>(index(item)) / kChunkSlots;
}

size_t place_in_chunk(ItemId item) {
  return static_cast<size_t>(index(item)) % kChunkSlots;
}

bool live_bit(const Chunk& chunk, size_t place) {
  return (chunk.live[place / 64] >> (place % 64) & 1) != 0;
}

const std::string& id_of(const Change& change) {
  const auto* item = std::get_if<Item>(&change.what);
  return item != nullptr ? item->id : std::get<Change::Erase>(change.what).id;
}

void set_slot(Chunk& chunk, size_t place, std::shared_ptr<const Item> item, bool live) {
  chunk.items[place] = std::move(item);
  const uint64_t bit = 1ULL << (place % 64);
  chunk.live[place / 64] = live ? chunk.live[place / 64] | bit : chunk.live[place / 64] & ~bit;
}

/// The next view in the making: the chunks of the last one, copied where they change.
class Draft {
 public:
  Draft(const CatalogueView& old, NameTable& attributes, uint64_t& next_serial)
      : size(old.size()),
        num_live(old.num_live()),
        chunks(old.chunks().begin(), old.chunks().end()),
        old_(old),
        attributes_(attributes),
        next_serial_(next_serial),
        copies_(chunks.size()) {}

  Applied apply(Change& change) {
    const std::string& id = id_of(change);
    Applied result;
    result.item = old_.find_slot(id);
    if (const auto it = new_ids.find(id); it != new_ids.end()) result.item = it->second;
    result.was_live = result.item && live_bit(*chunks[chunk_of(*result.item)], place_in_chunk(*result.item));
    auto* put = std::get_if<Item>(&change.what);
    if (put == nullptr && !result.was_live) return result;
    if (!result.item) {
      TESSERA_CHECK(size < std::numeric_limits<int32_t>::max(), overload, "the catalogue is full: {} slots", size);
      result.item = ItemId{static_cast<int32_t>(size++)};
      new_ids.emplace(id, *result.item);
    }
    auto item = std::make_shared<Item>();
    if (put != nullptr) {
      *item = std::move(*put);
      for (const auto& [name, value] : item->attributes) attributes_.add(name, old_.version() + 1);
    } else {
      item->id = id;
    }
    set_slot(writable(*result.item), place_in_chunk(*result.item), std::move(item), put != nullptr);
    num_live += (put != nullptr ? 1 : 0) - (result.was_live ? 1 : 0);
    changed = true;
    return result;
  }

  bool changed = false;
  int64_t size;
  int64_t num_live;
  std::vector<std::shared_ptr<const Chunk>> chunks;
  std::unordered_map<std::string, ItemId> new_ids;

 private:
  Chunk& writable(ItemId item) {
    const size_t c = chunk_of(item);
    if (c == chunks.size()) {
      chunks.emplace_back();
      copies_.emplace_back();
    }
    if (!copies_[c]) {
      copies_[c] = chunks[c] ? std::make_shared<Chunk>(*chunks[c]) : std::make_shared<Chunk>();
      copies_[c]->serial = next_serial_++;
      chunks[c] = copies_[c];
    }
    return *copies_[c];
  }

  const CatalogueView& old_;
  NameTable& attributes_;
  uint64_t& next_serial_;
  std::vector<std::shared_ptr<Chunk>> copies_;
};

/// Adds ids to the index, all or none.
void add_ids(IdIndex& index, const std::unordered_map<std::string, ItemId>& ids) {
  auto next = ids.begin();
  try {
    for (; next != ids.end(); ++next) index.add(next->first, next->second);
  } catch (...) {
    for (auto it = ids.begin(); it != next; ++it) index.remove(it->first);
    throw;
  }
}

}  // namespace

CatalogueView::CatalogueView() = default;
CatalogueView::~CatalogueView() = default;

std::optional<ItemId> CatalogueView::find_slot(std::string_view id) const {
  const auto slot = ids_->find(id);
  if (!slot || index(*slot) >= size_) return std::nullopt;
  return slot;
}

std::optional<ItemId> CatalogueView::find(std::string_view id) const {
  const auto slot = find_slot(id);
  if (!slot || !is_live(*slot)) return std::nullopt;
  return slot;
}

bool CatalogueView::is_live(ItemId item) const {
  return index(item) >= 0 && index(item) < size_ && live_bit(*chunks_[chunk_of(item)], place_in_chunk(item));
}

const Item& CatalogueView::item(ItemId item) const {
  TESSERA_CHECK(index(item) >= 0 && index(item) < size_, internal,
                "item {} is not one of the {} slots of the catalogue", index(item), size_);
  return *chunks_[chunk_of(item)]->items[place_in_chunk(item)];
}

const ItemSet& CatalogueView::live() const {
  std::call_once(live_once_, [this] {
    ItemSet set(size_);
    const auto words = set.words();
    for (size_t w = 0; w < words.size(); ++w) words[w] = chunks_[w * 64 / kChunkSlots]->live[w % (kChunkSlots / 64)];
    live_ = std::move(set);
  });
  return live_;
}

bool CatalogueView::has_attribute(std::string_view name) const {
  return attributes_->has(name, version_);
}

std::vector<std::string> CatalogueView::attribute_names() const {
  return attributes_->names(version_);
}

LiveCatalogue::LiveCatalogue()
    : ids_(std::make_shared<IdIndex>()),
      attributes_(std::make_shared<NameTable>()),
      store_(std::make_shared<ColumnStore>()) {
  auto first = std::shared_ptr<CatalogueView>(new CatalogueView);
  first->version_ = 1;
  first->ids_ = ids_;
  first->attributes_ = attributes_;
  first->columns_ = std::make_unique<ColumnCache>(store_);
  view_ = std::move(first);
}

LiveCatalogue::LiveCatalogue(const Catalogue& catalogue) : LiveCatalogue() {
  auto first = std::shared_ptr<CatalogueView>(new CatalogueView);
  std::shared_ptr<Chunk> chunk;
  for (int32_t i = 0; i < catalogue.size(); ++i) {
    const ItemId item{i};
    if (i % kChunkSlots == 0) {
      chunk = std::make_shared<Chunk>();
      chunk->serial = next_serial_++;
      first->chunks_.push_back(chunk);
    }
    set_slot(*chunk, place_in_chunk(item), std::make_shared<const Item>(catalogue[item]), true);
    ids_->add(catalogue[item].id, item);
    for (const auto& [name, value] : catalogue[item].attributes) attributes_->add(name, 1);
  }
  first->size_ = first->num_live_ = catalogue.size();
  first->version_ = 1;
  first->ids_ = ids_;
  first->attributes_ = attributes_;
  first->columns_ = std::make_unique<ColumnCache>(store_);
  view_ = std::move(first);
}

LiveCatalogue::~LiveCatalogue() = default;

std::shared_ptr<const CatalogueView> LiveCatalogue::view() const {
  const std::lock_guard lock(publishing_);
  return view_;
}

void LiveCatalogue::publish(std::shared_ptr<const CatalogueView> view) {
  const std::lock_guard lock(publishing_);
  view_.swap(view);  // the old one, perhaps the last reference to it, goes after the lock
}

std::vector<Applied> LiveCatalogue::apply(std::vector<Change> changes) {
  for (const Change& change : changes) {
    TESSERA_CHECK(!id_of(change).empty(), data, "a change has an empty id; give every item an id of its own");
  }
  const std::lock_guard lock(writing_);
  const std::shared_ptr<const CatalogueView> old = view();
  Draft draft(*old, *attributes_, next_serial_);
  std::vector<Applied> applied;
  applied.reserve(changes.size());
  for (Change& change : changes) applied.push_back(draft.apply(change));
  if (!draft.changed) return applied;

  auto next = std::shared_ptr<CatalogueView>(new CatalogueView);
  next->chunks_ = std::move(draft.chunks);
  next->size_ = draft.size;
  next->num_live_ = draft.num_live;
  next->version_ = old->version() + 1;
  next->ids_ = ids_;
  next->attributes_ = attributes_;
  next->columns_ = std::make_unique<ColumnCache>(store_);
  add_ids(*ids_, draft.new_ids);
  publish(std::move(next));
  return applied;
}

}  // namespace tessera::live
