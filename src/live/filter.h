#pragma once

#include <chrono>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "live/fields.h"
#include "live/item_set.h"
#include "live/live_catalogue.h"
#include "live/words.h"

namespace tessera::live {

/// One value of a condition; a condition holds when any of its values does.
struct FilterValue {
  /// For number fields, `available` (1 or 0), and comparisons of attributes: the closed interval of accepted numbers.
  /// An open end is the next number inwards.
  double low = 0, high = 0;
  bool is_interval = false;
  /// For text fields, and attributes otherwise. `number` is what the text is as a number, or NaN: an attribute whose
  /// text is an equal number matches too ("10" and "10.0").
  std::string text;
  bool prefix = false;
  double number = 0;
};

struct FilterCondition {
  Field field;
  bool negated = false;
  bool exact = false;  ///< `:=` and `:!=`: the whole text rather than words of it
  std::vector<FilterValue> any;
  std::vector<TextTest> tests;  ///< [any.size()] when the values are texts
};

struct FilterNode {
  enum class Kind { all, condition, conjunction, disjunction, negation };
  Kind kind = Kind::all;
  FilterCondition condition;
  std::vector<FilterNode> children;  ///< at least two below && and ||, one below !
};

struct FilterLimits {
  size_t max_bytes = 4096;
  int max_operators = 100;  ///< `&&`, `||` and `!`
  int max_depth = 16;       ///< parentheses and `!` within each other
};

using Deadline = std::chrono::steady_clock::time_point;
constexpr Deadline kNoDeadline = Deadline::max();

/// A condition on items in the grammar of Typesense's `filter_by`:
///
///     filter    := and ("||" and)*            and := unary ("&&" unary)*
///     unary     := "!" unary | "(" filter ")" | field ":" test
///     test      := ("=" | "!=" | "!")? (value | "[" element ("," element)* "]")  |  ("<" | "<=" | ">" | ">=") number
///     element   := value | number ".." number | ("<" | "<=" | ">" | ">=") number
///
/// A text value goes on to the next `&&`, `||` or `)`, in a list to the next `,` or `]`; between back-ticks it may hold
/// any of these. A `*` at its end (outside of back-ticks) makes it a prefix; `*` alone is any value. A field name may
/// stand between back-ticks too. Empty text accepts every item.
///
/// Texts are compared folded (live/words.h): `:=` the whole text, `:` all words of the value in any order within one
/// value of the field. `id` is compared byte by byte in both. `price` takes numbers; `created_at` numbers (seconds) or
/// RFC 3339 times; `available` true and false; ranges include both ends. An attribute takes texts; with `<` and so on,
/// or a range, its texts are read as numbers, and those that are none do not match. An attribute that was a list
/// matches by any of its elements or as "a, b". `!` in all its places is the complement among live items, so a missing
/// value passes `:!=`.
///
/// A value; concurrent reads are safe.
class Filter {
 public:
  Filter();  ///< accepts every item
  /// Everything is checked but whether an attribute exists, which depends on the catalogue.
  /// @throws Error(data) with the position (in bytes, from 1), what was found and what was expected
  static Filter parse(std::string_view text, const FilterLimits& limits = {});

  /// What it was parsed from; for a part of a filter (without()), a text that names this part alone.
  const std::string& text() const { return text_; }
  bool accepts_all() const { return root_->kind == FilterNode::Kind::all; }
  const FilterNode& root() const { return *root_; }

  /// The filter less those of its top-level && conjuncts that speak about such fields only. For a category level these
  /// are the conditions on this level and the ones below it, so that the counts show the siblings.
  Filter without(const Field& field) const;

  /// What is wrong with the filter for this catalogue: the name of a field that no item ever had.
  std::optional<Field> unknown_field(const CatalogueView& view) const;
  /// The live items that the filter accepts. Takes the cheap conditions of an `&&` first, and reads texts (title,
  /// description) of items only that passed them.
  /// @param deadline  conditions that read many texts (title, description, words of a field with many distinct texts)
  /// can
  ///   take a second at a million items, and there can be many of them; they give up then
  /// @throws Error(data) for an unknown field, naming the nearest one; Error(overload) past the deadline
  ItemSet evaluate(const CatalogueView& view, Deadline deadline = kNoDeadline) const;

 private:
  std::shared_ptr<const FilterNode> root_;
  std::string text_;
};

/// The latest results of filters on one LiveCatalogue, by text and version; what has not been used for longest goes
/// first. Thread-safe; two threads that miss the same filter at once both evaluate it.
class FilterCache {
 public:
  /// @param max_entries,max_bytes  the results kept; one takes about slots / 8 bytes
  explicit FilterCache(size_t max_entries = 256, size_t max_bytes = 64 << 20);
  /// @throws Error as Filter::evaluate
  std::shared_ptr<const ItemSet> evaluate(const Filter& filter, const CatalogueView& view,
                                          Deadline deadline = kNoDeadline);
  size_t size() const;

 private:
  struct Entry {
    std::string key;
    std::shared_ptr<const ItemSet> set;
    size_t size_bytes;
  };
  void trim();

  const size_t max_entries_, max_bytes_;
  mutable std::mutex mutex_;
  size_t bytes_ = 0;
  std::list<Entry> entries_;  ///< the latest used first
  std::unordered_map<std::string_view, std::list<Entry>::iterator> by_key_;
};

}  // namespace tessera::live
