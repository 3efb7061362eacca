#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace tessera {

/// What a text is made of where it is matched: a word, or one letter of Chinese, Japanese or Korean.
struct TextUnit {
  std::string text;             ///< normalised, UTF-8
  uint32_t begin = 0, end = 0;  ///< bytes of the source, at grapheme boundaries; both 0 unless asked for
  bool cjk = false;             ///< one letter of a script written without spaces
  bool joined = false;          ///< a letter that stands right behind another one
  bool starts_word = true;      ///< false: a letter inside a word, by ICU's dictionaries; only if asked for
  friend bool operator==(const TextUnit&, const TextUnit&) = default;
};

/// A term of a text at its place: what index, phrases and highlighting agree on.
struct TextTerm {
  std::string text;
  bool letter = false;  ///< one CJK letter beside the pair that stands at the same place
  int32_t position = 0;
};

/// Reads a text as the index does. Holds ICU objects and a stemmer: keep one a thread; not thread-safe.
class TextReader {
 public:
  /// @param strip_accents  "é" is "e", in Latin and Greek
  explicit TextReader(bool strip_accents = true);
  ~TextReader();
  TextReader(TextReader&&) noexcept;
  TextReader& operator=(TextReader&&) noexcept;

  /// Units in order; words longer than kMaxWordBytes are cut at a character. Joined pairs of letters and single words
  /// are exactly the tokens of text/tokenise.h.
  std::vector<TextUnit> units(std::string_view utf8);
  /// The same with `begin`, `end` and `starts_word`. @throws Error(data) if the text is longer than 64 MiB
  std::vector<TextUnit> placed_units(std::string_view utf8);

  /// The form in which texts are compared as a whole, for suggestions: normalised, every run of anything but letters,
  /// digits and their marks is one space; none at the ends.
  std::string key(std::string_view utf8);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

inline constexpr size_t kMaxWordBytes = 64;

/// The text with every byte that is not UTF-8 replaced by U+FFFD.
std::string valid_utf8(std::string_view text);

/// Terms of units: a word as it is; a run of letters as its overlapping pairs, and each letter alone too. Positions
/// count words and pairs, from `first`; a letter has the position of the pair it starts (the last: of the pair it
/// ends).
std::vector<TextTerm> text_terms(const std::vector<TextUnit>& units, int32_t first = 0);

}  // namespace tessera
