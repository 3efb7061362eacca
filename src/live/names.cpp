#include "live/names.h"

namespace tessera::live {

std::optional<ItemId> IdIndex::find(std::string_view id) const {
  const Part& part = parts_[part_of(id)];
  const std::shared_lock lock(part.mutex);
  const auto it = part.slots.find(id);
  if (it == part.slots.end()) return std::nullopt;
  return it->second;
}

void IdIndex::add(std::string_view id, ItemId item) {
  Part& part = parts_[part_of(id)];
  const std::unique_lock lock(part.mutex);
  part.slots.emplace(id, item);
}

void IdIndex::remove(std::string_view id) {
  Part& part = parts_[part_of(id)];
  const std::unique_lock lock(part.mutex);
  if (const auto it = part.slots.find(id); it != part.slots.end()) part.slots.erase(it);
}

void NameTable::add(std::string_view name, uint64_t version) {
  {
    const std::shared_lock lock(mutex_);
    if (first_version_.contains(name)) return;
  }
  const std::unique_lock lock(mutex_);
  first_version_.emplace(name, version);
}

bool NameTable::has(std::string_view name, uint64_t version) const {
  const std::shared_lock lock(mutex_);
  const auto it = first_version_.find(name);
  return it != first_version_.end() && it->second <= version;
}

std::vector<std::string> NameTable::names(uint64_t version) const {
  std::vector<std::string> result;
  const std::shared_lock lock(mutex_);
  for (const auto& [name, first] : first_version_) {
    if (first <= version) result.push_back(name);
  }
  return result;
}

}  // namespace tessera::live
