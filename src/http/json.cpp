#include "http/json.h"

#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/options.h"
#include "http/url.h"

namespace tessera {
namespace {

using nlohmann::json;

[[noreturn]] void missing_value(std::string_view name, std::string_view wanted) {
  throw ProblemError({ProblemCode::missing_parameter, fmt::format("\"{}\" is missing; it is {}.", name, wanted),
                      std::string(name), 0});
}

[[noreturn]] void invalid_value(std::string_view name, std::string_view found, std::string_view wanted) {
  throw ProblemError({ProblemCode::invalid_parameter, fmt::format("\"{}\" is {}; it must be {}.", name, found, wanted),
                      std::string(name), 0});
}

std::string shown(const json& value) {
  if (value.is_array()) return fmt::format("an array of {}", value.size());
  if (value.is_object()) return "an object";
  if (value.is_string()) {
    const auto& text = value.get_ref<const std::string&>();
    if (text.size() > 60) return fmt::format("a text of {} bytes", text.size());
  }
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

const json* find_value(const json& object, std::string_view name) {
  if (!object.is_object()) {
    throw ProblemError({ProblemCode::invalid_parameter,
                        fmt::format("Found {} where an object is wanted.", shown(object)), std::string(name), 0});
  }
  const auto found = object.find(name);
  return found == object.end() || found->is_null() ? nullptr : &*found;
}

std::string text_wanted(size_t max_bytes) {
  return fmt::format("a text of at most {} bytes", max_bytes);
}
std::string integer_wanted(int64_t low, int64_t high) {
  return fmt::format("a whole number from {} to {}", low, high);
}
std::string number_wanted(double low, double high) {
  return fmt::format("a number from {} to {}", low, high);
}

/// Whole and exactly representable, or nothing.
std::optional<int64_t> as_integer(const json& value) {
  if (value.is_number_unsigned()) {
    const auto number = value.get<uint64_t>();
    if (number > static_cast<uint64_t>(INT64_MAX)) return std::nullopt;
    return static_cast<int64_t>(number);
  }
  if (value.is_number_integer()) return value.get<int64_t>();
  if (!value.is_number_float()) return std::nullopt;
  const double number = value.get<double>();
  if (std::abs(number) > 9007199254740992.0 || number != std::floor(number)) return std::nullopt;
  return static_cast<int64_t>(number);
}

template <class T>
std::optional<T> parse_whole(std::string_view text) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::string quoted(std::string_view text) {
  return shown(json(std::string(text)));
}

void refuse_if_unknown(const std::string& name, const std::vector<std::string>& allowed) {
  if (std::find(allowed.begin(), allowed.end(), name) != allowed.end()) return;
  const std::string near = nearest(name, allowed);
  throw ProblemError({ProblemCode::unknown_parameter,
                      fmt::format("There is no parameter \"{}\"{}.", name.substr(0, 80),
                                  near.empty() ? "" : fmt::format("; did you mean \"{}\"?", near)),
                      name.substr(0, 80), 0});
}

}  // namespace

std::optional<std::string> optional_string(const nlohmann::json& object, std::string_view name, size_t max_bytes) {
  const json* value = find_value(object, name);
  if (value == nullptr) return std::nullopt;
  if (!value->is_string()) invalid_value(name, shown(*value), text_wanted(max_bytes));
  const auto& text = value->get_ref<const std::string&>();
  if (text.size() > max_bytes) {
    invalid_value(name, fmt::format("a text of {} bytes", text.size()), text_wanted(max_bytes));
  }
  return text;
}

std::string require_string(const nlohmann::json& object, std::string_view name, size_t max_bytes) {
  auto value = optional_string(object, name, max_bytes);
  if (!value) missing_value(name, text_wanted(max_bytes));
  return std::move(*value);
}

std::optional<int64_t> optional_integer(const nlohmann::json& object, std::string_view name, int64_t low,
                                        int64_t high) {
  const json* value = find_value(object, name);
  if (value == nullptr) return std::nullopt;
  const auto number = as_integer(*value);
  if (!number || *number < low || *number > high) invalid_value(name, shown(*value), integer_wanted(low, high));
  return number;
}

int64_t require_integer(const nlohmann::json& object, std::string_view name, int64_t low, int64_t high) {
  const auto value = optional_integer(object, name, low, high);
  if (!value) missing_value(name, integer_wanted(low, high));
  return *value;
}

std::optional<double> optional_number(const nlohmann::json& object, std::string_view name, double low, double high) {
  const json* value = find_value(object, name);
  if (value == nullptr) return std::nullopt;
  const double number = value->is_number() ? value->get<double>() : std::nan("");
  if (!(number >= low && number <= high)) invalid_value(name, shown(*value), number_wanted(low, high));
  return number;
}

double require_number(const nlohmann::json& object, std::string_view name, double low, double high) {
  const auto value = optional_number(object, name, low, high);
  if (!value) missing_value(name, number_wanted(low, high));
  return *value;
}

std::optional<bool> optional_bool(const nlohmann::json& object, std::string_view name) {
  const json* value = find_value(object, name);
  if (value == nullptr) return std::nullopt;
  if (!value->is_boolean()) invalid_value(name, shown(*value), "true or false");
  return value->get<bool>();
}

const nlohmann::json* optional_array(const nlohmann::json& object, std::string_view name, size_t max_count) {
  const json* value = find_value(object, name);
  if (value == nullptr) return nullptr;
  if (!value->is_array() || value->size() > max_count) {
    invalid_value(name, shown(*value), fmt::format("an array of at most {}", max_count));
  }
  return value;
}

const nlohmann::json* optional_object(const nlohmann::json& object, std::string_view name) {
  const json* value = find_value(object, name);
  if (value != nullptr && !value->is_object()) invalid_value(name, shown(*value), "an object");
  return value;
}

std::optional<std::vector<std::string>> optional_strings(const nlohmann::json& object, std::string_view name,
                                                         size_t max_count, size_t max_bytes) {
  const json* array = optional_array(object, name, max_count);
  if (array == nullptr) return std::nullopt;
  std::vector<std::string> texts;
  texts.reserve(array->size());
  for (const json& value : *array) {
    if (!value.is_string() || value.get_ref<const std::string&>().size() > max_bytes) {
      invalid_value(fmt::format("{}[{}]", name, texts.size()), shown(value), text_wanted(max_bytes));
    }
    texts.push_back(value.get<std::string>());
  }
  return texts;
}

void refuse_unknown(const nlohmann::json& object, const std::vector<std::string>& allowed) {
  if (!object.is_object()) return;
  for (const auto& [name, value] : object.items()) refuse_if_unknown(name, allowed);
}

void refuse_unknown_query(const HttpRequest& request, const std::vector<std::string>& allowed) {
  for (const NameValue& parameter : request.query.all()) refuse_if_unknown(parameter.name, allowed);
}

std::optional<std::string> query_string(const HttpRequest& request, std::string_view name, size_t max_bytes) {
  const auto text = request.query.find(name);
  if (!text) return std::nullopt;
  if (text->size() > max_bytes) {
    invalid_value(name, fmt::format("a text of {} bytes", text->size()), text_wanted(max_bytes));
  }
  return std::string(*text);
}

std::optional<int64_t> query_integer(const HttpRequest& request, std::string_view name, int64_t low, int64_t high) {
  const auto text = request.query.find(name);
  if (!text) return std::nullopt;
  const auto number = parse_whole<int64_t>(*text);
  if (!number || *number < low || *number > high) invalid_value(name, quoted(*text), integer_wanted(low, high));
  return number;
}

std::optional<double> query_number(const HttpRequest& request, std::string_view name, double low, double high) {
  const auto text = request.query.find(name);
  if (!text) return std::nullopt;
  const auto number = parse_whole<double>(*text);
  if (!number || !(*number >= low && *number <= high)) invalid_value(name, quoted(*text), number_wanted(low, high));
  return number;
}

std::optional<bool> query_bool(const HttpRequest& request, std::string_view name) {
  const auto text = request.query.find(name);
  if (!text) return std::nullopt;
  if (*text == "true" || *text == "1") return true;
  if (*text == "false" || *text == "0") return false;
  invalid_value(name, quoted(*text), "true or false");
}

}  // namespace tessera
