#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/ids.h"

namespace tessera {

/// Strings numbered in order of arrival: users, queries, requests, scenes, actions.
class Vocabulary {
 public:
  int32_t add(std::string_view name);  ///< its number, new or old
  std::optional<int32_t> find(std::string_view name) const;
  const std::string& name(int32_t id) const { return names_[static_cast<size_t>(id)]; }
  int64_t size() const { return static_cast<int64_t>(names_.size()); }
  const std::vector<std::string>& names() const { return names_; }

 private:
  struct Hash {
    using is_transparent = void;
    size_t operator()(std::string_view s) const { return std::hash<std::string_view>{}(s); }
  };
  std::vector<std::string> names_;
  std::unordered_map<std::string, int32_t, Hash, std::equal_to<>> numbers_;
};

/// The behaviour log as columns of equal length, one row an event.
/// Invariant after sort(): rows ascend by (user, time, arrival); arrival is the row's order before sorting.
struct BehaviourLog {
  std::vector<UserId> user;
  std::vector<ItemId> item;
  std::vector<uint8_t> action;    ///< number in `actions`
  std::vector<int64_t> time;      ///< seconds since 1970 UTC (sequence importers: the position in the sequence)
  std::vector<int32_t> query;     ///< number in `queries`; -1: none
  std::vector<int32_t> request;   ///< number of the request (page of results) it belongs to; -1: none
  std::vector<int32_t> position;  ///< 0-based place in the results; -1: none
  std::vector<float> value;       ///< rating or amount; NaN: none
  std::vector<int16_t> scene;     ///< number in `scenes`; -1: none

  Vocabulary actions;  ///< starts as: impression view click cart order rating
  Vocabulary queries;
  Vocabulary scenes;

  BehaviourLog();
  int64_t size() const { return static_cast<int64_t>(user.size()); }
  /// Appends one event with no query, request, position, value or scene.
  void add(UserId user, ItemId item, uint8_t action, int64_t time);
  /// Stable sort by (user, time).
  void sort();
};

}  // namespace tessera
