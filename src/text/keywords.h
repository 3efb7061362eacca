#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tessera {

/// Where a keyword stands in a text: bytes [begin, end).
struct KeywordMatch {
  int32_t keyword = 0;  ///< position in the list of keywords
  size_t begin = 0, end = 0;
  friend bool operator==(const KeywordMatch&, const KeywordMatch&) = default;
};

/// Finds many keywords in one pass over a text (Aho and Corasick 1975), byte by byte: bring both into one form first
/// (text/normalise.h). UTF-8 keywords match at whole characters only, since no character starts inside another.
/// 28 bytes per distinct prefix of the keywords. Immutable, so safe to share between threads.
class KeywordAutomaton {
 public:
  /// Keywords may repeat and overlap. @throws Error(data) if one is empty
  explicit KeywordAutomaton(std::span<const std::string> keywords);

  /// Every occurrence of every keyword, by rising end, then falling length, then keyword.
  std::vector<KeywordMatch> find_all(std::string_view text) const;
  /// Occurrences that do not overlap: from the left, the one that starts first, of those the longest. Of equal
  /// keywords the first is named.
  std::vector<KeywordMatch> find_longest(std::string_view text) const;

 private:
  struct Node {
    int32_t first_child = 0;  ///< children are neighbours, by rising label
    int32_t fail = 0;         ///< node of the longest proper suffix that is in the trie
    int32_t output = 0;       ///< nearest node along `fail`, itself included, that ends a keyword; 0: none
    int32_t first_keyword = 0, num_keywords = 0;  ///< in sorted_: those that end here
    int32_t depth = 0;
    uint16_t num_children = 0;
    uint8_t label = 0;
  };

  int32_t child(int32_t node, uint8_t label) const;  ///< 0: none
  int32_t step(int32_t node, uint8_t label) const;
  KeywordMatch match_at(int32_t node, size_t end, int32_t nth) const;

  std::vector<Node> nodes_;                 ///< breadth first; 0 is the root
  std::vector<int32_t> sorted_;             ///< keyword numbers by text, then number
  std::array<int32_t, 256> root_children_;  ///< the root has the most children and is asked most
};

}  // namespace tessera
