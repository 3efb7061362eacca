#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace tessera::live {

/// The form in which texts are compared: text/normalise.h with its default options, white space at both ends dropped.
/// (ASCII takes a shorter road to the same result.) Thread-safe.
std::string fold(std::string_view utf8);
/// The same into a string whose memory is used again.
void fold_into(std::string_view utf8, std::string& folded);

/// The words of a text as text/tokenise.h makes them. @param folded  what fold() returned
std::vector<std::string> words_of_folded(const std::string& folded);

/// A condition on a text, as `filter_by` writes it: `field:value` (a text that contains all words of the value),
/// `field:=value` (a text that equals it), either with a `*` at the end (its last word, or itself, is a prefix only).
class TextTest {
 public:
  /// A value without any word, such as "~~", is compared as a whole also where words were meant; an empty one with
  /// `prefix` accepts every text that is not empty.
  TextTest(std::string_view value, bool exact, bool prefix);
  /// @param folded  what fold() returned. Thread-safe.
  bool matches(const std::string& folded) const;
  /// The one text that matches, or nullptr when there may be others.
  const std::string* only_match() const { return exact_ && !prefix_ ? &whole_ : nullptr; }

 private:
  std::string whole_;
  std::vector<std::string> words_;
  bool exact_;
  bool prefix_;
};

/// A finite number that is all of the text, written in ASCII as in JSON or "+5", ".5", "1e3". @return NaN if it is not
double parse_number(std::string_view text);

/// The text as error messages show it: in quotes as in JSON, cut to 60 bytes, bytes that are not UTF-8 replaced.
std::string excerpt(std::string_view text);

/// The text without ASCII white space at both ends.
std::string_view trimmed(std::string_view text);

}  // namespace tessera::live
