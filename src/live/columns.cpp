#include "live/columns.h"

#include <algorithm>
#include <limits>

#include "base/error.h"
#include "live/words.h"

namespace tessera::live {

namespace {

/// A dictionary may hold this many texts that nobody has any more, and as many again as it began with.
constexpr uint32_t kMaxOutlived = 65536;

double number_of(const Item& item, const Field& field) {
  if (field.kind == FieldKind::price) return item.price;
  if (field.kind == FieldKind::available) return item.available ? 1 : 0;
  TESSERA_CHECK(field.kind == FieldKind::created_at, internal, "{} is no number field", to_string(field));
  return item.created_at == 0 ? std::numeric_limits<double>::quiet_NaN() : static_cast<double>(item.created_at);
}

std::string joined_path(const std::vector<std::string>& path, size_t levels) {
  std::string joined = path[0];
  for (size_t level = 1; level < levels; ++level) joined.append(kPathSeparator).append(path[level]);
  return joined;
}

/// Calls add(text, filter_only) for every value of a text field.
template <class Add>
void for_each_text(const Item& item, const Field& field, Add&& add) {
  if (field.kind == FieldKind::brand) {
    add(item.brand, false);
  } else if (field.kind == FieldKind::category_level) {
    const auto levels = static_cast<size_t>(field.level) + 1;
    for (const auto& path : item.categories) {
      if (path.size() >= levels) add(joined_path(path, levels), false);
    }
  } else if (field.kind == FieldKind::category) {
    for (const auto& path : item.categories) {
      for (const std::string& name : path) add(name, false);
      for (size_t levels = 2; levels <= path.size(); ++levels) add(joined_path(path, levels), true);
    }
  } else {
    TESSERA_CHECK(field.kind == FieldKind::attribute, internal, "{} is no text column", to_string(field));
    const auto it = item.attributes.find(field.attribute);
    if (it == item.attributes.end()) return;
    const std::string_view whole = it->second;
    const bool is_list = whole.find(kListSeparator) != std::string_view::npos;
    add(whole, is_list);
    for (size_t begin = 0; is_list && begin <= whole.size();) {
      const size_t end = std::min(whole.find(kListSeparator, begin), whole.size());
      add(whole.substr(begin, end - begin), false);
      begin = end + kListSeparator.size();
    }
  }
}

/// Adds a code to those of an item, [first, end); a value that facets see stays seen.
void add_code(std::vector<uint32_t>& codes, size_t first, uint32_t code, bool filter_only) {
  const auto same = [&](uint32_t other) { return (other & ~TextPart::kFilterOnly) == code; };
  const auto found = std::find_if(codes.begin() + static_cast<ptrdiff_t>(first), codes.end(), same);
  if (found == codes.end()) {
    codes.push_back(filter_only ? code | TextPart::kFilterOnly : code);
  } else if (!filter_only) {
    *found = code;
  }
}

std::shared_ptr<const TextPart> make_text_part(const Chunk& chunk, const Field& field, Dictionary& dictionary) {
  auto part = std::make_shared<TextPart>();
  part->offsets.reserve(kChunkSlots + 1);
  part->codes.reserve(kChunkSlots);
  part->offsets.push_back(0);
  bool single = true;
  const std::unique_lock lock(dictionary.mutex);
  for (const auto& item : chunk.items) {
    const size_t first = part->codes.size();
    const auto add = [&](std::string_view text, bool filter_only) {
      if (trimmed(text).empty()) return;
      if (const uint32_t code = dictionary.add(text); code != 0) add_code(part->codes, first, code, filter_only);
    };
    if (item) for_each_text(*item, field, add);
    single = single && part->codes.size() <= first + 1;
    part->offsets.push_back(static_cast<uint32_t>(part->codes.size()));
  }
  if (single) {
    std::vector<uint32_t> codes(kChunkSlots, 0);
    for (size_t i = 0; i < codes.size(); ++i) {
      if (part->offsets[i] != part->offsets[i + 1]) codes[i] = part->codes[part->offsets[i]];
    }
    part->codes = std::move(codes);
    part->offsets = {};
  }
  return part;
}

std::shared_ptr<const NumberPart> make_number_part(const Chunk& chunk, const Field& field) {
  auto part = std::make_shared<NumberPart>();
  for (size_t i = 0; i < part->values.size(); ++i) {
    part->values[i] = chunk.items[i] ? number_of(*chunk.items[i], field) : std::numeric_limits<double>::quiet_NaN();
  }
  return part;
}

/// Fills a column for the view: parts of `old` where the chunk is the same, others from make(chunk).
template <class Part, class Make>
void fill_parts(const CatalogueView& view, const PartedColumn<Part>* old, PartedColumn<Part>& column, Make&& make) {
  const auto chunks = view.chunks();
  column.parts.reserve(chunks.size());
  column.serials.reserve(chunks.size());
  for (size_t c = 0; c < chunks.size(); ++c) {
    const bool same = old != nullptr && c < old->serials.size() && old->serials[c] == chunks[c]->serial;
    column.parts.push_back(same ? old->parts[c] : make(*chunks[c]));
    column.serials.push_back(chunks[c]->serial);
  }
}

std::shared_ptr<const TextColumn> make_text_column(const CatalogueView& view, const Field& field,
                                                   const TextColumn* old) {
  auto column = std::make_shared<TextColumn>();
  uint32_t old_size = 0;
  if (old != nullptr) {
    const std::shared_lock lock(old->dictionary->mutex);
    old_size = old->dictionary->size();
  }
  if (old != nullptr && old_size > 2 * old->fresh_size + kMaxOutlived) old = nullptr;
  column->dictionary = old != nullptr ? old->dictionary : std::make_shared<Dictionary>();
  const auto make = [&](const Chunk& chunk) { return make_text_part(chunk, field, *column->dictionary); };
  fill_parts<TextPart>(view, old, *column, make);
  column->fresh_size = old != nullptr ? old->fresh_size : column->dictionary->size();
  return column;
}

std::shared_ptr<const NumberColumn> make_number_column(const CatalogueView& view, const Field& field,
                                                       const NumberColumn* old) {
  auto column = std::make_shared<NumberColumn>();
  fill_parts<NumberPart>(view, old, *column, [&](const Chunk& chunk) { return make_number_part(chunk, field); });
  return column;
}

}  // namespace

uint32_t Dictionary::add(std::string_view text) {
  std::string folded = fold(text);
  if (folded.empty()) return 0;
  if (const uint32_t code = find(folded)) return code;
  TESSERA_CHECK(entries_.size() < TextPart::kFilterOnly, overload, "a field has more than {} distinct texts",
                TextPart::kFilterOnly);
  const auto code = static_cast<uint32_t>(entries_.size());
  const double number = parse_number(folded);
  const Entry& entry = entries_.emplace_back(Entry{std::string(trimmed(text)), std::move(folded), number});
  codes_.emplace(entry.folded, code);
  return code;
}

uint32_t Dictionary::find(const std::string& folded) const {
  const auto it = codes_.find(folded);
  return it == codes_.end() ? 0 : it->second;
}

const NumberColumn& number_column(const CatalogueView& view, const Field& field) {
  return view.columns().number(view, field);
}

const TextColumn& text_column(const CatalogueView& view, const Field& field) {
  return view.columns().text(view, field);
}

void make_columns(const CatalogueView& view) {
  for (const char* name : {"price", "available", "created_at"}) number_column(view, *parse_field(name));
  for (const char* name : {"brand", "category", "category.lvl0", "category.lvl1"})
    text_column(view, *parse_field(name));
}

std::shared_ptr<ColumnStore::Entry> ColumnStore::entry(const std::string& field) {
  const std::lock_guard lock(mutex_);
  auto& entry = entries_[field];
  if (!entry) entry = std::make_shared<Entry>();
  return entry;
}

ColumnCache::Slot& ColumnCache::slot(const std::string& name) {
  const std::lock_guard lock(mutex_);
  auto& slot = slots_[name];
  if (!slot) slot = std::make_unique<Slot>();
  return *slot;
}

const NumberColumn& ColumnCache::number(const CatalogueView& view, const Field& field) {
  const std::string name = to_string(field);
  Slot& mine = slot(name);
  std::call_once(mine.made, [&] {
    const auto latest = store_->entry(name);
    const std::lock_guard lock(latest->building);
    mine.number = make_number_column(view, field, latest->number.get());
    if (view.version() < latest->version) return;
    latest->number = mine.number;
    latest->version = view.version();
  });
  return *mine.number;
}

const TextColumn& ColumnCache::text(const CatalogueView& view, const Field& field) {
  const std::string name = to_string(field);
  Slot& mine = slot(name);
  std::call_once(mine.made, [&] {
    const auto latest = store_->entry(name);
    const std::lock_guard lock(latest->building);
    mine.text = make_text_column(view, field, latest->text.get());
    if (view.version() < latest->version) return;
    latest->text = mine.text;
    latest->version = view.version();
  });
  return *mine.text;
}

}  // namespace tessera::live
