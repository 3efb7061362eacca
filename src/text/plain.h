#pragma once

#include <string>
#include <string_view>
#include <vector>

/// Text without ICU, for the core on a machine that has nothing but torch (-DTESSERA_SERVE=OFF): a catalogue in a
/// script with spaces and few accents comes out as with ICU; Chinese, Japanese and Korean runs stay whole, other
/// letters keep their case.
namespace tessera::plain {

/// Lower-cases ASCII when `fold_case`; each byte that is not UTF-8 becomes U+FFFD.
std::string normalise(std::string_view utf8, bool fold_case);

/// Runs of ASCII letters, digits and whatever is not ASCII; `'`, `.` and `,` stay inside a word ("don't", "3.5"). The
/// punctuation of U+2000 to U+206F and U+3000 to U+303F separates words.
std::vector<std::string> words(std::string_view normalised);

}  // namespace tessera::plain
