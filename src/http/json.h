#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "http/message.h"

namespace tessera {

struct JsonLimits {
  size_t max_bytes = 32 << 20;
  int max_depth = 64;             ///< arrays and objects inside each other
  size_t max_values = 1'000'000;  ///< of all kinds; bounds memory, which is up to 50 times the text otherwise
};

/// Parses JSON from outside: UTF-8, one value, finite numbers, no comments. An object with the same key twice is
/// refused.
/// @throws ProblemError(malformed_json | duplicate_json_key | body_too_large) with the byte where it stops (from 1)
nlohmann::json parse_json(std::string_view text, const JsonLimits& limits = {});

/// parse_json of a request's body, which must be an object. An empty body is {}.
/// @throws ProblemError as parse_json; unsupported_media_type if a Content-Type is sent that is not JSON
nlohmann::json parse_body_object(const HttpRequest& request, const JsonLimits& limits = {});

/// An answer with the value as body; invalid UTF-8 in strings is replaced.
HttpResponse json_response(const nlohmann::json& value, int status = 200);
HttpResponse json_response(const nlohmann::ordered_json& value, int status = 200);

// Typed access to an object. All throw ProblemError(missing_parameter) or ProblemError(invalid_parameter) with `param`
// set, the value found and the values allowed. null counts as absent.

std::string require_string(const nlohmann::json& object, std::string_view name, size_t max_bytes);
std::optional<std::string> optional_string(const nlohmann::json& object, std::string_view name, size_t max_bytes);
/// A whole number in [low, high]; 3.0 is one, "3" is not.
int64_t require_integer(const nlohmann::json& object, std::string_view name, int64_t low, int64_t high);
std::optional<int64_t> optional_integer(const nlohmann::json& object, std::string_view name, int64_t low, int64_t high);
double require_number(const nlohmann::json& object, std::string_view name, double low, double high);
std::optional<double> optional_number(const nlohmann::json& object, std::string_view name, double low, double high);
std::optional<bool> optional_bool(const nlohmann::json& object, std::string_view name);
/// Strings of at most `max_bytes` each, at most `max_count` of them.
std::optional<std::vector<std::string>> optional_strings(const nlohmann::json& object, std::string_view name,
                                                         size_t max_count, size_t max_bytes);
/// The array or object itself, or null when it is absent. Borrowed from `object`.
const nlohmann::json* optional_array(const nlohmann::json& object, std::string_view name, size_t max_count);
const nlohmann::json* optional_object(const nlohmann::json& object, std::string_view name);

/// @throws ProblemError(unknown_parameter) naming the nearest allowed name, if the object has a key that is not allowed
void refuse_unknown(const nlohmann::json& object, const std::vector<std::string>& allowed);

// The same for query parameters; of several values the first counts.

/// As refuse_unknown() of an object.
void refuse_unknown_query(const HttpRequest& request, const std::vector<std::string>& allowed);
std::optional<std::string> query_string(const HttpRequest& request, std::string_view name, size_t max_bytes);
std::optional<int64_t> query_integer(const HttpRequest& request, std::string_view name, int64_t low, int64_t high);
std::optional<double> query_number(const HttpRequest& request, std::string_view name, double low, double high);
/// true, false, 1, 0
std::optional<bool> query_bool(const HttpRequest& request, std::string_view name);

}  // namespace tessera
