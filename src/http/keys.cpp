#include "http/keys.h"

#include <algorithm>
#include <atomic>
#include <charconv>
#include <chrono>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <shared_mutex>
#include <unordered_map>

#include "http/crypto.h"
#include "http/json.h"
#include "http/url.h"

namespace tessera {

struct ApiKeyEntry {
  explicit ApiKeyEntry(KeyRecord the_record) : record(std::move(the_record)), last_used(record.last_used) {}
  KeyRecord record;
  std::atomic<int64_t> last_used;
};

namespace {

constexpr size_t kMaxPresented = 8192;
constexpr size_t kDigestLength = 44;  // base64 of 32 bytes
constexpr size_t kPrefixLength = 4;

int64_t system_seconds() {
  return std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch()).count();
}

std::string base64url(std::string text) {
  for (char& c : text) c = c == '+' ? '-' : c == '/' ? '_' : c;
  while (!text.empty() && text.back() == '=') text.pop_back();
  return text;
}

bool is_valid_now(const KeyRecord& record, int64_t now) {
  return !record.disabled && (record.expires_at == 0 || now < record.expires_at);
}

void check_wish(const KeyWish& wish) {
  TESSERA_CHECK(!wish.scopes.empty(), config, "key \"{}\" has no scope; give at least one of search, events, admin",
                wish.name);
}

void apply_wish(const KeyWish& wish, KeyRecord& record) {
  record.name = wish.name;
  record.scopes = wish.scopes;
  record.expires_at = wish.expires_at;
  record.rate_per_second = wish.rate_per_second;
  record.burst = wish.burst;
  record.disabled = wish.disabled;
}

/// The parameters of a scoped key. @return nothing if they are no object or have expired
bool embedded_params_hold(const std::string& params, int64_t now) {
  try {
    const nlohmann::json json = parse_json(params, {kMaxPresented, 8, 1000});
    if (!json.is_object()) return false;
    const auto expires = json.find("expires_at");
    if (expires == json.end()) return true;
    return expires->is_number_integer() && now < expires->get<int64_t>();
  } catch (const Error&) {
    return false;
  }
}

}  // namespace

struct KeyRing::Impl {
  KeyStore* store;
  std::function<int64_t()> now;
  mutable std::shared_mutex mutex;
  std::map<std::string, std::shared_ptr<ApiKeyEntry>> by_id;
  std::unordered_map<std::string, std::shared_ptr<ApiKeyEntry>> by_hash;
  std::unordered_multimap<std::string, std::shared_ptr<ApiKeyEntry>> by_prefix;  ///< of the signing key

  void insert(KeyRecord record) {
    TESSERA_CHECK(!by_id.contains(record.id), data, "there are two keys of id \"{}\"", record.id);
    TESSERA_CHECK(!by_hash.contains(record.hash), data, "this key is there already, as id \"{}\"",
                  by_hash.at(record.hash)->record.id);
    auto entry = std::make_shared<ApiKeyEntry>(std::move(record));
    by_id[entry->record.id] = entry;
    by_hash[entry->record.hash] = entry;
    by_prefix.emplace(entry->record.hash.substr(0, kPrefixLength), entry);
  }
  void erase(const KeyRecord& record) {
    const auto [first, last] = by_prefix.equal_range(record.hash.substr(0, kPrefixLength));
    for (auto it = first; it != last; ++it) {
      if (it->second->record.id != record.id) continue;
      by_prefix.erase(it);
      break;
    }
    by_hash.erase(record.hash);
    by_id.erase(record.id);
  }
  KeyRecord add(std::string_view secret, const KeyWish& wish) {
    check_wish(wish);
    KeyRecord record;
    record.id = to_hex(random_bytes(8));
    record.hash = sha256_hex(secret);
    record.created_at = now();
    apply_wish(wish, record);
    const std::unique_lock lock(mutex);
    TESSERA_CHECK(!by_hash.contains(record.hash), data, "there is such a key already, as id \"{}\"",
                  by_hash.at(record.hash)->record.id);
    if (store != nullptr) store->save(record);
    insert(record);
    return record;
  }
  std::optional<Verified> verify_plain(std::string_view presented) const;
  std::optional<Verified> verify_scoped(std::string_view presented) const;
};

std::optional<KeyRing::Verified> KeyRing::Impl::verify_plain(std::string_view presented) const {
  const std::string hash = sha256_hex(presented);
  const int64_t time = now();
  const std::shared_lock lock(mutex);
  const auto found = by_hash.find(hash);
  if (found == by_hash.end()) return std::nullopt;
  ApiKeyEntry& entry = *found->second;
  if (!equal_constant_time(hash, entry.record.hash) || !is_valid_now(entry.record, time)) return std::nullopt;
  entry.last_used.store(time, std::memory_order_relaxed);
  return Verified{{entry.record.id, entry.record.scopes, ""}, entry.record.rate_per_second, entry.record.burst};
}

std::optional<KeyRing::Verified> KeyRing::Impl::verify_scoped(std::string_view presented) const {
  const auto raw = base64_decode(presented);
  if (!raw || raw->size() < kDigestLength + kPrefixLength + 2) return std::nullopt;
  const std::string_view digest = std::string_view(*raw).substr(0, kDigestLength);
  const std::string prefix = raw->substr(kDigestLength, kPrefixLength);
  const std::string params = raw->substr(kDigestLength + kPrefixLength);
  const int64_t time = now();
  const std::shared_lock lock(mutex);
  const auto [first, last] = by_prefix.equal_range(prefix);
  for (auto it = first; it != last; ++it) {
    ApiKeyEntry& entry = *it->second;
    const std::string wanted = base64_encode(hmac_sha256(entry.record.hash, params));
    if (!equal_constant_time(digest, wanted)) continue;
    if (!is_valid_now(entry.record, time) || !entry.record.scopes.allows(Scope::search)) return std::nullopt;
    if (!embedded_params_hold(params, time)) return std::nullopt;
    entry.last_used.store(time, std::memory_order_relaxed);
    return Verified{{entry.record.id, {Scope::search}, params}, entry.record.rate_per_second, entry.record.burst};
  }
  return std::nullopt;
}

KeyRing::KeyRing(KeyStore* store, std::function<int64_t()> now) : impl_(std::make_unique<Impl>()) {
  impl_->store = store;
  impl_->now = now ? std::move(now) : system_seconds;
}
KeyRing::~KeyRing() = default;

void KeyRing::load(std::vector<KeyRecord> records) {
  Impl fresh{};
  for (KeyRecord& record : records) fresh.insert(std::move(record));
  const std::unique_lock lock(impl_->mutex);
  impl_->by_id.swap(fresh.by_id);
  impl_->by_hash.swap(fresh.by_hash);
  impl_->by_prefix.swap(fresh.by_prefix);
}

NewKey KeyRing::create(const KeyWish& wish) {
  NewKey key;
  key.secret = "tsk_" + base64url(base64_encode(random_bytes(32)));
  key.record = impl_->add(key.secret, wish);
  key.signing_key = key.record.hash;
  return key;
}

KeyRecord KeyRing::add_secret(std::string_view secret, const KeyWish& wish) {
  const bool printable = std::all_of(secret.begin(), secret.end(), [](char c) { return c > 0x20 && c < 0x7F; });
  TESSERA_CHECK(printable && secret.size() >= 16 && secret.size() <= 512, config,
                "an API key must have 16 to 512 printable characters without spaces, this one has {}", secret.size());
  return impl_->add(secret, wish);
}

bool KeyRing::update(const std::string& id, const KeyWish& wish) {
  check_wish(wish);
  const std::unique_lock lock(impl_->mutex);
  const auto found = impl_->by_id.find(id);
  if (found == impl_->by_id.end()) return false;
  KeyRecord changed = found->second->record;
  apply_wish(wish, changed);
  changed.last_used = found->second->last_used.load(std::memory_order_relaxed);
  if (impl_->store != nullptr) impl_->store->save(changed);
  found->second->record = std::move(changed);
  return true;
}

bool KeyRing::remove(const std::string& id) {
  const std::unique_lock lock(impl_->mutex);
  const auto found = impl_->by_id.find(id);
  if (found == impl_->by_id.end()) return false;
  if (impl_->store != nullptr) impl_->store->remove(id);
  const std::shared_ptr<ApiKeyEntry> entry = found->second;
  impl_->erase(entry->record);
  return true;
}

std::optional<KeyRecord> KeyRing::find(const std::string& id) const {
  const std::shared_lock lock(impl_->mutex);
  const auto found = impl_->by_id.find(id);
  if (found == impl_->by_id.end()) return std::nullopt;
  KeyRecord record = found->second->record;
  record.last_used = found->second->last_used.load(std::memory_order_relaxed);
  return record;
}

std::vector<KeyRecord> KeyRing::list() const {
  std::vector<KeyRecord> records;
  {
    const std::shared_lock lock(impl_->mutex);
    for (const auto& [id, entry] : impl_->by_id) {
      records.push_back(entry->record);
      records.back().last_used = entry->last_used.load(std::memory_order_relaxed);
    }
  }
  std::stable_sort(records.begin(), records.end(),
                   [](const KeyRecord& a, const KeyRecord& b) { return a.created_at < b.created_at; });
  return records;
}

bool KeyRing::empty() const {
  const std::shared_lock lock(impl_->mutex);
  return impl_->by_id.empty();
}

std::optional<KeyRing::Verified> KeyRing::verify(std::string_view presented) const {
  if (presented.empty() || presented.size() > kMaxPresented) return std::nullopt;
  if (auto verified = impl_->verify_plain(presented)) return verified;
  return impl_->verify_scoped(presented);
}

void KeyRing::flush() {
  const std::unique_lock lock(impl_->mutex);
  for (const auto& [id, entry] : impl_->by_id) {
    const int64_t last_used = entry->last_used.load(std::memory_order_relaxed);
    if (last_used == entry->record.last_used) continue;
    KeyRecord changed = entry->record;
    changed.last_used = last_used;
    if (impl_->store != nullptr) impl_->store->save(changed);
    entry->record.last_used = last_used;
  }
}

std::string_view presented_key(const HttpRequest& request) {
  const std::string_view authorization = request.headers.get("Authorization");
  if (authorization.size() > 7 && equal_ignoring_case(authorization.substr(0, 7), "Bearer ")) {
    const size_t begin = authorization.find_first_not_of(' ', 7);
    return begin == std::string_view::npos ? std::string_view() : authorization.substr(begin);
  }
  for (const std::string_view name : {"X-API-Key", "X-TYPESENSE-API-KEY"}) {
    const std::string_view value = request.headers.get(name);
    if (!value.empty()) return value;
  }
  return request.query.get("x-typesense-api-key");
}

void remove_keys(HttpRequest& request) {
  for (const std::string_view name : {"Authorization", "X-API-Key", "X-TYPESENSE-API-KEY"})
    request.headers.remove(name);
  request.target = mask_target(request.target);
  request.query.remove("x-typesense-api-key");
}

bool is_loopback(std::string_view address) {
  if (address == "localhost" || address == "::1" || address == "[::1]") return true;
  // 127.0.0.0/8 in dotted form, nothing shorter: "127.evil.example" is a name.
  int dots = 0, digits = 0, value = 0;
  for (const char c : address) {
    if (c == '.') {
      if (digits == 0) return false;
      ++dots;
      digits = value = 0;
    } else if (c >= '0' && c <= '9') {
      value = value * 10 + (c - '0');
      if (++digits > 3 || value > 255) return false;
    } else {
      return false;
    }
  }
  return dots == 3 && digits > 0 && address.substr(0, 4) == "127.";
}

void check_bind(std::string_view address, bool has_keys) {
  TESSERA_CHECK(has_keys || is_loopback(address), config,
                "listening on {} lets other machines in, but there is no API key: create one first, or listen on "
                "127.0.0.1",
                address);
}

}  // namespace tessera
