#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>
#include <set>

#include "base/options.h"
#include "data/item_json.h"
#include "http/json.h"
#include "live/fields.h"
#include "serve/face_typesense.h"

namespace tessera::serve {

namespace {

enum class Treat { text, integer, number, boolean, list, own, ignored };

/// Every parameter that is taken, and how. `own`: question_of_typesense looks at it itself.
const std::map<std::string, Treat>& typesense_parameters() {
  static const std::map<std::string, Treat> table = [] {
    std::map<std::string, Treat> all;
    const auto add = [&](Treat treat, std::initializer_list<const char*> names) {
      for (const char* name : names) all[name] = treat;
    };
    add(Treat::text, {"q", "user_id", "session_id", "filter_by", "facet_query", "pinned_hits", "seen_policy", "scene",
                      "highlight_start_tag", "highlight_end_tag"});
    add(Treat::integer, {"max_facet_values", "search_cutoff_ms"});
    add(Treat::number, {"personalize"});
    add(Treat::list, {"history", "hidden_hits", "exclude_ids"});
    add(Treat::own, {"query_by",
                     "sort_by",
                     "facet_by",
                     "page",
                     "per_page",
                     "offset",
                     "limit",
                     "include_fields",
                     "exclude_fields",
                     "num_typos",
                     "prefix",
                     "highlight_fields",
                     "validate_field_names",
                     "infix",
                     "group_by",
                     "vector_query",
                     "voice_query",
                     "preset",
                     "conversation",
                     "nl_query",
                     "collection"});
    add(Treat::ignored, {"query_by_weights",
                         "text_match_type",
                         "prioritize_exact_match",
                         "prioritize_token_position",
                         "prioritize_num_matching_fields",
                         "drop_tokens_threshold",
                         "drop_tokens_mode",
                         "typo_tokens_threshold",
                         "min_len_1typo",
                         "min_len_2typo",
                         "split_join_tokens",
                         "exhaustive_search",
                         "use_cache",
                         "cache_ttl",
                         "enable_overrides",
                         "override_tags",
                         "enable_curations",
                         "curation_tags",
                         "filter_curated_hits",
                         "enable_synonyms",
                         "synonym_prefix",
                         "synonym_num_typos",
                         "synonym_sets",
                         "demote_synonym_match",
                         "enable_highlight_v1",
                         "highlight_full_fields",
                         "highlight_affix_num_tokens",
                         "snippet_threshold",
                         "facet_strategy",
                         "facet_sample_percent",
                         "facet_sample_threshold",
                         "facet_sample_slope",
                         "facet_return_parent",
                         "facet_query_num_typos",
                         "pre_segmented_query",
                         "enable_typos_for_numerical_tokens",
                         "enable_typos_for_alpha_numerical_tokens",
                         "enable_lazy_filter",
                         "max_candidates",
                         "max_filter_by_candidates",
                         "max_extra_prefix",
                         "max_extra_suffix",
                         "enable_analytics",
                         "analytics_tag",
                         "limit_hits",
                         "limit_multi_searches",
                         "group_limit",
                         "group_missing_values",
                         "group_max_candidates",
                         "stopwords",
                         "remote_embedding_timeout_ms",
                         "remote_embedding_num_tries",
                         "rerank_hybrid_matches",
                         "conversation_id",
                         "conversation_model_id",
                         "conversation_stream",
                         "nl_query_debug",
                         "nl_model_id",
                         "diversity_lambda",
                         "x-typesense-api-key",
                         "x-typesense-user-id",
                         "x-typesense-request-id",
                         "union",
                         "remove_duplicates",
                         "expires_at"});
    return all;
  }();
  return table;
}

[[noreturn]] void refuse_typesense(const std::string& param, const std::string& detail) {
  throw ProblemError({ProblemCode::invalid_parameter, detail, param});
}

std::string parameter(const TypesenseParameters& parameters, const char* name) {
  const auto found = parameters.find(name);
  return found == parameters.end() ? "" : found->second;
}

std::vector<std::string> comma_list(std::string_view text) {
  std::vector<std::string> out;
  while (!text.empty()) {
    const size_t comma = std::min(text.find(','), text.size());
    std::string_view one = text.substr(0, comma);
    while (!one.empty() && one.front() == ' ') one.remove_prefix(1);
    while (!one.empty() && one.back() == ' ') one.remove_suffix(1);
    if (!one.empty()) out.emplace_back(one);
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
  return out;
}

std::string joined(const std::vector<std::string>& parts) {
  std::string text;
  for (const std::string& part : parts) text += (text.empty() ? "" : ",") + part;
  return text;
}

template <class T>
T typesense_number(const std::string& name, const std::string& text) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size())
    refuse_typesense(name, "Parameter `" + name + "` must be a number; found \"" + text.substr(0, 60) + "\"");
  return value;
}

/// "true,false": whether it is true for any of the fields.
bool any_true(const std::string& name, const std::string& text) {
  bool any = false;
  for (const std::string& one : comma_list(text)) {
    if (one != "true" && one != "false" && one != "1" && one != "0")
      refuse_typesense(name, "Parameter `" + name + "` must be true or false; found \"" + one.substr(0, 60) + "\"");
    any = any || one == "true" || one == "1";
  }
  return any;
}

void refuse_what_is_not_there(const TypesenseParameters& parameters) {
  for (const char* name : {"group_by", "vector_query", "voice_query", "preset"})
    if (!parameter(parameters, name).empty())
      refuse_typesense(name, std::string("`") + name + "` is not supported here");
  for (const char* name : {"conversation", "nl_query"})
    if (const std::string value = parameter(parameters, name); !value.empty() && any_true(name, value))
      refuse_typesense(name, std::string("`") + name + "` is not supported here");
  for (const std::string& one : comma_list(parameter(parameters, "infix")))
    if (one != "off") refuse_typesense("infix", "`infix` is not supported here; it can be off");
}

void check_query_by(const TypesenseParameters& parameters, const live::CatalogueView& view) {
  if (parameter(parameters, "validate_field_names") == "false") return;
  for (const std::string& name : comma_list(parameter(parameters, "query_by"))) {
    if (name.find('*') != std::string::npos || name == "attributes") continue;
    const auto field = live::parse_field(name);
    if (!field || !live::is_known(*field, view))
      throw ProblemError({ProblemCode::not_found,
                          "Could not find a field named `" + name.substr(0, 100) + "` in the schema.", "query_by"});
  }
}

/// `_text_match(buckets: 10):desc` is the score; among all items every match is the same, so other keys decide.
std::string sort_of(const std::string& sort_by, bool has_text) {
  std::vector<std::string> keys;
  for (std::string key : comma_list(sort_by)) {
    if (const size_t open = key.find('('); open != std::string::npos && key.compare(0, 5, "_eval") != 0) {
      const size_t close = key.find(')', open);
      const std::string inside = close == std::string::npos ? "" : key.substr(open + 1, close - open - 1);
      const bool harmless = key.compare(0, open, "_text_match") == 0 || inside == "missing_values: last" ||
                            inside == "missing_values:last";
      if (close == std::string::npos || !harmless)
        refuse_typesense("sort_by", "\"" + key.substr(0, 60) + "\" is not supported here: missing values come last");
      key.erase(open, close - open + 1);
    }
    const bool is_score = key == "_text_match:desc" || key == "_text_match" || key == "_score:desc";
    if (is_score && !has_text) continue;
    keys.push_back(is_score ? "_score:desc" : key);
  }
  if (keys.size() == 1 && keys[0] == "_score:desc") keys.clear();  // as without an order, where rules may have a say
  return joined(keys);
}

/// `*` and `attributes.*` stand for the fields there are.
std::string facets_of(const std::string& facet_by, const live::CatalogueView& view) {
  if (facet_by.find('*') == std::string::npos) return facet_by;
  std::vector<std::string> all = {"brand", "category", "price"}, out;
  for (const std::string& name : view.attribute_names()) {
    const auto field = live::parse_field(name);
    all.push_back(field && field->kind == live::FieldKind::attribute ? name : "attributes." + name);
  }
  for (const std::string& one : comma_list(facet_by)) {
    if (one.back() != '*') {
      out.push_back(one);
      continue;
    }
    std::string prefix = one.substr(0, one.size() - 1);
    if (prefix == "attributes.") prefix.clear();
    for (const std::string& name : all)
      if (name.compare(0, prefix.size(), prefix) == 0 && std::find(out.begin(), out.end(), name) == out.end() &&
          out.size() < 50)
        out.push_back(name);
  }
  return joined(out);
}

void read_typesense_page(const TypesenseParameters& parameters, nlohmann::json& object) {
  const auto take = [&](const char* theirs, const char* ours) {
    if (const std::string value = parameter(parameters, theirs); !value.empty())
      object[ours] = typesense_number<int64_t>(theirs, value);
  };
  take("per_page", "limit");
  take("limit", "limit");
  if (parameters.contains("offset")) {
    take("offset", "offset");
  } else {
    take("page", "page");
  }
  if (object.contains("page") && object["page"] == 0) object["page"] = 1;
}

const std::set<std::string>& own_fields() {
  static const std::set<std::string> names = {"id",    "title",      "description", "brand",      "categories",
                                              "price", "attributes", "available",   "created_at", "image"};
  return names;
}

}  // namespace

void take_parameters(const nlohmann::json& object, TypesenseParameters& into) {
  const auto text_of = [](const std::string& name, const nlohmann::json& value) {
    if (value.is_structured())
      refuse_typesense(name, "Parameter `" + name + "` must be a text, a number, true, false, or a list of these");
    return value.is_string() ? value.get<std::string>() : to_line(value);
  };
  for (const auto& [name, value] : object.items()) {
    if (value.is_null()) continue;
    std::string text;
    if (value.is_array()) {
      for (const nlohmann::json& part : value) text += (text.empty() ? "" : ",") + text_of(name, part);
    } else {
      text = text_of(name, value);
    }
    into[name] = std::move(text);
  }
}

nlohmann::json question_of_typesense(const TypesenseParameters& parameters, const live::CatalogueView& view) {
  const auto& table = typesense_parameters();
  refuse_what_is_not_there(parameters);
  check_query_by(parameters, view);
  nlohmann::json object = nlohmann::json::object();
  for (const auto& [name, value] : parameters) {
    const auto known = table.find(name);
    if (known == table.end()) {
      std::vector<std::string> names;
      for (const auto& [one, treat] : table) names.push_back(one);
      refuse_unknown({{name, value}}, names);
      continue;
    }
    if (value.empty()) continue;
    if (known->second == Treat::text) object[name] = value;
    if (known->second == Treat::integer) object[name] = typesense_number<int64_t>(name, value);
    if (known->second == Treat::number) object[name] = typesense_number<double>(name, value);
    if (known->second == Treat::list) object[name] = comma_list(value);
  }
  const std::string q = parameter(parameters, "q");
  const bool has_text = q.find_first_not_of(" *") != std::string::npos;
  const auto put = [&](const char* name, const std::string& value) {
    if (!value.empty()) object[name] = value;
  };
  put("sort_by", sort_of(parameter(parameters, "sort_by"), has_text));
  put("facet_by", facets_of(parameter(parameters, "facet_by"), view));
  put("include_fields", projected_fields(parameter(parameters, "include_fields")));
  put("exclude_fields", projected_fields(parameter(parameters, "exclude_fields")));
  if (const std::string typos = parameter(parameters, "num_typos"); !typos.empty()) {
    int64_t most = 0;  // of the fields' numbers
    for (const std::string& one : comma_list(typos)) most = std::max(most, typesense_number<int64_t>("num_typos", one));
    object["num_typos"] = std::min<int64_t>(most, 2);
  }
  if (const std::string prefix = parameter(parameters, "prefix"); !prefix.empty())
    object["prefix"] = any_true("prefix", prefix);
  if (!object.contains("user_id")) put("user_id", parameter(parameters, "x-typesense-user-id"));
  read_typesense_page(parameters, object);
  return object;
}

bool wants_highlight(const TypesenseParameters& parameters, std::string_view field) {
  const auto wanted = comma_list(parameter(parameters, "highlight_fields"));
  if (wanted.empty()) return true;
  return std::any_of(wanted.begin(), wanted.end(), [&](const std::string& one) {
    return one == field || (field == "attributes" && one != "none" && !own_fields().contains(one));
  });
}

nlohmann::ordered_json document_of(const live::Projection& projection, const Item& item) {
  nlohmann::ordered_json document = projection.project(item);
  const auto attributes = document.find("attributes");
  if (attributes == document.end()) return document;
  const nlohmann::ordered_json all = *attributes;
  document.erase("attributes");
  nlohmann::ordered_json rest = nlohmann::ordered_json::object();
  for (const auto& [name, value] : all.items()) (own_fields().contains(name) ? rest : document)[name] = value;
  if (!rest.empty()) document["attributes"] = std::move(rest);
  return document;
}

nlohmann::json item_json_of_document(nlohmann::json document) {
  nlohmann::json item = nlohmann::json::object();
  for (auto& [name, value] : document.items()) {
    if (own_fields().contains(name)) {
      item[name] = std::move(value);
      continue;
    }
    const bool nested =
        value.is_object() ||
        (value.is_array() && std::any_of(value.begin(), value.end(), [](auto& v) { return v.is_structured(); }));
    nlohmann::json& attributes = item["attributes"];
    if (attributes.is_null()) attributes = nlohmann::json::object();
    if (attributes.is_object() && !attributes.contains(name))
      attributes[name] = nested ? nlohmann::json(to_line(value)) : value;
  }
  return item;
}

std::string projected_fields(const std::string& fields) {
  std::vector<std::string> out;
  for (const std::string& name : comma_list(fields)) {
    const bool own = own_fields().contains(name) || name == "in_stock" || name == "category" ||
                     name.compare(0, 11, "attributes.") == 0;
    const bool wild = name.back() == '*';
    if (own || wild) out.push_back(name);
    if (!own && name != "*") out.push_back("attributes." + name);
  }
  return joined(out);
}

}  // namespace tessera::serve
