#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/ids.h"

namespace tessera {

inline constexpr int64_t kMaxQueryBytes = 2048;
inline constexpr int64_t kMaxQueryWords = 32;       ///< words behind these are not looked at
inline constexpr int64_t kMaxQueryResults = 10000;  ///< of offset + limit

/// What is asked. Words are all wanted; "a phrase" in quotes is wanted as it stands; -word and -"a phrase" are not
/// wanted. Without any wanted word (also: `*`), every item matches with score 0, in the order of ItemId.
struct LexicalQuery {
  std::string text = {};
  int64_t limit = 10, offset = 0;
  bool prefix = true;     ///< the last word may be unfinished, unless a space follows it
  int64_t num_typos = 2;  ///< 0 to 2: most letters wrong in a word; words below 4 letters have none, below 7 at most 1
  int64_t min_results = 1;   ///< fewer matches than this: misspelt words are corrected, then words dropped
  bool drop_words = true;    ///< the most usual word first, never a phrase
  bool all_matches = false;  ///< LexicalResult::matches is wanted
  bool explain = false;      ///< LexicalHit::why is wanted
  /// Bit i % 64 of word i / 64 says whether item i may match; items behind its end may not. Borrowed.
  std::optional<std::span<const uint64_t>> allowed_bits = {};
  /// The same as a function, asked for every match; both hold where both are given.
  std::function<bool(ItemId)> allowed = {};
  /// Past this, the search ends with Error(overload).
  std::optional<std::chrono::steady_clock::time_point> deadline = {};
};

/// One word's part in a score.
struct LexicalReason {
  std::string term;   ///< the item's word as it is indexed, e.g. "shoes"
  std::string field;  ///< title, brand, categories, attributes or description
  double weight = 0;  ///< its part of LexicalHit::score
};

struct LexicalHit {
  ItemId item{};
  double score = 0;                ///< BM25 over all fields, >= 0
  std::vector<LexicalReason> why;  ///< by falling weight; the weights add up to the score
};

/// What to mark in an item's texts; lexical/highlight.h reads it.
struct MatchedTerms {
  std::vector<std::string> words;                 ///< normalised, exactly; those an unfinished word stands for too
  std::vector<std::string> stems;                 ///< words with one of these stems
  std::vector<std::string> prefixes;              ///< words that start so (marked, of no weight)
  std::vector<std::vector<std::string>> letters;  ///< runs of CJK letters
};

struct LexicalResult {
  int64_t found = 0;                       ///< exact number of matches
  std::vector<LexicalHit> hits;            ///< by falling score, then rising ItemId: places offset to offset + limit
  std::vector<ItemId> matches;             ///< rising; all of them, where asked for
  std::string corrected_query;             ///< the text with its misspelt words replaced; "" when none was, or no use
  std::vector<std::string> dropped_words;  ///< wanted words that a match need not have
  MatchedTerms terms;
};

}  // namespace tessera
