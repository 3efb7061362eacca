#include "store/redis_store.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <utility>

#include "base/error.h"
#include "store/redis_scripts.h"

namespace tessera::redis {
namespace {

constexpr int kRedisSchemaVersion = 1;
constexpr size_t kPageEntries = 1000;
constexpr uint64_t kPageBytes = 4u << 20;
constexpr uint64_t kMaxLimit = 1'000'000'000;  ///< numbers in scripts are doubles

void check_redis_list(std::string_view list, std::string_view key) {
  check_store_name("list", list);
  check_store_key(key, true);
}

/// The value of a line "name:value" of INFO; 0 without one.
uint64_t info_number(std::string_view info, std::string_view name) {
  const size_t at = info.find(name);
  if (at == std::string_view::npos) return 0;
  uint64_t number = 0;
  std::from_chars(info.data() + at + name.size(), info.data() + info.size(), number);
  return number;
}

}  // namespace

RedisStore::RedisStore(const StoreUrl& url, const StoreOptions& options) : options_(options), router_(url, options) {
  counters_.backend = router_.is_cluster() ? "redis+cluster" : "redis";
  check_schema();
  commit_script_ = load(kCommitScript);
  scan_script_ = load(kScanScript);
  read_script_ = load(kReadScript);
  check_durability();
}

std::string RedisStore::collection_key(std::string_view collection, char part) const {
  return fmt::format("{{{}.c.{}}}{}", router_.url().prefix, collection, part);
}

std::string RedisStore::list_key(char part, std::string_view list) const {
  return fmt::format("{{{}.lists}}{}:{}", router_.url().prefix, part, list);
}

std::string RedisStore::list_key(char part, std::string_view list, std::string_view key) const {
  return fmt::format("{{{}.lists}}{}:{}:{}", router_.url().prefix, part, list, key);
}

void RedisStore::check_schema() {
  const std::string key = fmt::format("{{{}.lists}}s", router_.url().prefix),
                    ours = std::to_string(kRedisSchemaVersion);
  const Reply set = router_.call(key, {"SET", key, ours, "NX"}, true);
  TESSERA_CHECK(!set.is_error(), io, "Redis: the store cannot be written: {}", set.error());
  const int64_t found = router_.call(key, {"GET", key}, true).number();
  TESSERA_CHECK(found >= 1 && found <= kRedisSchemaVersion, unsupported,
                "Redis: the store \"{}\" has schema version {}, this program reads up to {}: use the newer program",
                router_.url().prefix, found, kRedisSchemaVersion);
}

/// A server that forgets is still of use, for trying things out: it is reported, not refused.
void RedisStore::check_durability() {
  std::vector<std::string>& warnings = counters_.warnings;
  const auto setting = [&](const char* name, auto&& is_good, const char* remedy) {
    for (const Reply& reply : router_.call_everywhere({"CONFIG", "GET", name})) {
      std::string warning;
      if (reply.is_error() || reply.size() < 2) {
        warning = fmt::format("Redis does not tell its setting {}: make sure of \"{}\"", name, remedy);
      } else if (!is_good(reply.at(1).text())) {
        warning = fmt::format("Redis has \"{} {}\": acknowledged writes can be lost; set \"{}\"", name,
                              reply.at(1).text(), remedy);
      }
      if (!warning.empty() && std::find(warnings.begin(), warnings.end(), warning) == warnings.end()) {
        warnings.push_back(std::move(warning));
      }
    }
  };
  setting(
      "appendonly", [](std::string_view value) { return value == "yes"; }, "appendonly yes");
  setting(
      "appendfsync", [](std::string_view value) { return value == "always"; }, "appendfsync always");
  setting(
      "maxmemory-policy", [](std::string_view value) { return value == "noeviction"; }, "maxmemory-policy noeviction");
}

RedisStore::Script RedisStore::load(const char* text) {
  std::string hash;
  for (const Reply& reply : router_.call_everywhere({"SCRIPT", "LOAD", text})) hash = reply.text();
  return {text, hash};
}

Reply RedisStore::run(const Script& script, const std::vector<std::string>& keys,
                      const std::vector<std::string_view>& words, bool may_twice) {
  const std::string num_keys = std::to_string(keys.size());
  Command command{"EVALSHA", script.hash, num_keys};
  command.insert(command.end(), keys.begin(), keys.end());
  command.insert(command.end(), words.begin(), words.end());
  Reply reply = router_.call(keys[0], command, may_twice);
  if (reply.error().starts_with("NOSCRIPT")) {  // a server that was restarted, or a new node
    command[0] = "EVAL";
    command[1] = script.text;
    reply = router_.call(keys[0], command, may_twice);
  }
  TESSERA_CHECK(!reply.is_error(), io, "Redis refused the {}: {}", may_twice ? "read" : "commit, nothing was applied",
                reply.error());
  return reply;
}

std::optional<std::string> RedisStore::get(std::string_view collection, std::string_view key) {
  check_store_name("collection", collection);
  check_store_key(key, false);
  const std::string values = collection_key(collection, 'v');
  const Reply reply = router_.call(values, {"HGET", values, key}, true);
  if (reply.is_nil()) return std::nullopt;
  return std::string(reply.text());
}

std::vector<StoreEntry> RedisStore::page(std::string_view collection, std::string_view after_key, size_t limit,
                                         uint64_t bytes) {
  check_store_name("collection", collection);
  check_store_key(after_key, true);
  const std::string begin = after_key.empty() ? "-" : "(" + std::string(after_key);
  const std::string most = std::to_string(std::min<uint64_t>(limit, kMaxLimit)), most_bytes = std::to_string(bytes);
  const Reply reply = run(scan_script_, {collection_key(collection, 'v'), collection_key(collection, 'k')},
                          {begin, most, most_bytes}, true);
  std::vector<StoreEntry> out;
  out.reserve(reply.size() / 2);
  for (size_t i = 0; i + 1 < reply.size(); i += 2) {
    out.push_back({std::string(reply.at(i).text()), std::string(reply.at(i + 1).text())});
  }
  return out;
}

std::vector<StoreEntry> RedisStore::scan(std::string_view collection, std::string_view after_key, size_t limit) {
  std::vector<StoreEntry> out;
  // In pages, so that no server is kept long and no answer grows past what one should hold.
  while (true) {
    const size_t wanted = std::min(limit - out.size(), kPageEntries);
    std::vector<StoreEntry> next = page(collection, out.empty() ? after_key : out.back().key, wanted, kPageBytes);
    if (next.empty()) break;
    std::move(next.begin(), next.end(), std::back_inserter(out));
    if (out.size() >= limit) break;
  }
  return out;
}

void RedisStore::for_each(std::string_view collection,
                          const std::function<void(std::string_view, std::string_view)>& entry) {
  std::string after;
  while (true) {
    const std::vector<StoreEntry> entries = page(collection, after, kPageEntries, kPageBytes);
    if (entries.empty()) return;
    for (const StoreEntry& found : entries) entry(found.key, found.value);
    after = entries.back().key;
  }
}

Reply RedisStore::read_list(std::string_view list, std::string_view key, std::string_view mode, uint64_t from,
                            uint64_t limit) {
  check_redis_list(list, key);
  const std::string from_text = std::to_string(std::min<uint64_t>(from, 1ull << 53));
  const std::string limit_text = std::to_string(std::min(limit, kMaxLimit));
  return run(read_script_, {list_key('e', list, key), list_key('n', list)}, {key, mode, from_text, limit_text}, true);
}

namespace {

std::vector<ListEntry> entries_of(const Reply& reply) {
  std::vector<ListEntry> out;
  const Reply entries = reply.at(3);
  auto sequence = static_cast<uint64_t>(reply.at(2).number());
  for (size_t i = 0; i < entries.size(); ++i) out.push_back({sequence++, std::string(entries.at(i).text())});
  return out;
}

}  // namespace

std::vector<ListEntry> RedisStore::tail(std::string_view list, std::string_view key, size_t n) {
  return entries_of(read_list(list, key, "tail", 0, n));
}

std::vector<ListEntry> RedisStore::range(std::string_view list, std::string_view key, uint64_t from, size_t limit) {
  return entries_of(read_list(list, key, "range", from, limit));
}

ListExtent RedisStore::extent(std::string_view list, std::string_view key) {
  const Reply reply = read_list(list, key, "range", 0, 0);
  return {static_cast<uint64_t>(reply.at(0).number()), static_cast<uint64_t>(reply.at(1).number())};
}

std::vector<std::string> RedisStore::list_keys(std::string_view list, std::optional<std::string_view> after_key,
                                               size_t limit) {
  check_redis_list(list, after_key.value_or(""));
  const std::string keys = list_key('k', list), begin = after_key ? "(" + std::string(*after_key) : "-";
  const std::string most = std::to_string(std::min<uint64_t>(limit, kMaxLimit));
  const Reply reply = router_.call(keys, {"ZRANGEBYLEX", keys, begin, "+", "LIMIT", "0", most}, true);
  std::vector<std::string> out;
  for (size_t i = 0; i < reply.size(); ++i) out.emplace_back(reply.at(i).text());
  return out;
}

/// A batch in the words of kCommitScript. The views point into the batch and into `numbers`.
struct RedisStore::Call {
  std::vector<std::string> keys;
  std::vector<std::string_view> words;
  std::vector<std::unique_ptr<std::string>> numbers;

  std::string_view number(uint64_t value) {
    return *numbers.emplace_back(std::make_unique<std::string>(std::to_string(value)));
  }
};

RedisStore::Call RedisStore::encode(const WriteBatch& batch) const {
  Call call;
  const auto add = [](auto& to, auto&&... more) { (to.emplace_back(std::forward<decltype(more)>(more)), ...); };
  const std::string_view window = call.number(options_.id_window);
  size_t next_guard = 0, open = WriteBatch::kNoGuard;
  const auto guards_before = [&](size_t operation) {
    for (; next_guard < batch.guards().size() && batch.guards()[next_guard].first_operation == operation;
         ++next_guard) {
      const WriteBatch::Guard& guard = batch.guards()[next_guard];
      add(call.words, "G", guard.id, window);
      add(call.keys, list_key('i', guard.list, guard.key));
      open = next_guard;
    }
  };
  for (size_t i = 0; i < batch.size(); ++i) {
    guards_before(i);
    const WriteBatch::Operation& op = batch.operations()[i];
    if (open != WriteBatch::kNoGuard && op.guard != open) {
      add(call.words, "U");
      open = WriteBatch::kNoGuard;
    }
    switch (op.kind) {
      case WriteBatch::Kind::put:
        add(call.words, "P", op.key, op.value);
        add(call.keys, collection_key(op.name, 'v'), collection_key(op.name, 'k'));
        break;
      case WriteBatch::Kind::erase:
        add(call.words, "E", op.key);
        add(call.keys, collection_key(op.name, 'v'), collection_key(op.name, 'k'));
        break;
      case WriteBatch::Kind::append:
        add(call.words, "A", op.key, op.value, call.number(std::min<uint64_t>(op.keep, 1ull << 53)));
        add(call.keys, list_key('e', op.name, op.key), list_key('n', op.name), list_key('k', op.name));
        break;
      case WriteBatch::Kind::erase_list:
        add(call.words, "D", op.key);
        add(call.keys, list_key('e', op.name, op.key), list_key('n', op.name), list_key('k', op.name),
            list_key('i', op.name, op.key));
        break;
    }
  }
  guards_before(batch.size());
  return call;
}

CommitResult RedisStore::commit(const WriteBatch& batch) {
  TESSERA_CHECK(!batch.inside_once(), data, "a batch was committed inside begin_once: call end_once first");
  CommitResult result;
  result.operations.resize(batch.size());
  const Call call = encode(batch);
  if (call.keys.empty()) return result;
  if (router_.is_cluster()) {
    const int slot = slot_of(call.keys[0]);
    for (const std::string& key : call.keys) {
      TESSERA_CHECK(
          slot_of(key) == slot, unsupported,
          "a batch over several slots of a Redis cluster ({} and {}) cannot be applied at once: commit lists and each "
          "collection on their own",
          call.keys[0].substr(0, call.keys[0].find('}') + 1), key.substr(0, key.find('}') + 1));
    }
  }
  const auto begin = std::chrono::steady_clock::now();
  Reply reply;
  try {
    reply = run(commit_script_, call.keys, call.words, false);
    TESSERA_CHECK(reply.size() == batch.size(), io, "Redis answered a commit of {} operations with {} results",
                  batch.size(), reply.size());
  } catch (const Error&) {
    const std::scoped_lock lock(facts_mutex_);
    ++counters_.failed_commits;
    throw;
  }
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  uint64_t duplicates = 0;
  for (size_t i = 0; i < batch.size(); ++i) {
    const int64_t number = reply.at(i).number();
    result.operations[i] = {number > 0 ? static_cast<uint64_t>(number) : 0, number < 0};
    duplicates += number < 0;
  }
  {
    const std::scoped_lock lock(facts_mutex_);
    ++counters_.commits;
    ++counters_.syncs;
    counters_.operations += batch.size();
    counters_.duplicates += duplicates;
    counters_.sync_seconds += seconds;
  }
  if (options_.on_sync) options_.on_sync(seconds, 1);
  return result;
}

namespace {

[[noreturn]] void no_snapshots() {
  fail(ErrorKind::unsupported,
       "a store over Redis makes no snapshots of its own: use Redis's, BGSAVE or copies of its append-only file");
}

}  // namespace

SnapshotInfo RedisStore::snapshot(std::string_view) {
  no_snapshots();
}
std::vector<SnapshotInfo> RedisStore::snapshots() {
  no_snapshots();
}
void RedisStore::restore(std::string_view) {
  no_snapshots();
}
void RedisStore::erase_snapshot(std::string_view) {
  no_snapshots();
}

StoreFacts RedisStore::facts() {
  StoreFacts facts;
  {
    const std::scoped_lock lock(facts_mutex_);
    facts = counters_;
  }
  try {
    for (const Reply& info : router_.call_everywhere({"INFO", "memory"})) {
      facts.memory_bytes += info_number(info.text(), "used_memory:");
    }
  } catch (const Error& error) {
    facts.warnings.emplace_back(error.what());
  }
  return facts;
}

}  // namespace tessera::redis
