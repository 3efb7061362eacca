#include "live/words.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "data/item_json.h"
#include "text/normalise.h"
#include "text/tokenise.h"

namespace tessera::live {

namespace {

bool is_ascii_text(std::string_view text) {
  unsigned char any = 0;
  for (const char c : text) any |= static_cast<unsigned char>(c);
  return any < 0x80;
}

bool is_ascii_alnum(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z');
}

bool is_ascii_space(char c) {
  return c == ' ' || (c >= '\t' && c <= '\r');
}

/// Characters that may join what stands at both sides of them into one word; all other ASCII signs separate.
bool may_join(char c) {
  return c == '.' || c == ',' || c == ';' || c == ':' || c == '\'' || c == '"' || c == '_';
}

/// Whether a text is ASCII whose words are its runs of letters and digits. (ICU takes `@` for a letter, and has ways of
/// its own with `#` and `*`, which begin emoji.)
bool has_plain_words(std::string_view text) {
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (static_cast<unsigned char>(c) >= 0x80 || c == '@' || c == '#' || c == '*') return false;
    if (!may_join(c)) continue;
    const bool after = i > 0 && is_ascii_alnum(text[i - 1]);
    const bool before = i + 1 < text.size() && is_ascii_alnum(text[i + 1]);
    if (c == '_' || (after && before)) return false;
  }
  return true;
}

}  // namespace

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && is_ascii_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_ascii_space(text.back())) text.remove_suffix(1);
  return text;
}

void fold_into(std::string_view utf8, std::string& folded) {
  utf8 = trimmed(utf8);
  if (is_ascii_text(utf8)) {
    folded.assign(utf8);
    for (char& c : folded) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
    return;
  }
  const std::string normal = normalise(utf8);
  folded.assign(trimmed(normal));  // other white space may have become a space
}

std::string fold(std::string_view utf8) {
  std::string folded;
  fold_into(utf8, folded);
  return folded;
}

std::vector<std::string> words_of_folded(const std::string& folded) {
  if (!has_plain_words(folded)) return tokenise(folded);
  std::vector<std::string> words;
  for (size_t begin = 0; begin < folded.size();) {
    size_t end = begin;
    while (end < folded.size() && is_ascii_alnum(folded[end])) ++end;
    if (end > begin) words.push_back(folded.substr(begin, end - begin));
    begin = end + 1;
  }
  return words;
}

TextTest::TextTest(std::string_view value, bool exact, bool prefix)
    : whole_(fold(value)), exact_(exact), prefix_(prefix) {
  if (!exact_) words_ = words_of_folded(whole_);
  if (words_.empty()) exact_ = true;
}

bool TextTest::matches(const std::string& folded) const {
  if (exact_) return prefix_ ? !folded.empty() && folded.starts_with(whole_) : folded == whole_;
  for (const std::string& word : words_) {
    // An apostrophe of a word may have been another sign in the text.
    if (word.find('\'') == std::string::npos && folded.find(word) == std::string::npos) return false;
  }
  const std::vector<std::string> words = words_of_folded(folded);
  for (size_t i = 0; i < words_.size(); ++i) {
    const bool starts = prefix_ && i + 1 == words_.size();
    const auto wanted = [&](const std::string& word) {
      return starts ? word.starts_with(words_[i]) : word == words_[i];
    };
    if (std::none_of(words.begin(), words.end(), wanted)) return false;
  }
  return true;
}

std::string excerpt(std::string_view text) {
  constexpr size_t kMaxShown = 60;
  return to_line(text.size() <= kMaxShown ? std::string(text) : fmt::format("{}...", text.substr(0, kMaxShown - 3)));
}

double parse_number(std::string_view text) {
  constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
  if (text.starts_with('+') && !text.starts_with("+-")) text.remove_prefix(1);
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || !std::isfinite(value)) return kNone;
  return value;
}

}  // namespace tessera::live
