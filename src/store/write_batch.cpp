#include "store/write_batch.h"

#include <algorithm>
#include <utility>

#include "base/error.h"

namespace tessera {
namespace {

bool is_name_letter(char c) {
  return (c >= 'a' && c <= 'z') || c == '_';
}

bool is_snapshot_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
}

/// For messages: the start of a text that may be anything.
std::string shown(std::string_view text) {
  std::string out(text.substr(0, 64));
  for (char& c : out) {
    if (static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) > 0x7e) c = '?';
  }
  return text.size() > 64 ? out + "..." : out;
}

}  // namespace

void check_store_name(std::string_view what, std::string_view name) {
  TESSERA_CHECK(!name.empty() && name.size() <= kMaxStoreName && std::all_of(name.begin(), name.end(), is_name_letter),
                data, "\"{}\" cannot name a {}: wanted 1 to {} of a-z and _", shown(name), what, kMaxStoreName);
}

void check_store_key(std::string_view key, bool list) {
  TESSERA_CHECK(key.size() <= kMaxStoreKey, data, "a key of {} bytes is too long (\"{}\"): at most {} are kept",
                key.size(), shown(key), kMaxStoreKey);
  TESSERA_CHECK(list || !key.empty(), data, "an empty key cannot be kept in a collection: give it at least one byte");
}

void check_snapshot_name(std::string_view name) {
  TESSERA_CHECK(
      !name.empty() && name.size() <= 64 && name[0] != '.' && std::all_of(name.begin(), name.end(), is_snapshot_letter),
      data, "\"{}\" cannot name a snapshot: wanted 1 to 64 of A-Z a-z 0-9 . _ - without a dot in front", shown(name));
}

WriteBatch& WriteBatch::add(Operation operation) {
  const bool list = operation.kind == Kind::append || operation.kind == Kind::erase_list;
  check_store_name(list ? "list" : "collection", operation.name);
  check_store_key(operation.key, list);
  TESSERA_CHECK(operation.value.size() <= kMaxStoreValue, data,
                "a value of {} bytes for key \"{}\" is too long: at most {} are kept", operation.value.size(),
                shown(operation.key), kMaxStoreValue);
  TESSERA_CHECK(operations_.size() < kMaxBatchOperations, data,
                "a batch holds at most {} operations: commit it in parts", kMaxBatchOperations);
  const size_t bytes = operation.name.size() + operation.key.size() + operation.value.size();
  TESSERA_CHECK(num_bytes_ + bytes <= kMaxBatchBytes, data, "a batch holds at most {} bytes: commit it in parts",
                kMaxBatchBytes);
  operation.guard = open_guard_;
  operations_.push_back(std::move(operation));
  num_bytes_ += bytes;
  return *this;
}

WriteBatch& WriteBatch::put(std::string_view collection, std::string_view key, std::string_view value) {
  return add({Kind::put, std::string(collection), std::string(key), std::string(value)});
}

WriteBatch& WriteBatch::erase(std::string_view collection, std::string_view key) {
  return add({Kind::erase, std::string(collection), std::string(key), {}});
}

WriteBatch& WriteBatch::append(std::string_view list, std::string_view key, std::string_view value, uint64_t keep) {
  return add({Kind::append, std::string(list), std::string(key), std::string(value), keep});
}

WriteBatch& WriteBatch::append_once(std::string_view list, std::string_view key, std::string_view value,
                                    std::string_view id, uint64_t keep) {
  begin_once(list, key, id);
  try {
    append(list, key, value, keep);
  } catch (...) {
    num_bytes_ -= guards_.back().list.size() + guards_.back().key.size() + guards_.back().id.size();
    guards_.pop_back();
    open_guard_ = kNoGuard;
    throw;
  }
  return end_once();
}

WriteBatch& WriteBatch::erase_list(std::string_view list, std::string_view key) {
  return add({Kind::erase_list, std::string(list), std::string(key), {}});
}

WriteBatch& WriteBatch::begin_once(std::string_view list, std::string_view key, std::string_view id) {
  TESSERA_CHECK(open_guard_ == kNoGuard, data, "begin_once inside begin_once: call end_once first");
  check_store_name("list", list);
  check_store_key(key, true);
  TESSERA_CHECK(!id.empty() && id.size() <= kMaxStoreId, data,
                "an id of {} bytes (\"{}\") cannot be kept: wanted 1 to {}", id.size(), shown(id), kMaxStoreId);
  const size_t bytes = list.size() + key.size() + id.size();
  TESSERA_CHECK(guards_.size() < kMaxBatchOperations && num_bytes_ + bytes <= kMaxBatchBytes, data,
                "a batch holds at most {} ids and {} bytes: commit it in parts", kMaxBatchOperations, kMaxBatchBytes);
  open_guard_ = guards_.size();
  guards_.push_back({std::string(list), std::string(key), std::string(id), operations_.size()});
  num_bytes_ += bytes;
  return *this;
}

WriteBatch& WriteBatch::end_once() {
  TESSERA_CHECK(open_guard_ != kNoGuard, data, "end_once without begin_once");
  open_guard_ = kNoGuard;
  return *this;
}

void WriteBatch::clear() {
  *this = WriteBatch();
}

}  // namespace tessera
