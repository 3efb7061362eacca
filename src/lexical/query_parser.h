#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "lexical/word_forms.h"
#include "lexical/words.h"

namespace tessera {

/// A wanted word: a word, or the letters that ICU's dictionary takes for one.
struct QueryWord {
  std::string text;                  ///< normalised
  std::string stem;                  ///< what synonyms go by; of CJK letters: `text`
  std::vector<std::string> letters;  ///< CJK only
  uint32_t begin = 0, end = 0;       ///< bytes of the query
};

using QueryPhrase = std::vector<TextTerm>;  ///< positions from 0

/// A query's text, read.
struct ParsedQuery {
  std::vector<QueryWord> words;
  std::vector<std::string> bridges;  ///< pairs of letters across two words: nice to have
  std::vector<QueryPhrase> phrases, excluded;
  bool unfinished = false;  ///< the last of `words` ends where the text does
};

/// Reads quotes (" and the curly ones), minus signs before words and phrases, and words without stop words (if nothing
/// else is wanted, these stay). A quote that is not closed ends with the text. Words behind the kMaxQueryWords-th are
/// left out.
ParsedQuery parse_query(std::string_view text, TextReader& reader, WordForms& forms);

/// The pairs of letters of a CJK word, or the letter alone.
std::vector<std::string> letter_terms(const std::vector<std::string>& letters);

}  // namespace tessera
