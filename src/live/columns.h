#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "live/fields.h"
#include "live/live_catalogue.h"

namespace tessera::live {

/// The distinct texts of one field, numbered from 1; 0 is "no value". Texts are the same when their folded forms are
/// (live/words.h). Only gets more; a column whose dictionary has mostly outlived its texts starts a new one.
/// Thread-safe through `mutex`: shared to read, alone to add.
class Dictionary {
 public:
  struct Entry {
    std::string shown;   ///< as the first item with it writes it
    std::string folded;  ///< fold(shown)
    double number;       ///< what it is as a number, or NaN
  };
  /// The caller holds `mutex`, alone to add, shared for the others.
  uint32_t add(std::string_view text);
  uint32_t find(const std::string& folded) const;  ///< 0: none
  uint32_t size() const { return static_cast<uint32_t>(entries_.size()); }
  const Entry& operator[](uint32_t code) const { return entries_[code]; }

  mutable std::shared_mutex mutex;

 private:
  std::deque<Entry> entries_{{"", "", 0}};
  std::unordered_map<std::string_view, uint32_t> codes_;  // views of entries_
};

/// One chunk of a number field; NaN: no value. `available` is 1 or 0, `created_at` seconds since 1970.
struct NumberPart {
  std::array<double, kChunkSlots> values;
};

/// One chunk of a text field.
struct TextPart {
  /// Set on the code of a value that filters see but facets do not: a list in one piece, a path that is also shown by
  /// its names.
  static constexpr uint32_t kFilterOnly = 1U << 31;
  /// Empty: no item has more than one value, and codes [kChunkSlots] hold it, 0 for none.
  /// Otherwise item i has codes [offsets[i], offsets[i + 1]).
  std::vector<uint32_t> offsets;
  std::vector<uint32_t> codes;
};

template <class Part>
struct PartedColumn {
  std::vector<std::shared_ptr<const Part>> parts;  ///< one a chunk of the view
  std::vector<uint64_t> serials;                   ///< of the chunks they were made from
};
struct NumberColumn : PartedColumn<NumberPart> {};
struct TextColumn : PartedColumn<TextPart> {
  std::shared_ptr<Dictionary> dictionary;
  uint32_t fresh_size = 0;  ///< texts in the dictionary when it was started
};

/// A field of a view as a column: price, available, created_at. The first call for a view makes it, from the last
/// column of an earlier view where the chunks are the same. Thread-safe; the reference lives as long as the view.
/// @throws Error(internal) for another field
const NumberColumn& number_column(const CatalogueView& view, const Field& field);

/// The same for brand, category, category_level and attributes. Empty texts are no values; an item has each value once.
const TextColumn& text_column(const CatalogueView& view, const Field& field);

/// Makes the columns of all fields but the attributes, so that the first request need not.
void make_columns(const CatalogueView& view);

/// The latest columns of a LiveCatalogue, from which those of the next view are made. Thread-safe.
class ColumnStore {
 public:
  struct Entry {
    std::mutex building;
    uint64_t version = 0;
    std::shared_ptr<const NumberColumn> number;
    std::shared_ptr<const TextColumn> text;
  };
  std::shared_ptr<Entry> entry(const std::string& field);

 private:
  std::mutex mutex_;
  std::map<std::string, std::shared_ptr<Entry>> entries_;
};

/// The columns of one view that have been asked for. Thread-safe.
class ColumnCache {
 public:
  explicit ColumnCache(std::shared_ptr<ColumnStore> store) : store_(std::move(store)) {}
  const NumberColumn& number(const CatalogueView& view, const Field& field);
  const TextColumn& text(const CatalogueView& view, const Field& field);

 private:
  struct Slot {
    std::once_flag made;
    std::shared_ptr<const NumberColumn> number;
    std::shared_ptr<const TextColumn> text;
  };
  Slot& slot(const std::string& name);

  std::shared_ptr<ColumnStore> store_;
  std::mutex mutex_;
  std::map<std::string, std::unique_ptr<Slot>> slots_;
};

}  // namespace tessera::live
