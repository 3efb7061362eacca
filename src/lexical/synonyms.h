#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

namespace tessera {

/// Words that are looked for together. With a `root`: a query for it also finds the `words`, but not the other way
/// round. Without: each stands for all.
struct Synonym {
  std::string root;
  std::vector<std::string> words;  ///< one or more words each
};

/// Synonyms ready for queries. Immutable, so safe to share between threads.
class SynonymTable {
 public:
  using Words = std::vector<std::string>;

  /// One expression of the query that has synonyms: words [begin, end) of it.
  struct Match {
    size_t begin = 0, end = 0;
    const std::vector<Words>* alternatives = nullptr;  ///< lives as long as the table
  };

  /// Says that words `from` stand for words `to` too; both in the form of the index (stems).
  /// @throws Error(data) where either is empty or longer than kMaxWords
  void add(const Words& from, const Words& to);
  /// Expressions in `words` that do not overlap: from the left, the longest.
  std::vector<Match> find(const Words& words) const;
  bool empty() const { return by_key_.empty(); }

  static constexpr size_t kMaxWords = 8;          ///< of one expression
  static constexpr size_t kMaxAlternatives = 64;  ///< of one expression

 private:
  std::unordered_map<std::string, std::vector<Words>> by_key_;  ///< words joined by a zero byte
  size_t longest_ = 0;
};

}  // namespace tessera
