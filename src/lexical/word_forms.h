#pragma once

#include <xapian.h>

#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>

namespace tessera {

/// Stems and stop words of a language. Not thread-safe: it remembers stems.
class WordForms {
 public:
  /// @throws Error(config) for a language without a stemmer, naming those there are
  WordForms(const std::string& language, bool stop_words);

  bool stems() const { return !stem_.is_none(); }
  /// The stem of a normalised word, or the word itself.
  const std::string& stem(const std::string& word);
  /// Whether a query does without the word. CJK words are given whole.
  bool is_stop_word(const std::string& word) const { return stop_words_.contains(word); }

 private:
  Xapian::Stem stem_;
  std::unordered_map<std::string, std::string> known_;
  std::unordered_set<std::string> stop_words_;
};

/// The index's term for a stem; raw words have no prefix (they start with no capital letter).
inline std::string stem_term(const std::string& stem) {
  return "Z" + stem;
}

}  // namespace tessera
