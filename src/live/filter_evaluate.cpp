#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "live/columns.h"
#include "live/filter.h"

namespace tessera::live {

namespace {

constexpr size_t kWordsPerChunk = kChunkSlots / 64;

/// Calls chunk_words(c, words) for each chunk that has an item in the set; words [16] are its bits, to be reduced.
template <class F>
void for_each_chunk(ItemSet& set, F&& chunk_words) {
  const auto words = set.words();
  for (size_t c = 0; c * kWordsPerChunk < words.size(); ++c) {
    const auto part = words.subspan(c * kWordsPerChunk, std::min(kWordsPerChunk, words.size() - c * kWordsPerChunk));
    if (std::any_of(part.begin(), part.end(), [](uint64_t word) { return word != 0; })) chunk_words(c, part);
  }
}

/// Keeps those bits i of the words for which accepts(i).
template <class F>
void keep_where(std::span<uint64_t> words, F&& accepts) {
  for (size_t w = 0; w < words.size(); ++w) {
    if (words[w] == 0) continue;
    uint64_t bits = 0;
    for (size_t b = 0; b < 64; ++b) bits |= static_cast<uint64_t>(accepts(w * 64 + b)) << b;
    words[w] &= bits;
  }
}

/// The same for what is dear to ask: only about bits that are set.
template <class F>
void keep_set_bits_where(std::span<uint64_t> words, F&& accepts) {
  for (size_t w = 0; w < words.size(); ++w) {
    for (uint64_t left = words[w]; left != 0; left &= left - 1) {
      const auto b = static_cast<size_t>(std::countr_zero(left));
      if (!accepts(w * 64 + b)) words[w] &= ~(1ULL << b);
    }
  }
}

void keep_numbers(const FilterCondition& condition, const CatalogueView& view, ItemSet& set) {
  const NumberColumn& column = number_column(view, condition.field);
  const auto& first = condition.any.front();
  for_each_chunk(set, [&](size_t c, std::span<uint64_t> words) {
    const double* values = column.parts[c]->values.data();
    if (condition.any.size() == 1) {
      keep_where(words, [&, low = first.low, high = first.high](size_t i) {
        return static_cast<int>(values[i] >= low) & static_cast<int>(values[i] <= high);
      });
      return;
    }
    keep_where(words, [&](size_t i) {
      int any = 0;
      for (const FilterValue& value : condition.any) {
        any |= static_cast<int>(values[i] >= value.low) & static_cast<int>(values[i] <= value.high);
      }
      return any;
    });
  });
}

bool text_accepted(const FilterCondition& condition, const Dictionary::Entry& entry) {
  for (size_t v = 0; v < condition.any.size(); ++v) {
    const FilterValue& value = condition.any[v];
    const bool equal = value.is_interval ? entry.number >= value.low && entry.number <= value.high
                                         : entry.number == value.number || condition.tests[v].matches(entry.folded);
    if (equal) return true;
  }
  return false;
}

/// [dictionary size] 1 for the texts that the condition accepts.
std::vector<uint8_t> accepted_codes(const FilterCondition& condition, const Dictionary& dictionary) {
  const std::shared_lock lock(dictionary.mutex);
  std::vector<uint8_t> accepted(dictionary.size(), 0);
  const bool look_up = std::all_of(condition.tests.begin(), condition.tests.end(),
                                   [](const TextTest& test) { return test.only_match() != nullptr; });
  const bool any_number = std::any_of(condition.any.begin(), condition.any.end(), [](const FilterValue& value) {
    return value.is_interval || !std::isnan(value.number);
  });
  if (look_up && !any_number) {
    for (const TextTest& test : condition.tests) accepted[dictionary.find(*test.only_match())] = 1;
  } else {
    for (uint32_t code = 1; code < dictionary.size(); ++code) {
      accepted[code] = text_accepted(condition, dictionary[code]) ? 1 : 0;
    }
  }
  accepted[0] = 0;
  return accepted;
}

void keep_texts(const FilterCondition& condition, const CatalogueView& view, ItemSet& set) {
  const TextColumn& column = text_column(view, condition.field);
  const std::vector<uint8_t> accepted = accepted_codes(condition, *column.dictionary);
  for_each_chunk(set, [&](size_t c, std::span<uint64_t> words) {
    const TextPart& part = *column.parts[c];
    const uint32_t* codes = part.codes.data();
    if (part.offsets.empty()) {
      keep_where(words, [&](size_t i) { return accepted[codes[i] & ~TextPart::kFilterOnly]; });
      return;
    }
    keep_set_bits_where(words, [&](size_t i) {
      return std::any_of(codes + part.offsets[i], codes + part.offsets[i + 1],
                         [&](uint32_t code) { return accepted[code & ~TextPart::kFilterOnly] != 0; });
    });
  });
}

void keep_ids(const FilterCondition& condition, const CatalogueView& view, ItemSet& set) {
  ItemSet found(view.size());
  for (const FilterValue& value : condition.any) {
    if (!value.prefix) {
      if (const auto item = view.find(value.text)) found.add(*item);
      continue;
    }
    set.for_each([&](ItemId item) {
      if (view.item(item).id.starts_with(value.text)) found.add(item);
    });
  }
  set &= found;
}

/// Titles and descriptions are hardly ever the same twice, so they have no column.
void keep_long_texts(const FilterCondition& condition, const CatalogueView& view, ItemSet& set) {
  const bool is_title = condition.field.kind == FieldKind::title;
  for_each_chunk(set, [&](size_t c, std::span<uint64_t> words) {
    const Chunk& chunk = *view.chunks()[c];
    keep_set_bits_where(words, [&](size_t i) {
      const std::string folded = fold(is_title ? chunk.items[i]->title : chunk.items[i]->description);
      return std::any_of(condition.tests.begin(), condition.tests.end(),
                         [&](const TextTest& test) { return test.matches(folded); });
    });
  });
}

void keep_condition(const FilterCondition& condition, const CatalogueView& view, ItemSet& set) {
  switch (condition.field.kind) {
    case FieldKind::id:
      return keep_ids(condition, view, set);
    case FieldKind::title:
    case FieldKind::description:
      return keep_long_texts(condition, view, set);
    case FieldKind::price:
    case FieldKind::available:
    case FieldKind::created_at:
      return keep_numbers(condition, view, set);
    default:
      return keep_texts(condition, view, set);
  }
}

/// 0: read from columns; more: the more the dearer.
int cost_of(const FilterNode& node) {
  if (node.kind == FilterNode::Kind::condition) {
    if (node.condition.field.kind == FieldKind::title) return 1;
    return node.condition.field.kind == FieldKind::description ? 2 : 0;
  }
  int cost = 0;
  for (const FilterNode& child : node.children) cost = std::max(cost, cost_of(child));
  return cost;
}

std::vector<const FilterNode*> cheapest_first(const FilterNode& node) {
  std::vector<const FilterNode*> children;
  for (const FilterNode& child : node.children) children.push_back(&child);
  std::stable_sort(children.begin(), children.end(),
                   [](const FilterNode* a, const FilterNode* b) { return cost_of(*a) < cost_of(*b); });
  return children;
}

/// Reduces the set to what the node accepts of it.
void keep_accepted(const FilterNode& node, const CatalogueView& view, ItemSet& set) {
  if (node.kind == FilterNode::Kind::all || set.empty()) return;
  const bool negated =
      node.kind == FilterNode::Kind::negation || (node.kind == FilterNode::Kind::condition && node.condition.negated);
  if (negated) {
    ItemSet accepted = set;
    if (node.kind == FilterNode::Kind::negation) {
      keep_accepted(node.children[0], view, accepted);
    } else {
      keep_condition(node.condition, view, accepted);
    }
    set -= accepted;
  } else if (node.kind == FilterNode::Kind::condition) {
    keep_condition(node.condition, view, set);
  } else if (node.kind == FilterNode::Kind::conjunction) {
    for (const FilterNode* child : cheapest_first(node)) keep_accepted(*child, view, set);
  } else {
    ItemSet left = set;  // not accepted so far
    for (const FilterNode* child : cheapest_first(node)) {
      ItemSet accepted = left;
      keep_accepted(*child, view, accepted);
      left -= accepted;
    }
    set -= left;
  }
}

}  // namespace

ItemSet Filter::evaluate(const CatalogueView& view) const {
  if (const auto field = unknown_field(view)) fail_unknown(*field, view, "filter_by");
  ItemSet set = view.live();
  keep_accepted(*root_, view, set);
  return set;
}

FilterCache::FilterCache(size_t max_entries, size_t max_bytes) : max_entries_(max_entries), max_bytes_(max_bytes) {}

std::shared_ptr<const ItemSet> FilterCache::evaluate(const Filter& filter, const CatalogueView& view) {
  std::string key = fmt::format("{} {}", view.version(), filter.text());
  {
    const std::lock_guard lock(mutex_);
    if (const auto it = by_key_.find(key); it != by_key_.end()) {
      entries_.splice(entries_.begin(), entries_, it->second);
      return it->second->set;
    }
  }
  auto set = std::make_shared<const ItemSet>(filter.evaluate(view));
  const size_t size_bytes = set->words().size_bytes() + 2 * key.size() + sizeof(Entry);
  const std::lock_guard lock(mutex_);
  if (const auto it = by_key_.find(key); it != by_key_.end()) return it->second->set;
  entries_.push_front({std::move(key), set, size_bytes});
  by_key_.emplace(entries_.front().key, entries_.begin());
  bytes_ += size_bytes;
  trim();
  return set;
}

void FilterCache::trim() {
  while (entries_.size() > max_entries_ || (bytes_ > max_bytes_ && !entries_.empty())) {
    by_key_.erase(entries_.back().key);
    bytes_ -= entries_.back().size_bytes;
    entries_.pop_back();
  }
}

size_t FilterCache::size() const {
  const std::lock_guard lock(mutex_);
  return entries_.size();
}

}  // namespace tessera::live
