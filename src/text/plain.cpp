#include "text/plain.h"

#include <cstdint>

namespace tessera::plain {

namespace {

bool continues(std::string_view text, size_t at) {
  return at < text.size() && (static_cast<uint8_t>(text[at]) & 0xC0u) == 0x80u;
}

/// Bytes of the character that starts at `at`; 0 where no well-formed one does.
size_t character_size(std::string_view text, size_t at) {
  const auto lead = static_cast<uint8_t>(text[at]);
  if (lead < 0x80) return 1;
  const size_t size = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4) return 0;
  for (size_t i = 1; i < size; ++i)
    if (!continues(text, at + i)) return 0;
  const auto second = static_cast<uint8_t>(text[at + 1]);
  const bool overlong = (lead == 0xE0 && second < 0xA0) || (lead == 0xF0 && second < 0x90);
  const bool outside = (lead == 0xED && second >= 0xA0) || (lead == 0xF4 && second >= 0x90);  // surrogate, > U+10FFFF
  return overlong || outside ? 0 : size;
}

bool ascii_letter_or_digit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/// Whether the character is a letter for our purpose.
bool in_word(std::string_view character) {
  if (character.size() == 1) return ascii_letter_or_digit(character[0]);
  const auto lead = static_cast<uint8_t>(character[0]), second = static_cast<uint8_t>(character[1]);
  if (lead == 0xC2) return false;                    // U+0080 to U+00BF: signs
  if (lead == 0xE2) return second >= 0xB0;           // U+2000 to U+2BFF: punctuation, signs, arrows
  if (lead == 0xE3 && second == 0x80) return false;  // U+3000 to U+303F
  return !(lead == 0xEF && (second == 0xBC || second == 0xBF)) && lead != 0xF0;  // full-width forms, U+FFFD, emoji
}

bool joins(char c) {
  return c == '\'' || c == '.' || c == ',';
}

}  // namespace

std::string normalise(std::string_view utf8, bool fold_case) {
  std::string out;
  out.reserve(utf8.size());
  for (size_t at = 0; at < utf8.size();) {
    const size_t size = character_size(utf8, at);
    if (size == 0) {
      out += "\uFFFD";
      ++at;
      continue;
    }
    const char c = utf8[at];
    if (size == 1 && fold_case && c >= 'A' && c <= 'Z') {
      out += static_cast<char>(c - 'A' + 'a');
    } else {
      out += utf8.substr(at, size);
    }
    at += size;
  }
  return out;
}

std::vector<std::string> words(std::string_view text) {
  std::vector<std::string> out;
  std::string word;
  const auto close = [&] {
    if (!word.empty()) out.push_back(std::move(word));
    word.clear();
  };
  for (size_t at = 0; at < text.size();) {
    const size_t size = character_size(text, at);
    const std::string_view character = text.substr(at, size == 0 ? 1 : size);
    if (size > 0 && in_word(character)) {
      word += character;
    } else if (!word.empty() && size == 1 && joins(character[0]) && at + 1 < text.size() &&
               ascii_letter_or_digit(text[at + 1])) {
      word += character;
    } else {
      close();
    }
    at += character.size();
  }
  close();
  return out;
}

}  // namespace tessera::plain
