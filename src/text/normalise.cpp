#include "text/normalise.h"

#include "base/error.h"
#include "text/plain.h"
#include "text/unicode_form.h"

#if TESSERA_WITH_ICU
#include <unicode/normalizer2.h>
#include <unicode/uscript.h>
#include <unicode/utf16.h>

#include <limits>
#endif

namespace tessera {

#if TESSERA_WITH_ICU
namespace {

const icu::Normalizer2& unicode_form(bool fold_case) {
  UErrorCode status = U_ZERO_ERROR;
  const auto* form =
      fold_case ? icu::Normalizer2::getNFKCCasefoldInstance(status) : icu::Normalizer2::getNFKCInstance(status);
  TESSERA_CHECK(U_SUCCESS(status), unsupported, "ICU cannot load its normalisation data: {}", u_errorName(status));
  return *form;
}

/// Drops the marks that stand on Latin and Greek letters.
icu::UnicodeString without_accents(const icu::UnicodeString& text) {
  UErrorCode status = U_ZERO_ERROR;
  const auto* decompose = icu::Normalizer2::getNFDInstance(status);
  const auto* compose = icu::Normalizer2::getNFCInstance(status);
  icu::UnicodeString parts, kept;
  if (U_SUCCESS(status)) decompose->normalize(text, parts, status);
  bool on_letter = false;
  for (int32_t i = 0; U_SUCCESS(status) && i < parts.length();) {
    const UChar32 c = parts.char32At(i);
    i += U16_LENGTH(c);
    if (u_charType(c) == U_NON_SPACING_MARK) {
      if (!on_letter) kept.append(c);
      continue;
    }
    UErrorCode ignored = U_ZERO_ERROR;
    const UScriptCode script = uscript_getScript(c, &ignored);
    on_letter = script == USCRIPT_LATIN || script == USCRIPT_GREEK;
    kept.append(c);
  }
  icu::UnicodeString result;
  if (U_SUCCESS(status)) compose->normalize(kept, result, status);
  TESSERA_CHECK(U_SUCCESS(status), internal, "accents cannot be stripped: {}", u_errorName(status));
  return result;
}

}  // namespace

icu::UnicodeString normalise_unicode(std::string_view utf8, const NormaliseOptions& options) {
  TESSERA_CHECK(utf8.size() <= static_cast<size_t>(std::numeric_limits<int32_t>::max() / 32), data,
                "a text of {} bytes is too long to normalise, wanted at most 64 MiB", utf8.size());
  const auto source = icu::UnicodeString::fromUTF8({utf8.data(), static_cast<int32_t>(utf8.size())});
  icu::UnicodeString result;
  UErrorCode status = U_ZERO_ERROR;
  unicode_form(options.fold_case).normalize(source, result, status);
  TESSERA_CHECK(U_SUCCESS(status), internal, "text cannot be normalised: {}", u_errorName(status));
  return options.strip_accents ? without_accents(result) : result;
}

std::string normalise(std::string_view utf8, const NormaliseOptions& options) {
  std::string result;
  normalise_unicode(utf8, options).toUTF8String(result);
  return result;
}

#else

std::string normalise(std::string_view utf8, const NormaliseOptions& options) {
  return plain::normalise(utf8, options.fold_case);
}

#endif

}  // namespace tessera
