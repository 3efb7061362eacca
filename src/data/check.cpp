#include "data/check.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <numeric>
#include <tuple>
#include <unordered_map>

#include "base/error.h"
#include "data/time.h"

namespace tessera {

namespace {

constexpr size_t kCheckExamples = 5;
constexpr double kManyItemsWithoutText = 0.05;
constexpr double kManyDuplicates = 0.01;
constexpr int64_t kShortHistory = 3;

double percent(int64_t part, int64_t whole) {
  return whole == 0 ? 0 : 100.0 * static_cast<double>(part) / static_cast<double>(whole);
}

/// Collects the rows that one check is about.
struct Findings {
  int64_t count = 0;
  std::vector<std::string> examples;
  void add(std::string example) {
    ++count;
    if (examples.size() < kCheckExamples) examples.push_back(std::move(example));
  }
};

/// A result that passes when nothing was found.
CheckResult result(const char* name, Findings findings, Verdict when_found, std::string message) {
  return {name, findings.count == 0 ? Verdict::pass : when_found, std::move(message), findings.count,
          std::move(findings.examples)};
}

bool refers(const Dataset& d, size_t e) {
  const BehaviourLog& log = d.log;
  return index(log.user[e]) >= 0 && index(log.user[e]) < d.users.size() && index(log.item[e]) >= 0 &&
         index(log.item[e]) < d.items.size() && log.action[e] < log.actions.size() && log.query[e] >= -1 &&
         log.query[e] < log.queries.size() && log.scene[e] >= -1 && log.scene[e] < log.scenes.size();
}

std::string event_text(const Dataset& d, size_t e) {
  const BehaviourLog& log = d.log;
  return fmt::format("event {}: user {}, item {}, {} at {}", e, d.users.name(index(log.user[e])),
                     d.items[log.item[e]].id, log.actions.name(log.action[e]), log.time[e]);
}

bool columns_match(const BehaviourLog& log) {
  const size_t n = log.user.size();
  return log.item.size() == n && log.action.size() == n && log.time.size() == n && log.query.size() == n &&
         log.request.size() == n && log.position.size() == n && log.value.size() == n && log.scene.size() == n;
}

CheckResult check_catalogue_size(const Dataset& d) {
  Findings found;
  if (d.items.size() == 0) found.add("the catalogue is empty");
  return result("catalogue", std::move(found), Verdict::fail, fmt::format("{} items", d.items.size()));
}

CheckResult check_item_texts(const Dataset& d) {
  Findings found;
  for (const Item& item : d.items.items()) {
    if (item.title.empty() && item.description.empty() && item.attributes.empty() && item.categories.empty()) {
      found.add("item " + item.id);
    }
  }
  const double share = percent(found.count, d.items.size());
  const Verdict verdict = share > 100 * kManyItemsWithoutText ? Verdict::warn : Verdict::pass;
  return result("item-texts", found, verdict,
                fmt::format("{} of {} items ({:.1f}%) have no title, description, category or attribute", found.count,
                            d.items.size(), share));
}

CheckResult check_titles(const Dataset& d) {
  std::unordered_map<std::string_view, int64_t> counts;
  for (const Item& item : d.items.items()) {
    if (!item.title.empty()) ++counts[item.title];
  }
  Findings found;
  for (const Item& item : d.items.items()) {
    if (!item.title.empty() && counts[item.title] > 1) found.add(fmt::format("item {}: '{}'", item.id, item.title));
  }
  const std::string message = fmt::format("{} items share their title with another", found.count);
  return result("same-titles", std::move(found), Verdict::pass, message);
}

CheckResult check_prices(const Dataset& d) {
  Findings found;
  int64_t known = 0;
  for (const Item& item : d.items.items()) {
    known += !std::isnan(item.price);
    if (item.price < 0 || std::isinf(item.price)) found.add(fmt::format("item {}: price {}", item.id, item.price));
  }
  return result("prices", found, Verdict::fail,
                fmt::format("{} of {} items have a price; {} prices are negative or infinite", known, d.items.size(),
                            found.count));
}

CheckResult check_references(const Dataset& d) {
  Findings found;
  for (size_t e = 0; e < d.log.user.size(); ++e) {
    if (!refers(d, e)) {
      found.add(fmt::format("event {}: user {}, item {}, action {}, query {}, scene {}", e, index(d.log.user[e]),
                            index(d.log.item[e]), d.log.action[e], d.log.query[e], d.log.scene[e]));
    }
  }
  const std::string message =
      fmt::format("{} of {} events refer to something that is not there", found.count, d.log.size());
  return result("references", std::move(found), Verdict::fail, message);
}

CheckResult check_time_order(const Dataset& d) {
  const BehaviourLog& log = d.log;
  Findings found;
  for (size_t e = 1; e < log.user.size(); ++e) {
    if (log.user[e] < log.user[e - 1] || (log.user[e] == log.user[e - 1] && log.time[e] < log.time[e - 1])) {
      found.add(event_text(d, e));
    }
  }
  const std::string message =
      fmt::format("{} events come before the one they follow (order: user, then time)", found.count);
  return result("time-order", std::move(found), Verdict::fail, message);
}

CheckResult check_time_ties(const Dataset& d) {
  const BehaviourLog& log = d.log;
  Findings found;
  for (size_t e = 1; e < log.user.size(); ++e) {
    if (log.user[e] == log.user[e - 1] && log.time[e] == log.time[e - 1]) found.add(event_text(d, e));
  }
  const double share = percent(found.count, log.size());
  const std::string message =
      fmt::format("{} events ({:.1f}%) have the same second as the user's event before", found.count, share);
  return result("time-ties", std::move(found), share > 50 ? Verdict::warn : Verdict::pass, message);
}

CheckResult check_values(const Dataset& d) {
  Findings found;
  for (size_t e = 0; e < d.log.value.size(); ++e) {
    if (std::isinf(d.log.value[e])) found.add(event_text(d, e));
  }
  const std::string message = fmt::format("{} values are infinite", found.count);
  return result("values", std::move(found), Verdict::fail, message);
}

/// Events that are the same in user, item, action, time and request. Needs the log in order.
CheckResult check_duplicates(const Dataset& d) {
  const BehaviourLog& log = d.log;
  Findings found;
  std::vector<size_t> same;  // the events of one user and second
  const auto close = [&] {
    const auto key = [&](size_t e) { return std::tuple(log.item[e], log.action[e], log.request[e]); };
    std::sort(same.begin(), same.end(),
              [&](size_t a, size_t b) { return std::pair(key(a), a) < std::pair(key(b), b); });
    for (size_t i = 1; i < same.size(); ++i) {
      if (key(same[i]) == key(same[i - 1])) found.add(event_text(d, same[i]));
    }
    same.clear();
  };
  for (size_t e = 0; e < log.user.size(); ++e) {
    if (!same.empty() && (log.user[e] != log.user[e - 1] || log.time[e] != log.time[e - 1])) close();
    same.push_back(e);
  }
  close();
  const double share = percent(found.count, log.size());
  const std::string message = fmt::format("{} of {} events ({:.2f}%) are there twice", found.count, log.size(), share);
  return result("duplicates", std::move(found), share > 100 * kManyDuplicates ? Verdict::warn : Verdict::pass, message);
}

CheckResult check_histories(const Dataset& d) {
  std::vector<int64_t> counts(static_cast<size_t>(d.users.size()));
  for (const UserId user : d.log.user) ++counts[static_cast<size_t>(index(user))];
  Findings found;
  for (size_t u = 0; u < counts.size(); ++u) {
    if (counts[u] < kShortHistory)
      found.add(fmt::format("user {}: {} events", d.users.name(static_cast<int32_t>(u)), counts[u]));
  }
  const int64_t enough = d.users.size() - found.count;
  const std::string message =
      fmt::format("{} of {} users have fewer than {} events and are no test case of leave-one-out", found.count,
                  d.users.size(), kShortHistory);
  return result("short-histories", std::move(found), enough == 0 ? Verdict::fail : Verdict::pass, message);
}

CheckResult check_popularity(const Dataset& d) {
  std::vector<int64_t> counts(static_cast<size_t>(d.items.size()));
  for (const ItemId item : d.log.item) ++counts[static_cast<size_t>(index(item))];
  std::vector<int32_t> order(counts.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](int32_t a, int32_t b) {
    return counts[static_cast<size_t>(a)] > counts[static_cast<size_t>(b)];
  });
  // Gini from the ranks, most popular first.
  double weighted = 0;
  int64_t top = 0;
  const size_t top_items = (counts.size() + 99) / 100;
  for (size_t r = 0; r < order.size(); ++r) {
    const int64_t count = counts[static_cast<size_t>(order[r])];
    weighted += static_cast<double>(r + 1) * static_cast<double>(count);
    if (r < top_items) top += count;
  }
  const auto n = static_cast<double>(counts.size());
  const double gini = d.log.size() == 0 ? 0 : (n + 1 - 2 * weighted / static_cast<double>(d.log.size())) / n;
  CheckResult facts{"popularity", Verdict::pass, "", 0, {}};
  facts.count = std::count(counts.begin(), counts.end(), 0);
  facts.message = fmt::format("Gini {:.3f}; the top 1% of items have {:.1f}% of the events; {} items have none", gini,
                              percent(top, d.log.size()), facts.count);
  for (size_t r = 0; r < std::min(kCheckExamples, order.size()); ++r) {
    const auto item = static_cast<ItemId>(order[r]);
    facts.examples.push_back(fmt::format("{} events: {} ({})", counts[static_cast<size_t>(order[r])],
                                         display_name(d.items[item]), d.items[item].id));
  }
  return facts;
}

CheckResult check_actions(const Dataset& d) {
  std::vector<int64_t> counts(static_cast<size_t>(d.log.actions.size()));
  for (const uint8_t action : d.log.action) ++counts[action];
  std::string text;
  for (int32_t a = 0; a < d.log.actions.size(); ++a) {
    if (counts[static_cast<size_t>(a)] == 0) continue;
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", counts[static_cast<size_t>(a)], d.log.actions.name(a));
  }
  const Verdict verdict = text.empty() ? Verdict::warn : Verdict::pass;
  return {"actions", verdict, text.empty() ? "no events" : text, 0, {}};
}

CheckResult check_time_range(const Dataset& d) {
  Findings found;
  int64_t first = kMaxTime, last = kMinTime;
  for (size_t e = 0; e < d.log.time.size(); ++e) {
    const int64_t time = d.log.time[e];
    if (time < kMinTime || time > kMaxTime) {
      found.add(fmt::format("event {}: {}", e, time));
      continue;
    }
    first = std::min(first, time);
    last = std::max(last, time);
  }
  const std::string message =
      first > last ? "no times" : fmt::format("{} to {}", format_time(first), format_time(last));
  return result("time-range", std::move(found), Verdict::fail, message);
}

}  // namespace

const char* to_string(Verdict verdict) {
  switch (verdict) {
    case Verdict::pass:
      return "PASS";
    case Verdict::warn:
      return "WARN";
    case Verdict::fail:
      return "FAIL";
  }
  return "?";
}

Verdict CheckReport::verdict() const {
  Verdict worst = Verdict::pass;
  for (const CheckResult& check : results) worst = std::max(worst, check.verdict);
  return worst;
}

nlohmann::json CheckReport::dump() const {
  nlohmann::json checks = nlohmann::json::array();
  for (const CheckResult& check : results) {
    checks.push_back({{"name", check.name},
                      {"verdict", to_string(check.verdict)},
                      {"message", check.message},
                      {"count", check.count},
                      {"examples", check.examples}});
  }
  return {{"dataset", dataset}, {"verdict", to_string(verdict())}, {"checks", std::move(checks)}};
}

CheckReport check_dataset(const Dataset& d) {
  CheckReport report{d.name, {}};
  auto& results = report.results;
  results.push_back(check_catalogue_size(d));
  results.push_back(check_item_texts(d));
  results.push_back(check_titles(d));
  results.push_back(check_prices(d));
  if (!columns_match(d.log)) {
    results.push_back({"columns", Verdict::fail, "the columns of the log differ in length", 1, {}});
    return report;
  }
  results.push_back(check_time_range(d));
  results.push_back(check_values(d));
  results.push_back(check_references(d));
  // The rest looks up what events refer to.
  if (results.back().verdict == Verdict::fail) return report;
  results.push_back(check_time_order(d));
  results.push_back(check_time_ties(d));
  results.push_back(check_duplicates(d));
  results.push_back(check_histories(d));
  results.push_back(check_popularity(d));
  results.push_back(check_actions(d));
  return report;
}

}  // namespace tessera
