#include "data/split.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "base/error.h"
#include "data/time.h"

namespace tessera {

namespace {

/// By action number: whether its events make a history.
std::vector<bool> history_actions(const BehaviourLog& log, const std::vector<std::string>& wanted) {
  std::vector<bool> keep(static_cast<size_t>(log.actions.size()), wanted.empty());
  if (wanted.empty()) {
    if (const auto impression = log.actions.find("impression")) keep[static_cast<size_t>(*impression)] = false;
    return keep;
  }
  for (const std::string& name : wanted) {
    const auto action = log.actions.find(name);
    TESSERA_CHECK(action, config, "[split] actions: the dataset has no action '{}'; it has: {}", name,
                  fmt::join(log.actions.names(), ", "));
    keep[static_cast<size_t>(*action)] = true;
  }
  return keep;
}

/// Drops users and items with too few kept events until nothing changes.
/// @param keep  by event; narrowed in place
void narrow_to_core(const Dataset& dataset, const SplitOptions& options, std::vector<bool>& keep) {
  const BehaviourLog& log = dataset.log;
  std::vector<int64_t> by_user, by_item;
  for (bool changed = true; changed;) {
    changed = false;
    by_user.assign(static_cast<size_t>(dataset.users.size()), 0);
    by_item.assign(static_cast<size_t>(dataset.items.size()), 0);
    for (size_t e = 0; e < keep.size(); ++e) {
      if (!keep[e]) continue;
      ++by_user[static_cast<size_t>(index(log.user[e]))];
      ++by_item[static_cast<size_t>(index(log.item[e]))];
    }
    for (size_t e = 0; e < keep.size(); ++e) {
      if (keep[e] && (by_user[static_cast<size_t>(index(log.user[e]))] < options.min_user_events ||
                      by_item[static_cast<size_t>(index(log.item[e]))] < options.min_item_events)) {
        keep[e] = false;
        changed = true;
      }
    }
  }
}

Histories collect_histories(const Dataset& dataset, const std::vector<bool>& keep) {
  const BehaviourLog& log = dataset.log;
  Histories all;
  all.offsets.assign(static_cast<size_t>(dataset.users.size()) + 1, 0);
  for (size_t e = 0; e < keep.size(); ++e) {
    if (!keep[e]) continue;
    ++all.offsets[static_cast<size_t>(index(log.user[e])) + 1];
    all.items.push_back(log.item[e]);
    all.times.push_back(log.time[e]);
  }
  for (size_t u = 1; u < all.offsets.size(); ++u) all.offsets[u] += all.offsets[u - 1];
  return all;
}

/// Sorts each user's items by id, as a file of reviews grouped by product has them; the times stay where they are.
void order_by_item_id(Histories& all, const Catalogue& items) {
  for (size_t u = 0; u + 1 < all.offsets.size(); ++u) {
    std::stable_sort(all.items.begin() + all.offsets[u], all.items.begin() + all.offsets[u + 1],
                     [&](ItemId a, ItemId b) { return items[a].id < items[b].id; });
  }
}

void check_log(const Dataset& dataset) {
  const BehaviourLog& log = dataset.log;
  TESSERA_CHECK(log.size() > 0, data,
                "dataset '{}' has no events, so there is nothing to split; import a behaviour log", dataset.name);
  for (size_t e = 0; e < log.user.size(); ++e) {
    TESSERA_CHECK(index(log.user[e]) >= 0 && index(log.user[e]) < dataset.users.size(), data,
                  "event {}: user {} is outside of the {} users", e, index(log.user[e]), dataset.users.size());
    TESSERA_CHECK(index(log.item[e]) >= 0 && index(log.item[e]) < dataset.items.size(), data,
                  "event {}: item {} is outside of the {} items", e, index(log.item[e]), dataset.items.size());
    const bool ordered =
        e == 0 || log.user[e - 1] < log.user[e] || (log.user[e - 1] == log.user[e] && log.time[e - 1] <= log.time[e]);
    TESSERA_CHECK(ordered, data, "event {}: the log is not in order of (user, time); call BehaviourLog::sort() first",
                  e);
  }
}

void leave_one_out(Split& split) {
  for (int64_t u = 0; u < split.all.num_users(); ++u) {
    const int64_t begin = split.all.offsets[static_cast<size_t>(u)];
    const int64_t end = split.all.offsets[static_cast<size_t>(u) + 1];
    if (end - begin < 3) {
      split.train_end.push_back(end);
      continue;
    }
    const auto user = static_cast<UserId>(u);
    split.train_end.push_back(end - 2);
    split.valid.push_back({user, begin, end - 2, split.all.items[static_cast<size_t>(end - 2)]});
    split.test.push_back({user, begin, end - 1, split.all.items[static_cast<size_t>(end - 1)]});
  }
}

/// The second at which a part of the split starts.
/// @param text  an RFC 3339 time, or "80%": the time of the event that has 80% of the events before it
int64_t cut_time(const std::string& text, const char* option, std::vector<int64_t> times) {
  if (!text.empty() && text.back() == '%') {
    double percent = -1;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size() - 1, percent);
    TESSERA_CHECK(error == std::errc() && end == text.data() + text.size() - 1 && percent > 0 && percent < 100, config,
                  "[split] {} = '{}': a share must be a number between 0% and 100%, such as 80%", option, text);
    const auto rank = static_cast<int64_t>(percent / 100 * static_cast<double>(times.size()));
    std::nth_element(times.begin(), times.begin() + rank, times.end());
    return times[static_cast<size_t>(rank)];
  }
  const auto time = parse_time(text);
  TESSERA_CHECK(time, config,
                "[split] {} = '{}': neither a time such as 2026-03-01T00:00:00Z nor a share of the events such as 80%",
                option, text);
  return *time;
}

void temporal(Split& split, const SplitOptions& options) {
  const std::string valid_text = options.valid_from.empty() ? "80%" : options.valid_from;
  const std::string test_text = options.test_from.empty() ? "90%" : options.test_from;
  const int64_t valid_from = cut_time(valid_text, "valid_from", split.all.times);
  const int64_t test_from = cut_time(test_text, "test_from", split.all.times);
  TESSERA_CHECK(valid_from <= test_from, config, "[split] valid_from = '{}' ({}) comes after test_from = '{}' ({})",
                valid_text, format_time(valid_from), test_text, format_time(test_from));
  for (int64_t u = 0; u < split.all.num_users(); ++u) {
    const int64_t begin = split.all.offsets[static_cast<size_t>(u)];
    const int64_t end = split.all.offsets[static_cast<size_t>(u) + 1];
    int64_t train_end = begin;
    while (train_end < end && split.all.times[static_cast<size_t>(train_end)] < valid_from) ++train_end;
    split.train_end.push_back(train_end);
    for (int64_t e = std::max(train_end, begin + 1); e < end; ++e) {
      auto& cases = split.all.times[static_cast<size_t>(e)] < test_from ? split.valid : split.test;
      cases.push_back({static_cast<UserId>(u), begin, e, split.all.items[static_cast<size_t>(e)]});
    }
  }
}

}  // namespace

Split make_split(const Dataset& dataset, const SplitOptions& options) {
  TESSERA_CHECK(options.protocol == "leave-one-out" || options.protocol == "temporal", config,
                "[split] protocol = '{}': it must be 'leave-one-out' or 'temporal'", options.protocol);
  TESSERA_CHECK(options.order == "time" || options.protocol == "leave-one-out", config,
                "[split] order = '{}' is for leave-one-out, which looks at no time", options.order);
  check_log(dataset);
  const std::vector<bool> actions = history_actions(dataset.log, options.actions);
  std::vector<bool> keep(static_cast<size_t>(dataset.log.size()));
  for (size_t e = 0; e < keep.size(); ++e) keep[e] = actions.at(dataset.log.action[e]);
  narrow_to_core(dataset, options, keep);

  Split split;
  split.all = collect_histories(dataset, keep);
  TESSERA_CHECK(
      !split.all.items.empty(), data,
      "no event of '{}' is left after the action filter and min_user_events = {}, min_item_events = {}; lower them",
      dataset.name, options.min_user_events, options.min_item_events);
  if (options.order == "item-id") order_by_item_id(split.all, dataset.items);
  split.train_end.reserve(static_cast<size_t>(split.all.num_users()));
  if (options.protocol == "leave-one-out") {
    leave_one_out(split);
  } else {
    temporal(split, options);
  }
  TESSERA_CHECK(!split.test.empty(), data, "the {} split of '{}' has no test case ({} users, {} events count): {}",
                options.protocol, dataset.name, dataset.users.size(), split.all.items.size(),
                options.protocol == "temporal" ? "move test_from earlier" : "users need at least three events each");
  split.train_counts.assign(static_cast<size_t>(dataset.items.size()), 0);
  for (int64_t u = 0; u < split.all.num_users(); ++u) {
    for (const ItemId item : split.train_history(static_cast<UserId>(u)))
      ++split.train_counts[static_cast<size_t>(index(item))];
  }
  return split;
}

Windows make_windows(const Split& split, int64_t max_history, int64_t min_history) {
  TESSERA_CHECK(min_history >= 1 && max_history >= min_history, config,
                "windows need 1 <= min_history <= max_history, got min_history = {}, max_history = {}", min_history,
                max_history);
  Windows windows;
  for (int64_t u = 0; u < split.all.num_users(); ++u) {
    const int64_t begin = split.all.offsets[static_cast<size_t>(u)];
    for (int64_t target = begin + min_history; target < split.train_end[static_cast<size_t>(u)]; ++target) {
      windows.begin.push_back(std::max(begin, target - max_history));
      windows.target.push_back(target);
      windows.user.push_back(static_cast<UserId>(u));
    }
  }
  return windows;
}

}  // namespace tessera
