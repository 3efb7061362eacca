#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "data/catalogue.h"
#include "live/item_set.h"

namespace tessera::live {

class ColumnCache;
class ColumnStore;
class IdIndex;
class NameTable;

/// Slots of one part of a view; views share the parts that no change touched.
constexpr int64_t kChunkSlots = 1024;

/// Items [1024 c, 1024 (c + 1)) of a view. Immutable once published.
struct Chunk {
  uint64_t serial = 0;  ///< differs between any two chunks of one LiveCatalogue with different contents
  std::array<std::shared_ptr<const Item>, kChunkSlots> items;  ///< null beyond the view's size
  std::array<uint64_t, kChunkSlots / 64> live{};               ///< one bit a slot; 0: deleted
};

/// The catalogue at one moment. Immutable, so any number of threads may read it, and it stays as it is for as long as
/// somebody holds it. An ItemId is a slot: an id string keeps its ItemId for ever, in this view and all later ones.
class CatalogueView {
 public:
  ~CatalogueView();
  CatalogueView(const CatalogueView&) = delete;
  CatalogueView& operator=(const CatalogueView&) = delete;

  int64_t size() const { return size_; }          ///< slots, deleted ones too
  int64_t num_live() const { return num_live_; }  ///< items that are not deleted
  uint64_t version() const { return version_; }   ///< 1 for the first view of a LiveCatalogue, then one more each

  /// The slot of a live item.
  std::optional<ItemId> find(std::string_view id) const;
  /// The slot of an id that is or once was in the catalogue.
  std::optional<ItemId> find_slot(std::string_view id) const;
  bool is_live(ItemId item) const;
  /// The item in a slot. A deleted one has kept its id and nothing else.
  /// @throws Error(internal) outside of [0, size())
  const Item& item(ItemId item) const;
  /// All live items; made at the first call.
  const ItemSet& live() const;

  /// Whether any item, deleted ones too, has or had this attribute.
  bool has_attribute(std::string_view name) const;
  /// Their names, sorted.
  std::vector<std::string> attribute_names() const;

  std::span<const std::shared_ptr<const Chunk>> chunks() const { return chunks_; }
  ColumnCache& columns() const { return *columns_; }  ///< used by live/columns.h

 private:
  friend class LiveCatalogue;
  CatalogueView();
  std::vector<std::shared_ptr<const Chunk>> chunks_;
  int64_t size_ = 0;
  int64_t num_live_ = 0;
  uint64_t version_ = 0;
  std::shared_ptr<const IdIndex> ids_;
  std::shared_ptr<const NameTable> attributes_;
  std::unique_ptr<ColumnCache> columns_;
  mutable std::once_flag live_once_;
  mutable ItemSet live_;
};

/// One change: put an item (new, or in place of the one with its id) or erase an id.
struct Change {
  struct Erase {
    std::string id;
  };
  std::variant<Item, Erase> what;

  static Change put(Item item) { return {std::move(item)}; }
  static Change erase(std::string id) { return {Erase{std::move(id)}}; }
};

/// What a change did.
struct Applied {
  std::optional<ItemId> item;  ///< nothing: an id to erase that was never there
  bool was_live = false;       ///< before this change: a put replaced an item, an erase removed one
};

/// A catalogue that changes while it is read. view() costs a reference count, behind a lock held for that only; apply()
/// prepares the next view beside the readers and publishes it in one step. A view that a reader holds keeps its own
/// items alive.
///
/// Cost of apply(): every chunk touched is copied (1024 references), and the table of chunks (one reference for each
/// 1024 slots): 0.1 ms for one item of a million. Memory: an Item (256 bytes and its texts), 32 bytes for its reference
/// and counts, about 100 bytes and the id again in the lookup by id; the slot of a deleted item costs the same without
/// the texts and is never given back. Columns (live/columns.h) come on top: 8 bytes an item for each number field in
/// use, 4 bytes for each value of a text field, and each distinct text once.
class LiveCatalogue {
 public:
  /// Empty.
  LiveCatalogue();
  /// A copy of the items, each with the same ItemId.
  explicit LiveCatalogue(const Catalogue& catalogue);
  ~LiveCatalogue();

  /// The latest view; never null. Thread-safe.
  std::shared_ptr<const CatalogueView> view() const;

  /// Applies the changes in their order and publishes one view with all of them; none if they change nothing.
  /// Writers wait for each other. @return one for each change
  /// @throws Error(data) for an item without id, Error(overload) beyond 2^31 - 1 slots; then nothing has changed
  std::vector<Applied> apply(std::vector<Change> changes);

 private:
  void publish(std::shared_ptr<const CatalogueView> view);

  std::mutex writing_;
  mutable std::mutex publishing_;
  std::shared_ptr<const CatalogueView> view_;
  std::shared_ptr<IdIndex> ids_;
  std::shared_ptr<NameTable> attributes_;
  std::shared_ptr<ColumnStore> store_;
  uint64_t next_serial_ = 1;
};

}  // namespace tessera::live
