#include "data/behaviour.h"

#include <algorithm>
#include <limits>
#include <numeric>

#include "base/error.h"

namespace tessera {

namespace {

template <class T>
void permute(std::vector<T>& column, const std::vector<int64_t>& order) {
  std::vector<T> sorted(column.size());
  for (size_t i = 0; i < order.size(); ++i) sorted[i] = column[static_cast<size_t>(order[i])];
  column = std::move(sorted);
}

bool in_order(const BehaviourLog& log) {
  for (size_t i = 1; i < log.user.size(); ++i) {
    if (log.user[i] < log.user[i - 1] || (log.user[i] == log.user[i - 1] && log.time[i] < log.time[i - 1]))
      return false;
  }
  return true;
}

}  // namespace

int32_t Vocabulary::add(std::string_view name) {
  if (const auto it = numbers_.find(name); it != numbers_.end()) return it->second;
  TESSERA_CHECK(names_.size() < static_cast<size_t>(std::numeric_limits<int32_t>::max()), data,
                "more than {} distinct names: numbers are 32 bits", names_.size());
  const auto number = static_cast<int32_t>(names_.size());
  names_.emplace_back(name);
  numbers_.emplace(names_.back(), number);
  return number;
}

std::optional<int32_t> Vocabulary::find(std::string_view name) const {
  const auto it = numbers_.find(name);
  if (it == numbers_.end()) return std::nullopt;
  return it->second;
}

BehaviourLog::BehaviourLog() {
  for (const char* action : {"impression", "view", "click", "cart", "order", "rating"}) actions.add(action);
}

void BehaviourLog::add(UserId u, ItemId i, uint8_t a, int64_t t) {
  user.push_back(u);
  item.push_back(i);
  action.push_back(a);
  time.push_back(t);
  query.push_back(-1);
  request.push_back(-1);
  position.push_back(-1);
  value.push_back(std::numeric_limits<float>::quiet_NaN());
  scene.push_back(-1);
}

void BehaviourLog::sort() {
  if (in_order(*this)) return;
  std::vector<int64_t> order(user.size());
  std::iota(order.begin(), order.end(), int64_t{0});
  std::stable_sort(order.begin(), order.end(), [this](int64_t a, int64_t b) {
    const auto x = static_cast<size_t>(a), y = static_cast<size_t>(b);
    return user[x] != user[y] ? user[x] < user[y] : time[x] < time[y];
  });
  permute(user, order);
  permute(item, order);
  permute(action, order);
  permute(time, order);
  permute(query, order);
  permute(request, order);
  permute(position, order);
  permute(value, order);
  permute(scene, order);
}

}  // namespace tessera
