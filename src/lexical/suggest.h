#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/options.h"

namespace tessera {

struct SuggestOptions {
  int64_t max_queries = 100000;
  int64_t max_letters = 80;
  double half_life_days = 14;
  bool strip_accents = true;

  template <class F>
  void fields(F& f) {
    f("max_queries", max_queries, "queries that are kept; the least asked are forgotten", range(100, 10'000'000));
    f("max_letters", max_letters, "letters of a query that is kept; longer ones are not", range(1, 500));
    f("half_life_days", half_life_days, "after this many days a query counts half", range(0.01, 36500));
    f("strip_accents", strip_accents, "e finds an accented e, in Latin and Greek");
  }
};

struct SuggestRequest {
  std::string prefix;                      ///< as typed so far; what is behind 64 letters is not looked at
  int64_t max_queries = 5, max_items = 5;  ///< 0 to 100 each
  bool fuzzy = true;  ///< one edit in prefixes of more than 3 letters, two behind the first letter in those of
                      ///< more than 7; CJK: all behind the first letter
  std::function<bool(ItemId)> allowed = {};  ///< which items may be suggested; empty: all
  /// Ranks items of as many edits for a person, higher first, in place of popularity; empty: popularity.
  std::function<double(ItemId)> score = {};
};

/// What is to be known of an item.
struct ItemTitle {
  ItemId item{};
  std::string title;
  double popularity = 0;  ///< any finite number
};

struct QuerySuggestion {
  std::string text;   ///< as it was asked first
  double weight = 0;  ///< how often, as of the last change of any query
  int32_t edits = 0;
};

struct ItemSuggestion {
  ItemId item{};
  double popularity = 0;
  int32_t edits = 0;
};

/// Both by rising edits, then falling popularity.
struct Suggestions {
  std::vector<QuerySuggestion> queries;
  std::vector<ItemSuggestion> items;
};

/// Completes what is being typed: past queries by how they start, items by how a word of their title starts. All
/// functions are safe from any thread; changes wait for each other and are seen by the next suggest().
class Suggester {
 public:
  /// @throws Error(config) for options out of range
  explicit Suggester(const SuggestOptions& options = {});
  ~Suggester();

  /// Counts a query `weight` times (> 0, finite) at `now` (seconds since 1970 UTC). Texts without letters and digits,
  /// and overlong ones, are passed over. @return whether it was counted
  bool add_query(std::string_view text, double weight, int64_t now);
  /// Forgets a query in all its spellings of case and width. @return whether it was there
  bool remove_query(std::string_view text);
  /// Counts many, as after a start: faster than one by one. @return how many were counted
  int64_t add_queries(const std::vector<QuerySuggestion>& queries, int64_t now);
  /// What add_queries() needs to make the same state again, with the weights at `now`.
  std::vector<QuerySuggestion> queries(int64_t now) const;

  /// Puts an item, or replaces its title and popularity (any finite number). Its first 12 words are looked at.
  void put_item(const ItemTitle& item);
  /// Puts many, as after a start: faster than one by one. @throws Error(data) if an item comes twice
  void put_items(const std::vector<ItemTitle>& items);
  void set_popularity(ItemId item, double popularity);  ///< nothing where the item is not there
  void erase_item(ItemId item);

  /// @throws Error(data) for limits out of range
  Suggestions suggest(const SuggestRequest& request) const;

  int64_t num_queries() const;
  int64_t num_items() const;
  int64_t size_bytes() const;  ///< about

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace tessera
