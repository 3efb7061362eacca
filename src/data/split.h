#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/options.h"
#include "data/dataset.h"

namespace tessera {

/// Each user's items in order of time: user u has items [offsets[u], offsets[u+1]).
struct Histories {
  std::vector<int64_t> offsets;  ///< num_users + 1
  std::vector<ItemId> items;
  std::vector<int64_t> times;  ///< seconds, as `items`
  int64_t num_users() const { return static_cast<int64_t>(offsets.size()) - 1; }
  std::span<const ItemId> of(UserId user) const {
    const auto u = static_cast<size_t>(index(user));
    return std::span(items).subspan(offsets[u], offsets[u + 1] - offsets[u]);
  }
};

/// One question with a known answer: history = all.items[begin, end), answer = target.
struct Case {
  UserId user;
  int64_t begin, end;
  ItemId target;
};

struct SplitOptions {
  std::string protocol = "leave-one-out";
  std::vector<std::string> actions;  ///< events that make a history; empty: all but impressions
  int64_t min_user_events = 3;
  int64_t min_item_events = 1;
  std::string valid_from, test_from;  ///< temporal only: RFC 3339 times or "80%" of the time range's events
  std::string order = "time";         ///< leave-one-out only: "item-id" is the wrong one of some published results
  template <class F>
  void fields(F& f) {
    f("protocol", protocol, "how training, validation and test are cut", one_of({"leave-one-out", "temporal"}));
    f("actions", actions, "actions that make a history (none named: all but impressions)");
    f("min_user_events", min_user_events, "k-core: events a user must have", at_least(1));
    f("min_item_events", min_item_events, "k-core: events an item must have", at_least(1));
    f("valid_from", valid_from,
      "temporal: start of validation, RFC 3339 or a share of the events such as 80% (the default)");
    f("test_from", test_from, "temporal: start of the test, likewise (default 90%)");
    f("order", order,
      "order of a user's events; item-id: as in review files grouped by product whose times are ignored, to measure "
      "how "
      "much that flatters",
      one_of({"time", "item-id"}));
  }
};

/// Leave-one-out: a user's last item is the test answer, the second last the validation answer, the rest training;
/// users with fewer than three events train only. Temporal: one cut in time for everybody; each event from the cut on
/// is a case whose history is all that the user did before that event (a user's very first event is no case: nothing is
/// known before it). Ties in time keep the order of arrival.
struct Split {
  Histories all;                   ///< everything that counts as history, test included
  std::vector<int64_t> train_end;  ///< by user: training history is all.items[all.offsets[u], train_end[u])
  std::vector<Case> valid, test;
  std::vector<int64_t> train_counts;  ///< by item: training events, for popularity and cold/warm

  std::span<const ItemId> train_history(UserId user) const {
    const auto begin = all.offsets[static_cast<size_t>(index(user))];
    return std::span(all.items).subspan(begin, train_end[static_cast<size_t>(index(user))] - begin);
  }
  std::span<const ItemId> history(const Case& c) const {
    return std::span(all.items).subspan(c.begin, c.end - c.begin);
  }
};

/// @throws Error(data | config), e.g. when no case is left
Split make_split(const Dataset& dataset, const SplitOptions& options);

/// Training examples: every prefix of every training history. Example e predicts all.items[target[e]] from the up to
/// `max_history` items before it.
struct Windows {
  std::vector<int64_t> begin;   ///< first history position in Split::all.items
  std::vector<int64_t> target;  ///< position of the answer; history is [begin, target)
  std::vector<UserId> user;
  int64_t size() const { return static_cast<int64_t>(target.size()); }
};
/// @param min_history  shortest history that counts as an example, >= 1
Windows make_windows(const Split& split, int64_t max_history, int64_t min_history = 1);

}  // namespace tessera
