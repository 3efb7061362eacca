#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/utf8.h"

namespace tessera {

/// The text itself if it is UTF-8, otherwise its bytes read as Latin-1.
std::string utf8_or_latin1(std::string_view bytes);

/// Appends a code point as UTF-8. Surrogates and code points above U+10FFFF become U+FFFD.
void append_utf8(std::string& text, uint32_t code_point);

/// &amp; &lt; &gt; &quot; &#39; &nbsp; as characters; other entities stay as they are.
std::string without_entities(std::string_view text);

}  // namespace tessera
