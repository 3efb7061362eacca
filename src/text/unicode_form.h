#pragma once

#if TESSERA_WITH_ICU
#include <unicode/unistr.h>

#include <string_view>

#include "text/normalise.h"

namespace tessera {

/// normalise() in ICU's own string type.
icu::UnicodeString normalise_unicode(std::string_view utf8, const NormaliseOptions& options);

/// Whether a character belongs to a script written without spaces that is matched by pairs of letters.
bool is_cjk(UChar32 c);

}  // namespace tessera
#endif
