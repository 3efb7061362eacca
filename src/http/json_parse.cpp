#include <nlohmann/json.hpp>

#include "http/json.h"
#include "http/url.h"

namespace tessera {
namespace {

using nlohmann::json;

/// Builds the value and stops at the first rule that is broken, so that hostile text costs no more than it is long.
class LimitedBuilder final : public nlohmann::json_sax<json> {
 public:
  explicit LimitedBuilder(const JsonLimits& limits) : limits_(limits) {}

  bool null() override { return add(json(nullptr)); }
  bool boolean(bool value) override { return add(json(value)); }
  bool number_integer(number_integer_t value) override { return add(json(value)); }
  bool number_unsigned(number_unsigned_t value) override { return add(json(value)); }
  bool number_float(number_float_t value, const string_t&) override { return add(json(value)); }
  bool string(string_t& value) override { return add(json(std::move(value))); }
  bool binary(binary_t&) override { return stop(ProblemCode::malformed_json, "Binary values are not JSON"); }

  bool start_object(std::size_t) override { return open(json::object()); }
  bool start_array(std::size_t) override { return open(json::array()); }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }

  bool key(string_t& name) override {
    json& object = *open_.back();
    if (object.contains(name)) {
      return stop(ProblemCode::duplicate_json_key,
                  fmt::format("The key \"{}\" comes twice in one object", name.substr(0, 80)));
    }
    key_ = std::move(name);
    return true;
  }

  bool parse_error(std::size_t position, const std::string&, const nlohmann::detail::exception& error) override {
    position_ = position;
    // "[json.exception.parse_error.101] parse error at line 1, column 2: what; last read: 'text'"
    std::string_view what = error.what();
    const size_t colon = what.find(": ");
    if (colon != std::string_view::npos) what.remove_prefix(colon + 2);
    const size_t tail = what.find("; last read");
    return stop(ProblemCode::malformed_json, std::string(what.substr(0, std::min<size_t>(tail, 200))));
  }

  json take() { return std::move(root_); }
  const std::optional<Problem>& problem() const { return problem_; }
  size_t position() const { return position_; }

 private:
  bool stop(ProblemCode code, std::string detail) {
    problem_ = Problem{code, std::move(detail), "", 0};
    return false;
  }
  json* place(json value) {
    if (open_.empty()) {
      root_ = std::move(value);
      return &root_;
    }
    json& parent = *open_.back();
    if (parent.is_array()) {
      parent.push_back(std::move(value));
      return &parent.back();
    }
    return &(parent[key_] = std::move(value));
  }
  bool add(json value) {
    if (++num_values_ > limits_.max_values) {
      return stop(ProblemCode::malformed_json, fmt::format("There are more than {} values", limits_.max_values));
    }
    place(std::move(value));
    return true;
  }
  bool open(json value) {
    if (open_.size() >= static_cast<size_t>(limits_.max_depth)) {
      return stop(ProblemCode::malformed_json,
                  fmt::format("Arrays and objects are nested deeper than {}", limits_.max_depth));
    }
    if (++num_values_ > limits_.max_values) {
      return stop(ProblemCode::malformed_json, fmt::format("There are more than {} values", limits_.max_values));
    }
    // The parents are not touched while a child is open, so the pointers stay right.
    open_.push_back(place(std::move(value)));
    return true;
  }
  bool close() {
    open_.pop_back();
    return true;
  }

  JsonLimits limits_;
  json root_;
  std::vector<json*> open_;
  std::string key_;
  size_t num_values_ = 0;
  size_t position_ = 0;
  std::optional<Problem> problem_;
};

/// Hands bytes to the parser and counts them, because the parser tells positions only for errors of its own.
struct CountingIterator {
  using iterator_category = std::input_iterator_tag;
  using value_type = char;
  using difference_type = std::ptrdiff_t;
  using pointer = const char*;
  using reference = const char&;
  const char* at;
  const char** furthest;
  reference operator*() const { return *at; }
  CountingIterator& operator++() {
    *furthest = ++at;
    return *this;
  }
  CountingIterator operator++(int) {
    CountingIterator old = *this;
    ++*this;
    return old;
  }
  bool operator==(const CountingIterator& other) const { return at == other.at; }
  bool operator!=(const CountingIterator& other) const { return at != other.at; }
};

}  // namespace

nlohmann::json parse_json(std::string_view text, const JsonLimits& limits) {
  if (text.size() > limits.max_bytes) {
    throw ProblemError({ProblemCode::body_too_large,
                        fmt::format("The JSON text has {} bytes, allowed are {}.", text.size(), limits.max_bytes), "",
                        0});
  }
  LimitedBuilder builder(limits);
  const char* furthest = text.data();
  const CountingIterator begin{text.data(), &furthest}, end{text.data() + text.size(), &furthest};
  if (!json::sax_parse(begin, end, &builder)) {
    Problem problem = builder.problem().value_or(Problem{ProblemCode::malformed_json, "The text is not JSON", "", 0});
    const size_t position = builder.position() > 0 ? builder.position() : static_cast<size_t>(furthest - text.data());
    problem.detail += fmt::format(" (at byte {} of {}).", std::min(position, text.size()), text.size());
    throw ProblemError(std::move(problem));
  }
  return builder.take();
}

nlohmann::json parse_body_object(const HttpRequest& request, const JsonLimits& limits) {
  const std::string_view type = request.headers.get("Content-Type");
  // Clients of Typesense send JSON as text/plain, to spare browsers a preflight; curl says form-urlencoded for -d.
  const bool other = type.find("json") == std::string_view::npos && type.substr(0, 10) != "text/plain" &&
                     type.substr(0, 33) != "application/x-www-form-urlencoded" && !type.empty();
  if (other && !request.body.empty()) {
    throw ProblemError({ProblemCode::unsupported_media_type,
                        fmt::format("The Content-Type is \"{}\"; send application/json.", type.substr(0, 80)), "", 0});
  }
  if (request.body.empty()) return json::object();
  json value = parse_json(request.body, limits);
  if (!value.is_object()) {
    throw ProblemError({ProblemCode::malformed_json,
                        fmt::format("The body is of type {}; an object is wanted.", value.type_name()), "", 0});
  }
  return value;
}

HttpResponse json_response(const nlohmann::json& value, int status) {
  return HttpResponse(status, value.dump(-1, ' ', false, json::error_handler_t::replace));
}

HttpResponse json_response(const nlohmann::ordered_json& value, int status) {
  return HttpResponse(status, value.dump(-1, ' ', false, json::error_handler_t::replace));
}

}  // namespace tessera
