#pragma once

#include <nlohmann/json_fwd.hpp>

#include <string_view>

namespace tessera {

/// Reads a Python literal: dict with string keys, list, tuple, string (prefixes u, b and r are not told apart), number,
/// True, False, None. The metadata of the Amazon reviews of 2014 is written so. Nesting is limited to 64.
/// @throws Error(data) saying what was wanted at which character
nlohmann::json parse_python_literal(std::string_view text);

}  // namespace tessera
