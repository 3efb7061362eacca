#include "text/tokenise.h"

#include "base/error.h"
#include "text/plain.h"
#include "text/unicode_form.h"

#if TESSERA_WITH_ICU
#include <unicode/brkiter.h>
#include <unicode/ubrk.h>
#include <unicode/uscript.h>
#include <unicode/utf16.h>
#endif

namespace tessera {

#if TESSERA_WITH_ICU
bool is_cjk(UChar32 c) {
  if (c < 0x1100) return false;
  if (c == 0x30FC || c == 0x3099 || c == 0x309A) return true;  // marks shared by Hiragana and Katakana
  UErrorCode ignored = U_ZERO_ERROR;
  switch (uscript_getScript(c, &ignored)) {
    case USCRIPT_HAN:
    case USCRIPT_HIRAGANA:
    case USCRIPT_KATAKANA:
    case USCRIPT_HANGUL:
    case USCRIPT_BOPOMOFO:
    case USCRIPT_YI:
      return u_isalnum(c);
    default:
      return false;
  }
}

namespace {

std::string utf8_of(const icu::UnicodeString& text, int32_t begin, int32_t end) {
  std::string result;
  text.tempSubStringBetween(begin, end).toUTF8String(result);
  return result;
}

/// Appends the overlapping pairs of the letters in [begin, end), or the letter that is alone.
void append_pairs(const icu::UnicodeString& text, int32_t begin, int32_t end, std::vector<std::string>& tokens) {
  int32_t second = text.moveIndex32(begin, 1);
  if (second == end) tokens.push_back(utf8_of(text, begin, end));
  for (int32_t first = begin; second < end; first = text.moveIndex32(first, 1)) {
    second = text.moveIndex32(second, 1);
    tokens.push_back(utf8_of(text, first, second));
  }
}

}  // namespace

struct Tokeniser::State {
  NormaliseOptions options;
  std::unique_ptr<icu::BreakIterator> words;

  /// Appends the words of [begin, end), which holds no CJK letter.
  void append_words(const icu::UnicodeString& text, int32_t begin, int32_t end, std::vector<std::string>& tokens) {
    const icu::UnicodeString part = text.tempSubStringBetween(begin, end);
    words->setText(part);
    int32_t from = words->first();
    for (int32_t to = words->next(); to != icu::BreakIterator::DONE; from = to, to = words->next()) {
      if (words->getRuleStatus() != UBRK_WORD_NONE) tokens.push_back(utf8_of(part, from, to));
    }
  }
};

Tokeniser::Tokeniser(const NormaliseOptions& options) : state_(std::make_unique<State>()) {
  UErrorCode status = U_ZERO_ERROR;
  state_->options = options;
  state_->words.reset(icu::BreakIterator::createWordInstance(icu::Locale::getRoot(), status));
  TESSERA_CHECK(U_SUCCESS(status) && state_->words, unsupported, "ICU cannot load its word rules: {}",
                u_errorName(status));
}

std::vector<std::string> Tokeniser::tokenise(std::string_view utf8) {
  icu::UnicodeString text = normalise_unicode(utf8, state_->options);
  text.findAndReplace(icu::UnicodeString(UChar32{0x2019}), icu::UnicodeString(UChar32{'\''}));  // don’t is don't
  std::vector<std::string> tokens;
  int32_t run_begin = 0;
  bool run_cjk = false;
  const auto close_run = [&](int32_t end) {
    if (run_begin == end) return;
    if (run_cjk) {
      append_pairs(text, run_begin, end, tokens);
    } else {
      state_->append_words(text, run_begin, end, tokens);
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
  return tokens;
}

std::vector<std::string> tokenise(std::string_view utf8) {
  thread_local Tokeniser tokeniser;
  return tokeniser.tokenise(utf8);
}

#else

struct Tokeniser::State {
  NormaliseOptions options;
};

Tokeniser::Tokeniser(const NormaliseOptions& options) : state_(std::make_unique<State>(State{options})) {}

std::vector<std::string> Tokeniser::tokenise(std::string_view utf8) {
  return plain::words(normalise(utf8, state_->options));
}

std::vector<std::string> tokenise(std::string_view utf8) {
  return Tokeniser().tokenise(utf8);
}

#endif

Tokeniser::~Tokeniser() = default;
Tokeniser::Tokeniser(Tokeniser&&) noexcept = default;
Tokeniser& Tokeniser::operator=(Tokeniser&&) noexcept = default;

}  // namespace tessera
