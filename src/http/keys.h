#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "http/message.h"

namespace tessera {

/// What is kept of an API key. Times are seconds since 1970, UTC.
struct KeyRecord {
  std::string id;    ///< 16 hex digits; not secret
  std::string name;  ///< for people
  std::string hash;  ///< SHA-256 of the key, hex. Not the key, but whoever has it can sign scoped keys: keep it inside
  ScopeSet scopes;
  int64_t expires_at = 0;      ///< 0: never
  double rate_per_second = 0;  ///< 0: no limit
  double burst = 0;            ///< requests at once; 0: max(1, rate_per_second)
  int64_t created_at = 0;
  int64_t last_used = 0;  ///< 0: never; as of the last flush()
  bool disabled = false;
};

/// For storage, with the hash.
nlohmann::json key_to_json(const KeyRecord& record);
/// @throws Error(corrupt) naming the field that is not as key_to_json writes it
KeyRecord key_from_json(const nlohmann::json& json);
/// For callers: everything but the hash.
nlohmann::json key_to_public_json(const KeyRecord& record);

/// Where the service keeps keys. Called under the ring's lock, one call at a time; may throw, then nothing changes.
class KeyStore {
 public:
  virtual ~KeyStore() = default;
  virtual void save(const KeyRecord& record) = 0;
  virtual void remove(const std::string& id) = 0;
};

/// What the caller may choose of a key.
struct KeyWish {
  std::string name;
  ScopeSet scopes;
  int64_t expires_at = 0;
  double rate_per_second = 0;
  double burst = 0;
  bool disabled = false;
};
/// Fields name (<= 200 bytes), scopes (not empty), expires_at, rate_per_second, burst, disabled; others are refused.
/// @param base  what absent fields are
/// @throws ProblemError naming the field
KeyWish key_wish_from_json(const nlohmann::json& json, const KeyWish& base = {});

struct NewKey {
  KeyRecord record;
  std::string secret;       ///< "tsk_" and 43 characters, 256 random bits. Shown once, kept nowhere
  std::string signing_key;  ///< what clients sign scoped search keys with; also shown once
};

/// All API keys, in memory, looked up by SHA-256. Thread-safe.
///
/// Scoped keys are those of Typesense: base64(base64(HMAC-SHA256(signing_key, params)) + first 4 characters of
/// signing_key + params), where params is a JSON object such as {"filter_by":"brand:=x","expires_at":1900000000}.
/// Typesense's client libraries make them with generateScopedSearchKey(signing_key, params). The signing key is the
/// SHA-256 of the key (64 hex digits), because the key itself is not kept; it opens nothing by itself. Scoped keys
/// grant `search` at most, and only while their parent does and is valid.
class KeyRing {
 public:
  /// @param store  borrowed; may be null for keys that live in memory
  /// @param now    seconds since 1970; the system's clock by default
  explicit KeyRing(KeyStore* store = nullptr, std::function<int64_t()> now = nullptr);
  ~KeyRing();

  /// Replaces all keys without calling the store. @throws Error(data) for two records of one id or hash
  void load(std::vector<KeyRecord> records);
  /// @throws Error(config) without a scope, or what the store throws
  NewKey create(const KeyWish& wish);
  /// Adds a key whose secret the operator chose, e.g. from the environment. @throws Error(config) if it is shorter than
  /// 16 characters or holds others than printable ASCII without space; Error(data) if there is such a key
  KeyRecord add_secret(std::string_view secret, const KeyWish& wish);
  /// @return false if there is no such key
  bool update(const std::string& id, const KeyWish& wish);
  bool remove(const std::string& id);
  std::optional<KeyRecord> find(const std::string& id) const;
  std::vector<KeyRecord> list() const;  ///< by created_at, then id
  bool empty() const;

  struct Verified {
    Identity identity;
    double rate_per_second = 0;
    double burst = 0;
  };
  /// @return nothing for a key that is unknown, expired, disabled, or badly signed; never which of these
  std::optional<Verified> verify(std::string_view presented) const;

  /// Saves the records whose last_used has moved. Call it now and then.
  void flush();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// The key that a request presents: `Authorization: Bearer`, `X-API-Key`, `X-TYPESENSE-API-KEY`, or the query parameter
/// `x-typesense-api-key` (Typesense's clients send it so to spare browsers a preflight; logs mask it). "" without one.
std::string_view presented_key(const HttpRequest& request);
/// Takes all of these out of the request, so that no handler can echo one.
void remove_keys(HttpRequest& request);

/// Whether an address like "127.0.0.1", "::1" or "localhost" can be reached from this machine alone.
bool is_loopback(std::string_view address);

/// A server that others can reach needs a key. @throws Error(config) saying what to do
void check_bind(std::string_view address, bool has_keys);

}  // namespace tessera
