#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "live/columns.h"
#include "live/filter.h"

namespace tessera::live {

namespace {

constexpr size_t kWordsPerChunk = kChunkSlots / 64;
/// Up to this many set bits of a word are asked one by one.
constexpr int kFewBits = 12;

/// What a filter is evaluated on.
struct Evaluation {
  const CatalogueView& view;
  Deadline deadline;
  void check_deadline() const {
    if (deadline == kNoDeadline || std::chrono::steady_clock::now() < deadline) return;
    fail(ErrorKind::overload, "filter_by takes longer than this request may; use fewer conditions on texts");
  }
};

/// Calls chunk_words(c, words) for each chunk that has an item in the set; words [16] are its bits, to be reduced.
template <class F>
void for_each_chunk(ItemSet& set, F&& chunk_words) {
  const auto words = set.words();
  for (size_t c = 0; c * kWordsPerChunk < words.size(); ++c) {
    const auto part = words.subspan(c * kWordsPerChunk, std::min(kWordsPerChunk, words.size() - c * kWordsPerChunk));
    if (std::any_of(part.begin(), part.end(), [](uint64_t word) { return word != 0; })) chunk_words(c, part);
  }
}

/// Reduces a word to those of its bits b for which accepts(b), asking about its set bits only.
template <class F>
uint64_t kept_bits(uint64_t word, F&& accepts) {
  for (uint64_t left = word; left != 0; left &= left - 1) {
    const auto b = static_cast<size_t>(std::countr_zero(left));
    if (!accepts(b)) word &= ~(1ULL << b);
  }
  return word;
}

/// Keeps those bits i of the words for which accepts(i), which is cheap to ask.
template <class F>
void keep_where(std::span<uint64_t> words, F&& accepts) {
  for (size_t w = 0; w < words.size(); ++w) {
    const auto accepts_bit = [&](size_t b) { return accepts(w * 64 + b) != 0; };
    if (std::popcount(words[w]) <= kFewBits) {
      words[w] = kept_bits(words[w], accepts_bit);
      continue;
    }
    uint64_t bits = 0;
    for (size_t b = 0; b < 64; ++b) bits |= static_cast<uint64_t>(accepts_bit(b)) << b;
    words[w] &= bits;
  }
}

/// The same where it is dear.
template <class F>
void keep_set_bits_where(std::span<uint64_t> words, F&& accepts) {
  for (size_t w = 0; w < words.size(); ++w)
    words[w] = kept_bits(words[w], [&](size_t b) { return accepts(w * 64 + b); });
}

void keep_numbers(const FilterCondition& condition, const Evaluation& on, ItemSet& set) {
  const NumberColumn& column = number_column(on.view, condition.field);
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

/// Marks the texts with an accepted number.
void accept_numbers(const FilterCondition& condition, const Dictionary& dictionary, std::vector<uint8_t>& accepted) {
  std::vector<double> numbers;
  std::vector<const FilterValue*> intervals;
  for (const FilterValue& value : condition.any) {
    if (value.is_interval) intervals.push_back(&value);
    if (!value.is_interval && !std::isnan(value.number)) numbers.push_back(value.number);
  }
  if (numbers.empty() && intervals.empty()) return;
  std::sort(numbers.begin(), numbers.end());
  for (uint32_t code = 1; code < dictionary.size(); ++code) {
    const double number = dictionary[code].number;
    if (std::isnan(number)) continue;
    const auto holds = [&](const FilterValue* value) { return number >= value->low && number <= value->high; };
    if (std::binary_search(numbers.begin(), numbers.end(), number) ||
        std::any_of(intervals.begin(), intervals.end(), holds)) {
      accepted[code] = 1;
    }
  }
}

/// [dictionary size] 1 for the texts that the condition accepts.
std::vector<uint8_t> accepted_codes(const FilterCondition& condition, const Dictionary& dictionary,
                                    const Evaluation& on) {
  const std::shared_lock lock(dictionary.mutex);
  std::vector<uint8_t> accepted(dictionary.size(), 0);
  if (condition.field.kind == FieldKind::attribute) accept_numbers(condition, dictionary, accepted);
  std::vector<const TextTest*> searches;
  for (size_t v = 0; v < condition.any.size(); ++v) {
    if (condition.any[v].is_interval) continue;
    if (const std::string* only = condition.tests[v].only_match()) {
      accepted[dictionary.find(*only)] = 1;
    } else {
      searches.push_back(&condition.tests[v]);
    }
  }
  for (uint32_t code = 1; !searches.empty() && code < dictionary.size(); ++code) {
    if (code % 256 == 0) on.check_deadline();
    const auto matches = [&](const TextTest* test) { return test->matches(dictionary[code].folded); };
    if (std::any_of(searches.begin(), searches.end(), matches)) accepted[code] = 1;
  }
  accepted[0] = 0;
  return accepted;
}

void keep_texts(const FilterCondition& condition, const Evaluation& on, ItemSet& set) {
  const TextColumn& column = text_column(on.view, condition.field);
  const std::vector<uint8_t> accepted = accepted_codes(condition, *column.dictionary, on);
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

void keep_ids(const FilterCondition& condition, const Evaluation& on, ItemSet& set) {
  ItemSet found(on.view.size());
  for (const FilterValue& value : condition.any) {
    if (!value.prefix) {
      if (const auto item = on.view.find(value.text)) found.add(*item);
      continue;
    }
    on.check_deadline();
    set.for_each([&](ItemId item) {
      if (on.view.item(item).id.starts_with(value.text)) found.add(item);
    });
  }
  set &= found;
}

/// Titles and descriptions are hardly ever the same twice, so they have no column.
void keep_long_texts(const FilterCondition& condition, const Evaluation& on, ItemSet& set) {
  std::string folded;
  const bool is_title = condition.field.kind == FieldKind::title;
  for_each_chunk(set, [&](size_t c, std::span<uint64_t> words) {
    on.check_deadline();
    const Chunk& chunk = *on.view.chunks()[c];
    keep_set_bits_where(words, [&](size_t i) {
      fold_into(is_title ? chunk.items[i]->title : chunk.items[i]->description, folded);
      return std::any_of(condition.tests.begin(), condition.tests.end(),
                         [&](const TextTest& test) { return test.matches(folded); });
    });
  });
}

void keep_condition(const FilterCondition& condition, const Evaluation& on, ItemSet& set) {
  switch (condition.field.kind) {
    case FieldKind::id:
      return keep_ids(condition, on, set);
    case FieldKind::title:
    case FieldKind::description:
      return keep_long_texts(condition, on, set);
    case FieldKind::price:
    case FieldKind::available:
    case FieldKind::created_at:
      return keep_numbers(condition, on, set);
    default:
      return keep_texts(condition, on, set);
  }
}

/// What to take before what: ids, then text columns (4 bytes an item, and a text often accepts few), numbers (8 bytes),
/// and the texts that have no column.
int cost_of(const FilterNode& node) {
  if (node.kind == FilterNode::Kind::condition) {
    const Field& field = node.condition.field;
    if (field.kind == FieldKind::id) return 0;
    if (field.kind == FieldKind::title) return 3;
    if (field.kind == FieldKind::description) return 4;
    return field.is_number() || field.kind == FieldKind::available ? 2 : 1;
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
void keep_accepted(const FilterNode& node, const Evaluation& on, ItemSet& set) {
  if (node.kind == FilterNode::Kind::all || set.empty()) return;
  const bool negated =
      node.kind == FilterNode::Kind::negation || (node.kind == FilterNode::Kind::condition && node.condition.negated);
  if (negated) {
    ItemSet accepted = set;
    if (node.kind == FilterNode::Kind::negation) {
      keep_accepted(node.children[0], on, accepted);
    } else {
      keep_condition(node.condition, on, accepted);
    }
    set -= accepted;
  } else if (node.kind == FilterNode::Kind::condition) {
    keep_condition(node.condition, on, set);
  } else if (node.kind == FilterNode::Kind::conjunction) {
    for (const FilterNode* child : cheapest_first(node)) keep_accepted(*child, on, set);
  } else {
    ItemSet left = set;  // not accepted so far
    for (const FilterNode* child : cheapest_first(node)) {
      ItemSet accepted = left;
      keep_accepted(*child, on, accepted);
      left -= accepted;
    }
    set -= left;
  }
}

}  // namespace

ItemSet Filter::evaluate(const CatalogueView& view, Deadline deadline) const {
  if (const auto field = unknown_field(view)) fail_unknown(*field, view, "filter_by");
  ItemSet set = view.live();
  keep_accepted(*root_, {view, deadline}, set);
  return set;
}

FilterCache::FilterCache(size_t max_entries, size_t max_bytes) : max_entries_(max_entries), max_bytes_(max_bytes) {}

std::shared_ptr<const ItemSet> FilterCache::evaluate(const Filter& filter, const CatalogueView& view,
                                                     Deadline deadline) {
  std::string key = fmt::format("{} {}", view.version(), filter.text());
  {
    const std::lock_guard lock(mutex_);
    if (const auto it = by_key_.find(key); it != by_key_.end()) {
      entries_.splice(entries_.begin(), entries_, it->second);
      return it->second->set;
    }
  }
  auto set = std::make_shared<const ItemSet>(filter.evaluate(view, deadline));
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
