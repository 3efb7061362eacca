#pragma once

#include <string>
#include <string_view>

namespace tessera {

struct NormaliseOptions {
  bool fold_case = true;       ///< "Straße" -> "strasse"; also drops invisible characters (soft hyphen, joiners)
  bool strip_accents = false;  ///< "é" -> "e", in Latin and Greek only: elsewhere marks are letters
};

/// Brings text into one form: Unicode NFKC ("ﬁ" -> "fi", "Ａ" -> "A", halfwidth kana -> full), then as the options say.
/// Invalid UTF-8 becomes U+FFFD. Thread-safe.
/// A build without ICU does what text/plain.h says.
std::string normalise(std::string_view utf8, const NormaliseOptions& options = {});

}  // namespace tessera
