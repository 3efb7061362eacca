#pragma once

#include <string_view>

namespace tessera {

/// Whether the bytes are UTF-8: no overlong forms, no surrogates, nothing cut off. Long runs of ASCII are quick.
bool is_utf8(std::string_view bytes);

}  // namespace tessera
