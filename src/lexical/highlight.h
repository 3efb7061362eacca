#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "data/catalogue.h"
#include "lexical/lexical_index.h"
#include "lexical/word_forms.h"
#include "lexical/words.h"

namespace tessera {

struct HighlightOptions {
  std::string pre = "<mark>", post = "</mark>";  ///< put around matches as they are
  int64_t window = 30;      ///< most words (CJK: letters) of a snippet, >= 1; a text that has no more comes whole
  bool escape_html = true;  ///< &, <, >, " and ' of the text become entities
};

/// A text with its matches marked.
struct Highlight {
  std::string field;                        ///< of an item; "" for a text
  std::string snippet;                      ///< valid UTF-8; an ellipsis where it is cut off
  std::vector<std::string> matched_tokens;  ///< as they stand in the text, each once, not escaped
};

/// Marks what a search matched. A match is one of whole graphemes, and so is a cut. Keep one a thread; not thread-safe.
class Highlighter {
 public:
  /// @param options  those of the index
  explicit Highlighter(const LexicalOptions& options);

  /// The part of `text` with the most different matches, or nothing if there is no match. Of a text longer than 64 KiB,
  /// the start is looked at.
  std::optional<Highlight> highlight(std::string_view text, const MatchedTerms& terms,
                                     const HighlightOptions& options = {});
  /// The fields that have a match: title, brand, categories, attributes, description. Names of categories and values of
  /// attributes stand one a line.
  std::vector<Highlight> highlight(const Item& item, const MatchedTerms& terms, const HighlightOptions& options = {});

 private:
  TextReader text_;
  WordForms forms_;
};

}  // namespace tessera
