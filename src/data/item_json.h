#pragma once

#include <nlohmann/json_fwd.hpp>

#include <string>

#include "data/catalogue.h"

namespace tessera {

/// Reads one item in the schema of `items.jsonl` (architecture, section 4): id (string or whole number, required),
/// title, description, brand, categories (list of paths; a plain list of names is one path), price (>= 0), attributes
/// (object of strings, numbers, booleans or lists of them), available, created_at (RFC 3339 or seconds), image
/// (relative path). A null counts as absent; other keys are ignored.
/// @throws Error(data) naming the field, its value and what was wanted
Item item_from_json(const nlohmann::json& row);

/// The item of one line of `items.jsonl`: item_from_json(parse_object(line)), faster.
Item item_from_line(std::string_view line);

/// The item as one line of JSON, without line end. Empty fields are left out; bytes that are not UTF-8 become U+FFFD.
std::string item_to_json(const Item& item);

/// A JSON value as one line of text, bytes that are not UTF-8 replaced by U+FFFD.
std::string to_line(const nlohmann::json& value);

/// Parses one JSON object. @throws Error(data) with the reason in a few words
nlohmann::json parse_object(std::string_view text);

}  // namespace tessera
