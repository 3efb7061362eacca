#include "live/rules.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "base/error.h"
#include "base/options.h"
#include "data/item_json.h"
#include "data/time.h"

namespace tessera::live {

namespace {

using RuleJson = nlohmann::json;

constexpr int64_t kMaxPosition = 1000;
constexpr size_t kMaxPins = 100, kMaxBoosts = 100, kMaxHides = 1000, kMaxRules = 10'000;
constexpr size_t kMaxRuleText = 1000;
constexpr double kMaxFactor = 1e6;

std::string rule_value(const RuleJson& value) {
  return value.is_string() ? excerpt(value.get_ref<const std::string&>()) : to_line(value).substr(0, 60);
}

void check_names(const RuleJson& object, const std::vector<std::string>& names, std::string_view where) {
  TESSERA_CHECK(object.is_object(), data, "{} must be a JSON object, found {}", where, rule_value(object));
  for (const auto& [name, value] : object.items()) {
    if (std::find(names.begin(), names.end(), name) != names.end()) continue;
    const std::string near = nearest(name, names);
    fail(ErrorKind::data, "{} has no field {}{}", where, excerpt(name),
         near.empty() ? "" : fmt::format("; did you mean '{}'?", near));
  }
}

/// The field, or nullptr when it is absent or null.
const RuleJson* rule_field(const RuleJson& object, const char* name) {
  const auto it = object.find(name);
  return it == object.end() || it->is_null() ? nullptr : &*it;
}

std::string rule_text(const RuleJson& object, const char* name) {
  const RuleJson* value = rule_field(object, name);
  if (value == nullptr) return {};
  TESSERA_CHECK(value->is_string() && value->get_ref<const std::string&>().size() <= kMaxRuleText, data,
                "a rule's {} must be a string of at most {} bytes, found {}", name, kMaxRuleText, rule_value(*value));
  return value->get<std::string>();
}

const RuleJson& rule_list(const RuleJson& object, const char* name, size_t max_size) {
  static const RuleJson kEmpty = RuleJson::array();
  const RuleJson* value = rule_field(object, name);
  if (value == nullptr) return kEmpty;
  TESSERA_CHECK(value->is_array() && value->size() <= max_size, data,
                "a rule's {} must be a list of at most {}, found {}", name, max_size, rule_value(*value));
  return *value;
}

std::string item_id(const RuleJson* value, const char* where) {
  TESSERA_CHECK(value != nullptr && value->is_string() && !value->get_ref<const std::string&>().empty(), data,
                "a rule's {} must name an item by its id, found {}", where,
                value == nullptr ? "none" : rule_value(*value));
  return value->get<std::string>();
}

Rule::Pin pin_from_json(const RuleJson& value) {
  check_names(value, {"item", "position"}, "a pin");
  Rule::Pin pin;
  pin.item = item_id(rule_field(value, "item"), "pin");
  const RuleJson* position = rule_field(value, "position");
  TESSERA_CHECK(position != nullptr && position->is_number_integer() && *position >= 1 && *position <= kMaxPosition,
                data, "the position of the pin of '{}' must be a whole number from 1 to {}, found {}", pin.item,
                kMaxPosition, position == nullptr ? "none" : rule_value(*position));
  pin.position = position->get<int64_t>();
  return pin;
}

double boost_number(const RuleJson& boost, const char* name, double absent) {
  const RuleJson* value = rule_field(boost, name);
  if (value == nullptr) return absent;
  TESSERA_CHECK(value->is_number(), data, "a boost's {} must be a number, found {}", name, rule_value(*value));
  return value->get<double>();
}

Rule::Boost boost_from_json(const RuleJson& value) {
  check_names(value, {"filter", "factor", "add"}, "a boost");
  const RuleJson* filter = rule_field(value, "filter");
  TESSERA_CHECK(filter != nullptr && filter->is_string(), data,
                "a boost needs a filter such as \"brand:=Nike\", found {}",
                filter == nullptr ? "none" : rule_value(*filter));
  Rule::Boost boost;
  boost.filter = Filter::parse(filter->get_ref<const std::string&>());
  boost.factor = boost_number(value, "factor", 1);
  boost.add = boost_number(value, "add", 0);
  TESSERA_CHECK(boost.factor > 0 && boost.factor <= kMaxFactor, data,
                "a boost's factor must be above 0 and at most {}, found {}", kMaxFactor, boost.factor);
  TESSERA_CHECK(std::isfinite(boost.add), data, "a boost's add must be finite, found {}", boost.add);
  return boost;
}

std::optional<int64_t> time_field(const RuleJson& object, const char* name) {
  const RuleJson* value = rule_field(object, name);
  if (value == nullptr) return std::nullopt;
  std::optional<int64_t> time;
  if (value->is_string()) time = parse_time(value->get_ref<const std::string&>());
  if (value->is_number_integer()) time = parse_time(value->dump());
  TESSERA_CHECK(time, data, "a rule's {} must be a time such as 2026-03-01T00:00:00Z, found {}", name,
                rule_value(*value));
  return time;
}

bool match_field(const RuleJson& object) {
  const std::string match = rule_text(object, "match");
  TESSERA_CHECK(match.empty() || match == "exact" || match == "contains", data,
                "a rule's match must be exact or contains, found '{}'", match);
  return match == "contains";
}

void check_items(const Rule& rule) {
  std::set<std::string_view> seen(rule.hides.begin(), rule.hides.end());
  for (const Rule::Pin& pin : rule.pins) {
    TESSERA_CHECK(seen.insert(pin.item).second, data, "rule '{}' pins or hides '{}' twice; keep one of them", rule.id,
                  pin.item);
  }
  TESSERA_CHECK(!rule.pins.empty() || !rule.hides.empty() || !rule.boosts.empty(), data,
                "rule '{}' does nothing; give it pins, hides or boosts", rule.id);
}

bool query_matches(const Rule& rule, const std::vector<std::string>& words) {
  if (rule.query.empty()) return true;
  if (!rule.contains) return words == rule.query_words;
  return std::search(words.begin(), words.end(), rule.query_words.begin(), rule.query_words.end()) != words.end();
}

void hide_items(const std::set<ItemId>& hidden, std::vector<Hit>& hits) {
  std::erase_if(hits, [&](const Hit& hit) { return hidden.contains(hit.item); });
}

void boost_hits(const std::vector<const Rule*>& rules, std::vector<Hit>& hits, const CatalogueView& view,
                const ApplyOptions& options) {
  bool any = false;
  for (const Rule* rule : rules) {
    for (const Rule::Boost& boost : rule->boosts) {
      if (boost.filter.unknown_field(view)) continue;
      const auto set = options.cache != nullptr ? options.cache->evaluate(boost.filter, view)
                                                : std::make_shared<const ItemSet>(boost.filter.evaluate(view));
      for (Hit& hit : hits) {
        if (!set->contains(hit.item)) continue;
        hit.score = (hit.score >= 0 ? hit.score * boost.factor : hit.score / boost.factor) + boost.add;
        any = true;
      }
    }
  }
  if (!any || !options.reorder) return;
  const auto by_score = [](const Hit& a, const Hit& b) {
    return a.score > b.score || (std::isnan(b.score) && !std::isnan(a.score));
  };
  std::stable_sort(hits.begin(), hits.end(), by_score);
}

struct PinnedHit {
  int64_t position;
  Hit hit;
};

/// The pins that can be kept, ascending by position, equal ones in the order of the rules.
std::vector<PinnedHit> collect_pins(const std::vector<const Rule*>& rules, const std::set<ItemId>& hidden,
                                    const CatalogueView& view, const ApplyOptions& options) {
  std::vector<PinnedHit> pinned;
  std::set<ItemId> seen;
  for (const Rule* rule : rules) {
    for (const Rule::Pin& pin : rule->pins) {
      const auto item = view.find(pin.item);
      if (!item || hidden.contains(*item) || (options.allowed != nullptr && !options.allowed->contains(*item)))
        continue;
      if (seen.insert(*item).second) pinned.push_back({pin.position, {*item, 0, true}});
    }
  }
  std::stable_sort(pinned.begin(), pinned.end(),
                   [](const PinnedHit& a, const PinnedHit& b) { return a.position < b.position; });
  return pinned;
}

void place_pins(std::vector<PinnedHit> pinned, std::vector<Hit>& hits) {
  if (pinned.empty()) return;
  std::map<ItemId, PinnedHit*> by_item;
  for (PinnedHit& pin : pinned) by_item.emplace(pin.hit.item, &pin);
  std::vector<Hit> others;
  for (const Hit& hit : hits) {
    const auto pin = by_item.find(hit.item);
    if (pin == by_item.end()) {
      others.push_back(hit);
    } else {
      pin->second->hit.score = hit.score;
    }
  }
  std::vector<Hit> placed;
  auto next_other = others.begin();
  for (const PinnedHit& pin : pinned) {
    while (static_cast<int64_t>(placed.size()) + 1 < pin.position && next_other != others.end()) {
      placed.push_back(*next_other++);
    }
    placed.push_back(pin.hit);
  }
  placed.insert(placed.end(), next_other, others.end());
  hits = std::move(placed);
}

}  // namespace

Rule rule_from_json(const nlohmann::json& value) {
  check_names(value, {"id", "query", "match", "scene", "pins", "hides", "boosts", "from", "until", "enabled"},
              "a rule");
  Rule rule;
  rule.id = rule_text(value, "id");
  TESSERA_CHECK(!rule.id.empty(), data, "a rule needs an id, a string that is not empty");
  rule.query = rule_text(value, "query");
  rule.query_words = words_of_folded(fold(rule.query));
  TESSERA_CHECK(rule.query.empty() || !rule.query_words.empty(), data, "the query of rule '{}' has no word: '{}'",
                rule.id, rule.query);
  rule.contains = match_field(value);
  rule.scene = rule_text(value, "scene");
  for (const RuleJson& pin : rule_list(value, "pins", kMaxPins)) rule.pins.push_back(pin_from_json(pin));
  for (const RuleJson& item : rule_list(value, "hides", kMaxHides)) rule.hides.push_back(item_id(&item, "hides"));
  for (const RuleJson& boost : rule_list(value, "boosts", kMaxBoosts)) rule.boosts.push_back(boost_from_json(boost));
  check_items(rule);
  rule.from = time_field(value, "from");
  rule.until = time_field(value, "until");
  TESSERA_CHECK(!rule.from || !rule.until || *rule.from < *rule.until, data,
                "rule '{}' ends ({}) before it starts ({})", rule.id, format_time(*rule.until),
                format_time(*rule.from));
  if (const RuleJson* enabled = rule_field(value, "enabled")) {
    TESSERA_CHECK(enabled->is_boolean(), data, "a rule's enabled must be true or false, found {}",
                  rule_value(*enabled));
    rule.enabled = enabled->get<bool>();
  }
  return rule;
}

nlohmann::json to_json(const Rule& rule) {
  RuleJson value = {{"id", rule.id}};
  if (!rule.query.empty()) value["query"] = rule.query;
  if (rule.contains) value["match"] = "contains";
  if (!rule.scene.empty()) value["scene"] = rule.scene;
  for (const Rule::Pin& pin : rule.pins) value["pins"].push_back({{"item", pin.item}, {"position", pin.position}});
  if (!rule.hides.empty()) value["hides"] = rule.hides;
  for (const Rule::Boost& boost : rule.boosts) {
    RuleJson entry = {{"filter", boost.filter.text()}};
    if (boost.factor != 1) entry["factor"] = boost.factor;
    if (boost.add != 0) entry["add"] = boost.add;
    value["boosts"].push_back(std::move(entry));
  }
  if (rule.from) value["from"] = format_time(*rule.from);
  if (rule.until) value["until"] = format_time(*rule.until);
  if (!rule.enabled) value["enabled"] = false;
  return value;
}

void Rules::put(Rule rule) {
  const auto it = std::lower_bound(rules_.begin(), rules_.end(), rule.id,
                                   [](const Rule& a, const std::string& id) { return a.id < id; });
  if (it != rules_.end() && it->id == rule.id) {
    *it = std::move(rule);
    return;
  }
  TESSERA_CHECK(rules_.size() < kMaxRules, overload, "there are {} rules already, as many as can be", rules_.size());
  rules_.insert(it, std::move(rule));
}

bool Rules::erase(std::string_view id) {
  return std::erase_if(rules_, [&](const Rule& rule) { return rule.id == id; }) > 0;
}

const Rule* Rules::find(std::string_view id) const {
  const auto it = std::lower_bound(rules_.begin(), rules_.end(), id,
                                   [](const Rule& a, std::string_view wanted) { return a.id < wanted; });
  return it != rules_.end() && it->id == id ? &*it : nullptr;
}

std::vector<const Rule*> Rules::active(std::string_view query, std::string_view scene, int64_t now) const {
  const std::vector<std::string> words = words_of_folded(fold(query));
  std::vector<const Rule*> active;
  for (const Rule& rule : rules_) {
    const bool in_time = (!rule.from || now >= *rule.from) && (!rule.until || now < *rule.until);
    const bool in_scene = rule.scene.empty() || rule.scene == scene;
    if (rule.enabled && in_time && in_scene && query_matches(rule, words)) active.push_back(&rule);
  }
  return active;
}

void apply_rules(const std::vector<const Rule*>& rules, std::vector<Hit>& hits, const CatalogueView& view,
                 const ApplyOptions& options) {
  std::set<ItemId> hidden;
  for (const Rule* rule : rules) {
    for (const std::string& id : rule->hides) {
      if (const auto item = view.find(id)) hidden.insert(*item);
    }
  }
  hide_items(hidden, hits);
  boost_hits(rules, hits, view, options);
  place_pins(collect_pins(rules, hidden, view, options), hits);
}

}  // namespace tessera::live
