#include "http/url.h"

#include <fmt/format.h>

#include <array>

namespace tessera {
namespace {

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool is_unreserved(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
         c == '_' || c == '~';
}

bool is_key_character(char c) {
  return is_unreserved(c) && c != '.' && c != '~';
}

[[noreturn]] void bad_query(std::string detail) {
  throw ProblemError({ProblemCode::malformed_request, std::move(detail), "", 0});
}

std::string decode_query_part(std::string_view text) {
  auto decoded = percent_decode(text, true);
  if (!decoded) bad_query("The query holds a \"%\" that is not followed by two hex digits.");
  if (!is_utf8(*decoded) || decoded->find('\0') != std::string::npos) {
    bad_query("The query is not UTF-8 after percent-decoding, or holds a NUL.");
  }
  return std::move(*decoded);
}

bool names_a_secret(std::string_view encoded_name) {
  std::string name = percent_decode(encoded_name, true).value_or(std::string(encoded_name));
  for (char& c : name) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  static constexpr std::array<std::string_view, 7> kWords{"key",    "token",    "secret",   "password",
                                                          "passwd", "authoriz", "signature"};
  for (const std::string_view word : kWords) {
    if (name.find(word) != std::string::npos) return true;
  }
  return false;
}

}  // namespace

std::optional<std::string> percent_decode(std::string_view text, bool plus_is_space) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%') {
      if (i + 2 >= text.size()) return std::nullopt;
      const int high = hex_value(text[i + 1]), low = hex_value(text[i + 2]);
      if (high < 0 || low < 0) return std::nullopt;
      out += static_cast<char>(high * 16 + low);
      i += 2;
    } else {
      out += plus_is_space && text[i] == '+' ? ' ' : text[i];
    }
  }
  return out;
}

std::string percent_encode(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (is_unreserved(c)) {
      out += c;
    } else {
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return out;
}

HttpParameters parse_query(std::string_view query, size_t max_parameters) {
  HttpParameters parameters;
  while (!query.empty()) {
    const size_t end = std::min(query.find('&'), query.size());
    const std::string_view part = query.substr(0, end);
    query.remove_prefix(std::min(end + 1, query.size()));
    if (part.empty()) continue;
    if (parameters.all().size() >= max_parameters) {
      bad_query(fmt::format("The query has more than {} parameters.", max_parameters));
    }
    const size_t equals = part.find('=');
    std::string name = decode_query_part(part.substr(0, equals));
    parameters.add(std::move(name), equals == std::string_view::npos ? "" : decode_query_part(part.substr(equals + 1)));
  }
  return parameters;
}

std::optional<TargetParts> split_target(std::string_view target) {
  if (target == "*") return TargetParts{target, ""};
  if (target.empty()) return std::nullopt;
  if (target[0] != '/') {
    const size_t scheme = target.find("://");
    if (scheme == std::string_view::npos || scheme > 5) return std::nullopt;
    if (!equal_ignoring_case(target.substr(0, scheme), "http") &&
        !equal_ignoring_case(target.substr(0, scheme), "https")) {
      return std::nullopt;
    }
    const size_t path = target.find_first_of("/?#", scheme + 3);
    if (path == std::string_view::npos || target[path] != '/') return std::nullopt;
    target.remove_prefix(path);
  }
  if (target.find('#') != std::string_view::npos) return std::nullopt;
  const size_t mark = target.find('?');
  if (mark == std::string_view::npos) return TargetParts{target, ""};
  return TargetParts{target.substr(0, mark), target.substr(mark + 1)};
}

std::string mask_keys(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (true) {
    const size_t found = text.find("tsk_");
    for (const char c : text.substr(0, found)) {
      out += static_cast<unsigned char>(c) < 0x20 || c == 0x7F ? '?' : c;
    }
    if (found == std::string_view::npos) return out;
    text.remove_prefix(found + 4);
    out += "tsk_***";
    while (!text.empty() && is_key_character(text[0])) text.remove_prefix(1);
  }
}

std::string mask_target(std::string_view target) {
  const size_t mark = target.find('?');
  std::string out(target.substr(0, mark));
  if (mark != std::string_view::npos) {
    out += '?';
    std::string_view query = target.substr(mark + 1);
    while (!query.empty()) {
      const size_t end = std::min(query.find('&'), query.size());
      const std::string_view part = query.substr(0, end);
      query.remove_prefix(std::min(end + 1, query.size()));
      const size_t equals = std::min(part.find('='), part.size());
      const std::string_view name = part.substr(0, equals);
      if (equals < part.size() && names_a_secret(name)) {
        out.append(name).append("=***");
      } else {
        out += part;
      }
      if (!query.empty()) out += '&';
    }
  }
  return mask_keys(out);
}

}  // namespace tessera
