#include "data/import/flat_row.h"

#include <charconv>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "data/import/encoding.h"
#include "data/item_json.h"

namespace tessera {

namespace {

/// Walks over a row; every step says whether the text was plain enough to go on.
class FlatScanner {
 public:
  explicit FlatScanner(std::string_view text) : at_(text.data()), end_(text.data() + text.size()) {}

  void skip_space() {
    while (at_ < end_ && (*at_ == ' ' || *at_ == '\t' || *at_ == '\r')) ++at_;
  }
  bool character(char wanted) {
    skip_space();
    if (at_ == end_ || *at_ != wanted) return false;
    ++at_;
    return true;
  }
  bool at_end() {
    skip_space();
    return at_ == end_;
  }
  /// A string without escapes.
  bool string(std::string_view& content) {
    if (!character('"')) return false;
    const char* begin = at_;
    bool ascii = true;
    for (; at_ < end_ && *at_ != '"'; ++at_) {
      const auto c = static_cast<unsigned char>(*at_);
      if (c == '\\' || c < 0x20) return false;
      ascii = ascii && c < 0x80;
    }
    if (at_ == end_) return false;
    content = {begin, static_cast<size_t>(at_ - begin)};
    ++at_;
    return ascii || is_utf8(content);
  }
  bool value(FlatRow::Value& value) {
    skip_space();
    if (at_ == end_) return false;
    if (*at_ == '"') {
      value.kind = FlatRow::Kind::string;
      return string(value.text);
    }
    const char* begin = at_;
    while (at_ < end_ && *at_ != ',' && *at_ != '}' && *at_ != ' ' && *at_ != '\t') ++at_;
    value.text = {begin, static_cast<size_t>(at_ - begin)};
    if (value.text == "true" || value.text == "false") {
      value.kind = FlatRow::Kind::boolean;
      return true;
    }
    value.kind = value.text == "null" ? FlatRow::Kind::absent : FlatRow::Kind::number;
    return value.text == "null" || is_plain_number(value.text);
  }

 private:
  /// Digits with an optional minus sign and fraction. Exponents and doubtful forms are left to the full parser.
  static bool is_plain_number(std::string_view text) {
    if (text.starts_with('-')) text.remove_prefix(1);
    const size_t whole = digits(text);
    if (whole == 0 || (whole > 1 && text[0] == '0')) return false;
    text.remove_prefix(whole);
    if (text.empty()) return true;
    return text[0] == '.' && text.size() > 1 && digits(text.substr(1)) == text.size() - 1;
  }
  static size_t digits(std::string_view text) {
    size_t n = 0;
    while (n < text.size() && text[n] >= '0' && text[n] <= '9') ++n;
    return n;
  }

  const char* at_;
  const char* end_;
};

}  // namespace

bool FlatRow::scan(std::string_view line) {
  FlatScanner scanner(line);
  if (!scanner.character('{')) return false;
  if (scanner.character('}')) return scanner.at_end();
  do {
    std::string_view key;
    Value value;
    if (!scanner.string(key) || !scanner.character(':') || !scanner.value(value)) return false;
    fields_.emplace_back(key, value);
  } while (scanner.character(','));
  return scanner.character('}') && scanner.at_end();
}

void FlatRow::parse_fully(std::string_view line) {
  const nlohmann::json row = parse_object(line);
  owned_.reserve(row.size() * 2);  // views into owned_ must not move
  for (const auto& [key, value] : row.items()) {
    if (value.is_null()) continue;
    const Kind kind = value.is_string()    ? Kind::string
                      : value.is_number()  ? Kind::number
                      : value.is_boolean() ? Kind::boolean
                                           : Kind::other;
    const std::string& key_text = owned_.emplace_back(key);
    const std::string& value_text = owned_.emplace_back(kind == Kind::string ? value.get<std::string>() : value.dump());
    fields_.push_back({key_text, {kind, value_text}});
  }
}

void FlatRow::parse(std::string_view line) {
  fields_.clear();
  owned_.clear();
  if (scan(line)) return;
  fields_.clear();
  parse_fully(line);
}

FlatRow::Value FlatRow::find(std::string_view key) const {
  for (auto it = fields_.rbegin(); it != fields_.rend(); ++it) {
    if (it->first == key) return it->second;
  }
  return {};
}

std::string_view FlatRow::text(std::string_view key) const {
  const Value value = find(key);
  if (value.kind == Kind::absent || value.kind == Kind::string) return value.text;
  const bool whole = value.kind == Kind::number && value.text.find_first_of(".eE") == std::string_view::npos;
  TESSERA_CHECK(whole, data, "{} must be a string, found {}", key, value.text.substr(0, 60));
  return value.text;
}

}  // namespace tessera
