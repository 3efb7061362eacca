#include <cmath>
#include <limits>

#include "base/error.h"
#include "data/time.h"
#include "live/filter.h"

namespace tessera::live {

namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

bool is_filter_space(char c) {
  return c == ' ' || (c >= '\t' && c <= '\r');
}

/// A value as written.
struct RawValue {
  std::string text;
  bool quoted = false;  ///< between back-ticks
  bool prefix = false;  ///< ends in a `*`
  size_t position = 0;
};

/// One pass over the text by recursive descent; positions are bytes from 0.
class FilterParser {
 public:
  FilterParser(std::string_view text, const FilterLimits& limits) : text_(text), limits_(limits) {
    TESSERA_CHECK(text.size() <= limits.max_bytes, data, "filter_by: {} bytes of text, wanted at most {}", text.size(),
                  limits.max_bytes);
  }

  FilterNode parse() {
    skip_space();
    if (at_end()) return {};
    FilterNode root = disjunction(0);
    if (!at_end()) fail_here(peek(')') ? "wanted no ')' without a '('" : "wanted '&&', '||' or the end");
    return root;
  }

 private:
  bool at_end() const { return at_ == text_.size(); }
  bool peek(std::string_view what) const { return text_.substr(at_).starts_with(what); }
  bool peek(char what) const { return !at_end() && text_[at_] == what; }
  void skip_space() {
    while (!at_end() && is_filter_space(text_[at_])) ++at_;
  }
  /// Takes it, and the space behind it, if it comes next.
  bool take(std::string_view what) {
    if (!peek(what)) return false;
    at_ += what.size();
    skip_space();
    return true;
  }

  [[noreturn]] void fail_at(size_t position, std::string_view wanted) const {
    const std::string_view rest = text_.substr(position, 24);
    fail(ErrorKind::data, "filter_by: at position {}: {}, found {}", position + 1, wanted,
         rest.empty() ? "the end" : excerpt(rest));
  }
  [[noreturn]] void fail_here(std::string_view wanted) const { fail_at(at_, wanted); }

  void count_operator() {
    if (++operators_ > limits_.max_operators)
      fail_here(fmt::format("wanted at most {} operators", limits_.max_operators));
  }
  void check_depth(int depth) const {
    if (depth > limits_.max_depth) fail_here(fmt::format("wanted at most {} levels of '(' and '!'", limits_.max_depth));
  }

  /// Operands of one operator; a conjunction in parentheses within a conjunction is part of it.
  template <class Operand>
  FilterNode operands(FilterNode::Kind kind, std::string_view sign, Operand&& operand) {
    FilterNode first = operand();
    if (!peek(sign)) return first;
    FilterNode node;
    node.kind = kind;
    const auto append = [&](FilterNode child) {
      if (child.kind != kind) return node.children.push_back(std::move(child));
      for (FilterNode& grandchild : child.children) node.children.push_back(std::move(grandchild));
    };
    append(std::move(first));
    while (take(sign)) {
      count_operator();
      append(operand());
    }
    return node;
  }
  FilterNode disjunction(int depth) {
    return operands(FilterNode::Kind::disjunction, "||", [&] { return conjunction(depth); });
  }
  FilterNode conjunction(int depth) {
    return operands(FilterNode::Kind::conjunction, "&&", [&] { return unary(depth); });
  }

  FilterNode unary(int depth) {
    check_depth(depth);
    if (take("!")) {
      count_operator();
      FilterNode node;
      node.kind = FilterNode::Kind::negation;
      node.children.push_back(unary(depth + 1));
      return node;
    }
    if (!take("(")) return condition();
    FilterNode node = disjunction(depth + 1);
    if (!take(")")) fail_here("wanted '&&', '||' or ')'");
    return node;
  }

  FilterNode condition() {
    FilterNode node;
    node.kind = FilterNode::Kind::condition;
    FilterCondition& condition = node.condition;
    condition.field = field();
    const bool less = peek('<'), greater = peek('>');
    if (less || greater) {
      condition.any.push_back(comparison(condition.field, false));
      return node;
    }
    condition.negated = take("!");
    condition.exact = take("=");
    if (take("[")) {
      do {
        condition.any.push_back(element(condition.field));
      } while (take(","));
      if (!take("]")) fail_here("wanted ',' or ']'");
    } else {
      condition.any.push_back(value(condition.field, raw_value(false), false));
    }
    // An id is compared byte by byte; intervals need no test of a text.
    for (const FilterValue& value : condition.any) {
      condition.tests.emplace_back(value.is_interval ? "" : value.text, condition.exact, value.prefix);
    }
    return node;
  }

  Field field() {
    const size_t begin = at_;
    std::string name;
    if (take("`")) {
      const size_t end = text_.find('`', at_);
      if (end == std::string_view::npos) fail_at(begin, "wanted a field name with a back-tick at both ends");
      name = text_.substr(at_, end - at_);
      at_ = end + 1;
      skip_space();
    } else {
      while (!at_end() && std::string_view(":&|()!<>=[],`").find(text_[at_]) == std::string_view::npos) ++at_;
      name = trimmed(text_.substr(begin, at_ - begin));
    }
    const auto field = parse_field(name);
    if (!field) fail_at(begin, "wanted a field name");
    if (!take(":")) fail_here(fmt::format("wanted ':' after the field {}", excerpt(name)));
    return *field;
  }

  /// Reads up to what ends a value: `&&`, `||`, `)`, or in a list `,` and `]`.
  RawValue raw_value(bool in_list) {
    RawValue raw;
    raw.position = at_;
    if (peek('`')) {
      const size_t end = text_.find('`', at_ + 1);
      if (end == std::string_view::npos) fail_here("wanted a value with a back-tick at both ends");
      raw.text = text_.substr(at_ + 1, end - at_ - 1);
      raw.quoted = true;
      at_ = end + 1;
      raw.prefix = peek('*');
      if (raw.prefix) ++at_;
      skip_space();
      return raw;
    }
    const size_t begin = at_;
    while (!at_end() && !peek("&&") && !peek("||")) {
      const char c = text_[at_];
      if (in_list ? c == ',' || c == ']' : c == ')') break;
      if (c == '`' || (!in_list && c == '(')) fail_here("wanted values with such signs between back-ticks");
      ++at_;
    }
    std::string_view written = trimmed(text_.substr(begin, at_ - begin));
    if (written.ends_with('*')) {
      raw.prefix = true;
      written.remove_suffix(1);
    }
    if (written.empty() && !raw.prefix) fail_at(begin, "wanted a value");
    raw.text = written;
    return raw;
  }

  FilterValue element(const Field& field) {
    if (peek('<') || peek('>')) return comparison(field, true);
    return value(field, raw_value(true), true);
  }

  /// `<`, `<=`, `>` or `>=` and a number.
  FilterValue comparison(const Field& field, bool in_list) {
    check_comparable(field, at_);
    FilterValue value;
    value.is_interval = true;
    value.low = -kInfinity;
    value.high = kInfinity;
    const bool less = take("<");
    if (!less) take(">");
    const bool closed = take("=");
    const double bound = number(field, raw_value(in_list));
    double& end = less ? value.high : value.low;
    end = closed ? bound : std::nextafter(bound, less ? -kInfinity : kInfinity);
    return value;
  }
  void check_comparable(const Field& field, size_t position) const {
    if (field.is_number() || field.kind == FieldKind::attribute) return;
    fail_at(position, fmt::format("wanted no comparison, {} is not a number", to_string(field)));
  }

  double number(const Field& field, const RawValue& raw) const {
    double value = parse_number(raw.text);
    if (std::isnan(value) && field.kind == FieldKind::created_at) {
      if (const auto time = parse_time(raw.text)) value = static_cast<double>(*time);
    }
    if (std::isnan(value) || raw.prefix) {
      fail_at(raw.position, field.kind == FieldKind::created_at
                                ? "wanted a time in seconds or such as 2026-03-01T00:00:00Z"
                                : "wanted a number");
    }
    return value;
  }

  /// "a..b" as an interval, if both ends are numbers.
  std::optional<FilterValue> interval(const Field& field, const RawValue& raw) const {
    const size_t dots = raw.text.find("..");
    if (raw.quoted || raw.prefix || dots == std::string::npos) return std::nullopt;
    RawValue low = raw, high = raw;
    low.text = trimmed(std::string_view(raw.text).substr(0, dots));
    high.text = trimmed(std::string_view(raw.text).substr(dots + 2));
    if (field.kind == FieldKind::attribute &&
        (std::isnan(parse_number(low.text)) || std::isnan(parse_number(high.text)))) {
      return std::nullopt;  // some text with dots in it
    }
    FilterValue value;
    value.is_interval = true;
    value.low = number(field, low);
    value.high = number(field, high);
    return value;
  }

  FilterValue value(const Field& field, const RawValue& raw, bool in_list) const {
    FilterValue value;
    value.is_interval = true;
    if (field.kind == FieldKind::available) {
      if (raw.prefix || (raw.text != "true" && raw.text != "false")) fail_at(raw.position, "wanted true or false");
      value.low = value.high = raw.text == "true" ? 1 : 0;
      return value;
    }
    if (field.is_number() || field.kind == FieldKind::attribute) {
      if (auto range = in_list ? interval(field, raw) : std::nullopt) return *range;
    }
    if (field.is_number()) {
      value.low = value.high = number(field, raw);
      return value;
    }
    value.is_interval = false;
    value.text = raw.text;
    value.prefix = raw.prefix;
    value.number = raw.prefix ? std::numeric_limits<double>::quiet_NaN() : parse_number(raw.text);
    return value;
  }

  std::string_view text_;
  const FilterLimits& limits_;
  size_t at_ = 0;
  int operators_ = 0;
};

/// Whether counts of `counted` leave conditions on `field` out.
bool is_own_field(const Field& field, const Field& counted) {
  if (counted.kind == FieldKind::category_level && field.kind == FieldKind::category_level) {
    return field.level >= counted.level;
  }
  return field == counted;
}

bool speaks_only_of(const FilterNode& node, const Field& field) {
  if (node.kind == FilterNode::Kind::condition) return is_own_field(node.condition.field, field);
  for (const FilterNode& child : node.children) {
    if (!speaks_only_of(child, field)) return false;
  }
  return node.kind != FilterNode::Kind::all;
}

std::optional<Field> first_unknown(const FilterNode& node, const CatalogueView& view) {
  if (node.kind == FilterNode::Kind::condition && !is_known(node.condition.field, view)) return node.condition.field;
  for (const FilterNode& child : node.children) {
    if (auto field = first_unknown(child, view)) return field;
  }
  return std::nullopt;
}

}  // namespace

Filter::Filter() : root_(std::make_shared<const FilterNode>()) {}

Filter Filter::parse(std::string_view text, const FilterLimits& limits) {
  Filter filter;
  filter.root_ = std::make_shared<const FilterNode>(FilterParser(text, limits).parse());
  if (!filter.accepts_all()) filter.text_ = text;
  return filter;
}

Filter Filter::without(const Field& field) const {
  const bool is_conjunction = root_->kind == FilterNode::Kind::conjunction;
  if (!is_conjunction) return speaks_only_of(*root_, field) ? Filter() : *this;
  FilterNode kept;
  kept.kind = FilterNode::Kind::conjunction;
  for (const FilterNode& child : root_->children) {
    if (!speaks_only_of(child, field)) kept.children.push_back(child);
  }
  if (kept.children.size() == root_->children.size()) return *this;
  if (kept.children.empty()) return {};
  Filter filter;
  if (kept.children.size() == 1) kept = FilterNode(std::move(kept.children[0]));
  filter.root_ = std::make_shared<const FilterNode>(std::move(kept));
  // A text of its own for the cache; the signs in front of it start no filter.
  filter.text_ = fmt::format("))without {} (({}", to_string(field), text_);
  return filter;
}

std::optional<Field> Filter::unknown_field(const CatalogueView& view) const {
  return first_unknown(*root_, view);
}

}  // namespace tessera::live
