#include "lexical/words.h"

#include <unicode/brkiter.h>
#include <unicode/ubrk.h>
#include <unicode/utf16.h>
#include <unicode/utf8.h>

#include <algorithm>

#include "base/error.h"
#include "text/unicode_form.h"

namespace tessera {

namespace {

/// Bytes of the source that a UTF-16 unit of the normalised text comes from.
struct SourceRange {
  uint32_t begin = 0, end = 0;
};

std::string utf8_between(const icu::UnicodeString& text, int32_t begin, int32_t end) {
  std::string result;
  text.tempSubStringBetween(begin, end).toUTF8String(result);
  return result;
}

/// Whether normalisation may join the character with what stands before it, across the end of a grapheme.
bool belongs_to_letter_before(UChar32 c) {
  return c >= 0x80 &&
         ((U_GET_GC_MASK(c) & U_GC_M_MASK) != 0 || u_hasBinaryProperty(c, UCHAR_DEFAULT_IGNORABLE_CODE_POINT));
}

/// Cuts a word to kMaxWordBytes at a character.
void limit_word(std::string& word) {
  if (word.size() <= kMaxWordBytes) return;
  size_t size = kMaxWordBytes;
  while (size > 0 && (static_cast<uint8_t>(word[size]) & 0xC0u) == 0x80u) --size;
  word.resize(size);
}

std::unique_ptr<icu::BreakIterator> make_breaks(bool words) {
  UErrorCode status = U_ZERO_ERROR;
  std::unique_ptr<icu::BreakIterator> breaks(
      words ? icu::BreakIterator::createWordInstance(icu::Locale::getRoot(), status)
            : icu::BreakIterator::createCharacterInstance(icu::Locale::getRoot(), status));
  TESSERA_CHECK(U_SUCCESS(status) && breaks, unsupported, "ICU cannot load its {} rules: {}",
                words ? "word" : "character", u_errorName(status));
  return breaks;
}

}  // namespace

struct TextReader::State {
  NormaliseOptions options;
  std::unique_ptr<icu::BreakIterator> words, characters;

  icu::UnicodeString normalised(std::string_view utf8) const {
    icu::UnicodeString text = normalise_unicode(utf8, options);
    text.findAndReplace(icu::UnicodeString(UChar32{0x2019}), icu::UnicodeString(UChar32{'\''}));
    return text;
  }

  icu::UnicodeString placed(std::string_view utf8, std::vector<SourceRange>& origin);
  void append_words(const icu::UnicodeString& text, int32_t begin, int32_t end, const std::vector<SourceRange>* origin,
                    std::vector<TextUnit>& units);
  void append_letters(const icu::UnicodeString& text, int32_t begin, int32_t end,
                      const std::vector<SourceRange>* origin, std::vector<TextUnit>& units);
  std::vector<TextUnit> split(const icu::UnicodeString& text, const std::vector<SourceRange>* origin);
};

/// Normalises grapheme by grapheme, so that every unit of the result knows its source.
icu::UnicodeString TextReader::State::placed(std::string_view utf8, std::vector<SourceRange>& origin) {
  TESSERA_CHECK(utf8.size() <= (64u << 20), data, "a text of {} bytes is too long to read, wanted at most 64 MiB",
                utf8.size());
  icu::UnicodeString source;
  std::vector<uint32_t> byte_of;  // [source.length() + 1]
  const auto* bytes = reinterpret_cast<const uint8_t*>(utf8.data());
  const auto size = static_cast<int32_t>(utf8.size());
  for (int32_t at = 0; at < size;) {
    const auto start = static_cast<uint32_t>(at);
    UChar32 c = 0;
    U8_NEXT_OR_FFFD(bytes, at, size, c);
    source.append(c);
    byte_of.resize(static_cast<size_t>(source.length()), start);
  }
  byte_of.push_back(static_cast<uint32_t>(size));

  icu::UnicodeString text;
  characters->setText(source);
  int32_t from = characters->first();
  for (int32_t to = characters->next(); to != icu::BreakIterator::DONE; from = to, to = characters->next()) {
    while (to < source.length() && belongs_to_letter_before(source.char32At(to))) to = characters->next();
    const SourceRange range{byte_of[static_cast<size_t>(from)], byte_of[static_cast<size_t>(to)]};
    const char16_t only = to - from == 1 ? source.charAt(from) : u'\uFFFF';
    if (only < 0x80) {
      text.append(static_cast<char16_t>(only >= u'A' && only <= u'Z' ? only - u'A' + u'a' : only));
    } else {
      text.append(normalised(utf8.substr(range.begin, range.end - range.begin)));
    }
    origin.resize(static_cast<size_t>(text.length()), range);
  }
  return text;
}

void TextReader::State::append_words(const icu::UnicodeString& text, int32_t begin, int32_t end,
                                     const std::vector<SourceRange>* origin, std::vector<TextUnit>& units) {
  const icu::UnicodeString part = text.tempSubStringBetween(begin, end);
  words->setText(part);
  int32_t from = words->first();
  for (int32_t to = words->next(); to != icu::BreakIterator::DONE; from = to, to = words->next()) {
    if (words->getRuleStatus() == UBRK_WORD_NONE) continue;
    TextUnit unit;
    unit.text = utf8_between(part, from, to);
    limit_word(unit.text);
    if (origin != nullptr) {
      unit.begin = (*origin)[static_cast<size_t>(begin + from)].begin;
      unit.end = (*origin)[static_cast<size_t>(begin + to - 1)].end;
    }
    units.push_back(std::move(unit));
  }
}

void TextReader::State::append_letters(const icu::UnicodeString& text, int32_t begin, int32_t end,
                                       const std::vector<SourceRange>* origin, std::vector<TextUnit>& units) {
  const size_t first = units.size();
  std::vector<int32_t> starts;
  for (int32_t at = begin; at < end;) {
    const int32_t next = text.moveIndex32(at, 1);
    TextUnit unit;
    unit.text = utf8_between(text, at, next);
    unit.cjk = true;
    unit.joined = at > begin;
    if (origin != nullptr) {
      unit.begin = (*origin)[static_cast<size_t>(at)].begin;
      unit.end = (*origin)[static_cast<size_t>(next - 1)].end;
      unit.starts_word = false;
      starts.push_back(at - begin);
    }
    units.push_back(std::move(unit));
    at = next;
  }
  if (origin == nullptr) return;
  const icu::UnicodeString part = text.tempSubStringBetween(begin, end);
  words->setText(part);
  for (int32_t at = words->first(); at != icu::BreakIterator::DONE; at = words->next()) {
    const auto found = std::lower_bound(starts.begin(), starts.end(), at);
    if (found != starts.end() && *found == at) {
      units[first + static_cast<size_t>(found - starts.begin())].starts_word = true;
    }
  }
}

std::vector<TextUnit> TextReader::State::split(const icu::UnicodeString& text, const std::vector<SourceRange>* origin) {
  std::vector<TextUnit> units;
  int32_t run_begin = 0;
  bool run_cjk = false;
  const auto close_run = [&](int32_t end) {
    if (run_begin == end) return;
    if (run_cjk) {
      append_letters(text, run_begin, end, origin, units);
    } else {
      append_words(text, run_begin, end, origin, units);
    }
    run_begin = end;
  };
  for (int32_t i = 0; i < text.length();) {
    const UChar32 c = text.char32At(i);
    const bool cjk = is_cjk(c);
    if (cjk != run_cjk) close_run(i);
    run_cjk = cjk;
    i += U16_LENGTH(c);
  }
  close_run(text.length());
  return units;
}

TextReader::TextReader(bool strip_accents) : state_(std::make_unique<State>()) {
  state_->options.strip_accents = strip_accents;
  state_->words = make_breaks(true);
  state_->characters = make_breaks(false);
}
TextReader::~TextReader() = default;
TextReader::TextReader(TextReader&&) noexcept = default;
TextReader& TextReader::operator=(TextReader&&) noexcept = default;

std::vector<TextUnit> TextReader::units(std::string_view utf8) {
  return state_->split(state_->normalised(utf8), nullptr);
}

std::vector<TextUnit> TextReader::placed_units(std::string_view utf8) {
  std::vector<SourceRange> origin;
  const icu::UnicodeString text = state_->placed(utf8, origin);
  return state_->split(text, &origin);
}

std::string TextReader::key(std::string_view utf8) {
  const icu::UnicodeString text = state_->normalised(utf8);
  icu::UnicodeString kept;
  bool gap = false;
  for (int32_t i = 0; i < text.length();) {
    const UChar32 c = text.char32At(i);
    i += U16_LENGTH(c);
    const bool mark = (U_GET_GC_MASK(c) & U_GC_M_MASK) != 0;
    if (!u_isalnum(c) && !(mark && !gap && !kept.isEmpty())) {
      gap = true;
      continue;
    }
    if (gap && !kept.isEmpty()) kept.append(u' ');
    gap = false;
    kept.append(c);
  }
  std::string result;
  kept.toUTF8String(result);
  return result;
}

std::string valid_utf8(std::string_view text) {
  std::string result;
  result.reserve(text.size());
  const auto* bytes = reinterpret_cast<const uint8_t*>(text.data());
  const auto size = static_cast<int32_t>(text.size());
  for (int32_t at = 0; at < size;) {
    const auto start = static_cast<size_t>(at);
    UChar32 c = 0;
    U8_NEXT(bytes, at, size, c);
    result += c < 0 ? std::string_view("\uFFFD") : text.substr(start, static_cast<size_t>(at) - start);
  }
  return result;
}

std::vector<TextTerm> text_terms(const std::vector<TextUnit>& units, int32_t first) {
  std::vector<TextTerm> terms;
  terms.reserve(units.size() * 2);
  int32_t position = first;
  for (size_t i = 0; i < units.size(); ++i) {
    const TextUnit& unit = units[i];
    const bool next_joined = i + 1 < units.size() && units[i + 1].cjk && units[i + 1].joined;
    if (!unit.cjk || (!unit.joined && !next_joined)) {
      terms.push_back({unit.text, false, position++});
    } else if (next_joined) {
      terms.push_back({unit.text, true, position});
      terms.push_back({unit.text + units[i + 1].text, false, position++});
    } else {
      terms.push_back({unit.text, true, position - 1});
    }
  }
  return terms;
}

}  // namespace tessera
