#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/utf8.h"
#include "http/message.h"

namespace tessera {

/// Decodes %XX. @param plus_is_space  as in queries and forms
/// @return nothing for "%" without two hex digits
std::optional<std::string> percent_decode(std::string_view text, bool plus_is_space = false);

/// Encodes every byte but letters, digits and "-._~"; the result is one path segment or one query value.
std::string percent_encode(std::string_view text);

/// Splits "a=1&b=2" and decodes names and values. A name without "=" has the value "".
/// @param max_parameters  more of them are an error
/// @throws ProblemError(malformed_request) for a bad percent-encoding, invalid UTF-8, a NUL, or too many parameters
HttpParameters parse_query(std::string_view query, size_t max_parameters = 256);

/// The parts of a request's target in origin form or absolute form, still encoded.
struct TargetParts {
  std::string_view path;   ///< begins with "/", or is "*"
  std::string_view query;  ///< without "?"; "" when there is none
};
/// @return nothing if it is in neither form
std::optional<TargetParts> split_target(std::string_view target);

/// The target as it may be logged: values of query parameters that carry keys or tokens, and everything that looks like
/// one of our keys, are replaced by "***". Control bytes become "?". Takes any bytes.
std::string mask_target(std::string_view target);

/// Replaces what looks like one of our keys ("tsk_..."). Takes any bytes.
std::string mask_keys(std::string_view text);

}  // namespace tessera
