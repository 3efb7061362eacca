#include <nlohmann/json.hpp>

#include "http/json.h"
#include "serve/routes.h"
#include "serve/scoped_key.h"

namespace tessera::serve {

namespace {

constexpr size_t kMaxText = 4096, kMaxIds = 5000, kMaxId = 512;
constexpr int64_t kMaxPage = 250, kMaxDepth = 10000;

enum class Type { text, integer, number, boolean, list };

/// The parameters of a question, as they are read from a query string.
const std::vector<std::pair<std::string, Type>>& parameter_types() {
  static const std::vector<std::pair<std::string, Type>> types = {
      {"q", Type::text},
      {"user_id", Type::text},
      {"session_id", Type::text},
      {"history", Type::list},
      {"filter_by", Type::text},
      {"facet_by", Type::text},
      {"facet_query", Type::text},
      {"max_facet_values", Type::integer},
      {"sort_by", Type::text},
      {"page", Type::integer},
      {"per_page", Type::integer},
      {"offset", Type::integer},
      {"limit", Type::integer},
      {"include_fields", Type::text},
      {"exclude_fields", Type::text},
      {"num_typos", Type::integer},
      {"prefix", Type::boolean},
      {"pinned_hits", Type::text},
      {"hidden_hits", Type::list},
      {"exclude_ids", Type::list},
      {"seen_policy", Type::text},
      {"personalize", Type::number},
      {"explain", Type::boolean},
      {"search_cutoff_ms", Type::integer},
      {"scene", Type::text},
      {"highlight_start_tag", Type::text},
      {"highlight_end_tag", Type::text},
  };
  return types;
}

std::vector<std::string> split_list(std::string_view text) {
  std::vector<std::string> out;
  while (!text.empty()) {
    const size_t comma = text.find(',');
    const std::string_view one = text.substr(0, comma);
    if (!one.empty()) out.emplace_back(one);
    text = comma == std::string_view::npos ? std::string_view() : text.substr(comma + 1);
  }
  return out;
}

/// The query string as the JSON object that a body would be.
nlohmann::json object_of_query(const HttpRequest& request) {
  nlohmann::json object = nlohmann::json::object();
  for (const NameValue& parameter : request.query.all()) {
    if (parameter.name == "x-typesense-api-key") continue;
    Type type = Type::text;
    for (const auto& [name, known] : parameter_types())
      if (name == parameter.name) type = known;
    switch (type) {
      case Type::text:
        object[parameter.name] = parameter.value;
        break;
      case Type::integer:
        object[parameter.name] = query_integer(request, parameter.name, INT32_MIN, INT32_MAX).value_or(0);
        break;
      case Type::number:
        object[parameter.name] = query_number(request, parameter.name, -1e300, 1e300).value_or(0);
        break;
      case Type::boolean:
        object[parameter.name] = query_bool(request, parameter.name).value_or(false);
        break;
      case Type::list:
        object[parameter.name] = split_list(parameter.value);
        break;
    }
  }
  return object;
}

[[noreturn]] void refuse(const char* param, const std::string& detail) {
  throw ProblemError({ProblemCode::invalid_parameter, detail, param});
}

/// "B01:1,B02:4"
std::vector<live::Rule::Pin> pins_of(const std::string& text) {
  std::vector<live::Rule::Pin> pins;
  for (const std::string& one : split_list(text)) {
    const size_t colon = one.rfind(':');
    int64_t position = 0;
    try {
      if (colon != std::string::npos) position = std::stoll(one.substr(colon + 1));
    } catch (const std::exception&) {
      position = 0;
    }
    if (position < 1 || position > 1000 || colon == 0)
      refuse("pinned_hits", "pinned_hits is \"" + one + "\", wanted ID:POSITION with a position from 1 to 1000");
    pins.push_back({one.substr(0, colon), position});
  }
  if (pins.size() > 100) refuse("pinned_hits", "pinned_hits names more than 100 items");
  return pins;
}

void read_page(const nlohmann::json& object, Question& question) {
  const auto limit = optional_integer(object, "limit", 0, kMaxPage),
             per_page = optional_integer(object, "per_page", 0, kMaxPage);
  question.limit = limit.value_or(per_page.value_or(10));
  const auto offset = optional_integer(object, "offset", 0, kMaxDepth);
  const auto page = optional_integer(object, "page", 1, kMaxDepth);
  if (offset && page) refuse("offset", "offset and page say the same: give one of them");
  question.offset = offset.value_or((page.value_or(1) - 1) * question.limit);
  if (question.offset + question.limit > kMaxDepth)
    refuse(page ? "page" : "offset", "answers are given down to place 10000; narrow the search by a filter instead");
}

}  // namespace

Question question_from(const HttpRequest& request, Question::Kind kind, int64_t deadline_ms) {
  nlohmann::json object =
      request.method == "GET" || request.method == "HEAD" ? object_of_query(request) : parse_body_object(request);
  narrow_by_key(request.identity, object);
  std::vector<std::string> names;
  for (const auto& [name, type] : parameter_types()) names.push_back(name);
  refuse_unknown(object, names);
  Question question;
  question.kind = kind;
  const auto text = [&](const char* name, size_t limit) { return optional_string(object, name, limit).value_or(""); };
  question.q = text("q", 2048);
  question.user = text("user_id", kMaxId);
  question.session = text("session_id", kMaxId);
  const auto list = [&](const char* name) {
    return optional_strings(object, name, kMaxIds, kMaxId).value_or(std::vector<std::string>());
  };
  question.has_history = object.contains("history");
  question.history = list("history");
  question.filter_by = text("filter_by", kMaxText);
  question.facet_by = text("facet_by", kMaxText);
  question.facet_query = text("facet_query", kMaxText);
  question.max_facet_values = optional_integer(object, "max_facet_values", 0, 1000).value_or(10);
  question.sort_by = text("sort_by", kMaxText);
  question.include_fields = text("include_fields", kMaxText);
  question.exclude_fields = text("exclude_fields", kMaxText);
  question.scene = text("scene", 64);
  question.num_typos = optional_integer(object, "num_typos", 0, 2).value_or(2);
  question.prefix = optional_bool(object, "prefix").value_or(true);
  question.exclude_ids = list("exclude_ids");
  question.hidden_ids = list("hidden_hits");
  question.pins = pins_of(text("pinned_hits", kMaxText));
  const std::string seen = text("seen_policy", 16);
  if (!seen.empty() && seen != "exclude" && seen != "include")
    refuse("seen_policy", "seen_policy is \"" + seen + "\", wanted exclude or include");
  question.exclude_seen = seen.empty() ? kind == Question::Kind::recommend : seen == "exclude";
  question.personalize = optional_number(object, "personalize", 0, 1).value_or(1.0);
  question.explain = optional_bool(object, "explain").value_or(false);
  if (object.contains("highlight_start_tag")) question.highlight_pre = text("highlight_start_tag", 64);
  if (object.contains("highlight_end_tag")) question.highlight_post = text("highlight_end_tag", 64);
  read_page(object, question);
  const int64_t cutoff = optional_integer(object, "search_cutoff_ms", 1, 600000).value_or(deadline_ms);
  question.deadline = request.start + std::chrono::milliseconds(cutoff);
  if (kind == Question::Kind::recommend && !question.q.empty())
    refuse("q", "recommend takes no q; ask search for that");
  return question;
}

}  // namespace tessera::serve
