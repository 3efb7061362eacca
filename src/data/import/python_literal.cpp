#include "data/import/python_literal.h"

#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "data/import/encoding.h"

namespace tessera {

namespace {

constexpr int kMaxNesting = 64;

class PythonParser {
 public:
  explicit PythonParser(std::string_view text) : text_(text) {}

  nlohmann::json parse() {
    nlohmann::json value = parse_value(0);
    skip_space();
    if (at_ != text_.size()) wrong("the end of the line");
    return value;
  }

 private:
  [[noreturn]] void wrong(const char* wanted) const {
    fail(ErrorKind::data, "not a Python literal: wanted {} at character {}", wanted, at_ + 1);
  }
  char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  void skip_space() {
    while (at_ < text_.size() && (peek() == ' ' || peek() == '\t' || peek() == '\r')) ++at_;
  }
  bool take(char wanted) {
    skip_space();
    if (peek() != wanted || at_ == text_.size()) return false;
    ++at_;
    return true;
  }

  nlohmann::json parse_value(int depth) {
    if (depth > kMaxNesting) wrong("less nesting");
    skip_space();
    switch (peek()) {
      case '{':
        return parse_dict(depth);
      case '[':
        return parse_list(depth, '[', ']');
      case '(':
        return parse_list(depth, '(', ')');
      case '\'':
      case '"':
        return parse_string();
      default:
        break;
    }
    if (peek() == 'u' && at_ + 1 < text_.size() && (text_[at_ + 1] == '\'' || text_[at_ + 1] == '"')) {
      ++at_;
      return parse_string();
    }
    return parse_word();
  }

  nlohmann::json parse_dict(int depth) {
    nlohmann::json dict = nlohmann::json::object();
    take('{');
    while (!take('}')) {
      if (!dict.empty() && !take(',')) wrong("a comma");
      if (take('}')) break;
      const nlohmann::json key = parse_value(depth + 1);
      if (!key.is_string()) wrong("a string as key before");
      if (!take(':')) wrong("a colon");
      dict[key.get<std::string>()] = parse_value(depth + 1);
    }
    return dict;
  }

  nlohmann::json parse_list(int depth, char open, char close) {
    nlohmann::json list = nlohmann::json::array();
    take(open);
    while (!take(close)) {
      if (!list.empty() && !take(',')) wrong("a comma");
      if (take(close)) break;
      list.push_back(parse_value(depth + 1));
    }
    return list;
  }

  std::string parse_string() {
    const char quote = peek();
    ++at_;
    std::string value;
    for (;;) {
      if (at_ >= text_.size()) wrong("a closing quote");
      const char c = text_[at_++];
      if (c == quote) break;
      if (c == '\\') {
        parse_escape(value);
      } else {
        value += c;
      }
    }
    if (!is_utf8(value)) wrong("UTF-8 before");
    return value;
  }

  void parse_escape(std::string& value) {
    if (at_ >= text_.size()) wrong("an escape");
    const char c = text_[at_++];
    switch (c) {
      case 'n':
        value += '\n';
        return;
      case 't':
        value += '\t';
        return;
      case 'r':
        value += '\r';
        return;
      case '\\':
      case '\'':
      case '"':
        value += c;
        return;
      case 'x':
        append_utf8(value, parse_hex(2));
        return;
      case 'u':
        append_utf8(value, parse_hex(4));
        return;
      case 'U':
        append_utf8(value, parse_hex(8));
        return;
      default:
        value += '\\';
        value += c;
    }
  }

  uint32_t parse_hex(size_t digits) {
    uint32_t code = 0;
    const std::string_view hex = text_.substr(at_, digits);
    const auto [end, error] = std::from_chars(hex.data(), hex.data() + hex.size(), code, 16);
    if (hex.size() != digits || error != std::errc() || end != hex.data() + digits) wrong("hexadecimal digits");
    at_ += digits;
    return code;
  }

  nlohmann::json parse_word() {
    const size_t end = std::min(text_.find_first_of(",:]}) \t\r", at_), text_.size());
    const std::string_view word = text_.substr(at_, end - at_);
    if (word == "None") return at_ = end, nlohmann::json();
    if (word == "True" || word == "False") return at_ = end, nlohmann::json(word == "True");
    int64_t integer = 0;
    if (const auto [stop, error] = std::from_chars(word.data(), word.data() + word.size(), integer);
        error == std::errc() && stop == word.data() + word.size()) {
      return at_ = end, nlohmann::json(integer);
    }
    double number = 0;
    const auto [stop, error] = std::from_chars(word.data(), word.data() + word.size(), number);
    if (error != std::errc() || stop != word.data() + word.size() || !std::isfinite(number)) wrong("a value");
    return at_ = end, nlohmann::json(number);
  }

  std::string_view text_;
  size_t at_ = 0;
};

}  // namespace

nlohmann::json parse_python_literal(std::string_view text) {
  return PythonParser(text).parse();
}

}  // namespace tessera
