#include "http/message.h"

#include <algorithm>
#include <array>
#include <utility>

namespace tessera {
namespace {

char lower_ascii(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

}  // namespace

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  return a.size() == b.size() &&
         std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) { return lower_ascii(x) == lower_ascii(y); });
}

void HttpHeaders::remove(std::string_view name) {
  std::erase_if(fields_, [&](const NameValue& field) { return equal_ignoring_case(field.name, name); });
}

void HttpHeaders::set(std::string_view name, std::string value) {
  remove(name);
  add(std::string(name), std::move(value));
}

std::string_view HttpHeaders::get(std::string_view name) const {
  for (const NameValue& field : fields_) {
    if (equal_ignoring_case(field.name, name)) return field.value;
  }
  return "";
}

size_t HttpHeaders::count(std::string_view name) const {
  return static_cast<size_t>(std::count_if(
      fields_.begin(), fields_.end(), [&](const NameValue& field) { return equal_ignoring_case(field.name, name); }));
}

void HttpParameters::remove(std::string_view name) {
  std::erase_if(values_, [&](const NameValue& parameter) { return parameter.name == name; });
}

void HttpParameters::set(std::string_view name, std::string value) {
  remove(name);
  add(std::string(name), std::move(value));
}

std::optional<std::string_view> HttpParameters::find(std::string_view name) const {
  for (const NameValue& parameter : values_) {
    if (parameter.name == name) return parameter.value;
  }
  return std::nullopt;
}

std::string_view reason_phrase(int status) {
  static constexpr std::array<std::pair<int, std::string_view>, 29> kReasons{{
      {100, "Continue"},
      {200, "OK"},
      {201, "Created"},
      {202, "Accepted"},
      {204, "No Content"},
      {206, "Partial Content"},
      {207, "Multi-Status"},
      {301, "Moved Permanently"},
      {302, "Found"},
      {304, "Not Modified"},
      {307, "Temporary Redirect"},
      {308, "Permanent Redirect"},
      {400, "Bad Request"},
      {401, "Unauthorized"},
      {403, "Forbidden"},
      {404, "Not Found"},
      {405, "Method Not Allowed"},
      {408, "Request Timeout"},
      {409, "Conflict"},
      {413, "Content Too Large"},
      {414, "URI Too Long"},
      {415, "Unsupported Media Type"},
      {417, "Expectation Failed"},
      {422, "Unprocessable Content"},
      {429, "Too Many Requests"},
      {431, "Request Header Fields Too Large"},
      {500, "Internal Server Error"},
      {501, "Not Implemented"},
      {503, "Service Unavailable"},
  }};
  for (const auto& [code, reason] : kReasons) {
    if (code == status) return reason;
  }
  return "Unknown";
}

}  // namespace tessera
