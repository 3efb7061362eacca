#include "http/keys.h"

#include <gtest/gtest.h>

#include <map>
#include <nlohmann/json.hpp>
#include <thread>

#include "base/random.h"
#include "base/temporary_folder.h"
#include "http/crypto.h"
#include "http/rate_limit.h"

namespace tessera {
namespace {

using nlohmann::json;
using test::expect_error;

class MemoryKeyStore final : public KeyStore {
 public:
  void save(const KeyRecord& record) override {
    if (fails) throw Error(ErrorKind::io, "disk full");
    rows[record.id] = key_to_json(record).dump();
    ++num_saves;
  }
  void remove(const std::string& id) override { rows.erase(id); }
  std::vector<KeyRecord> all() const {
    std::vector<KeyRecord> records;
    for (const auto& [id, row] : rows) records.push_back(key_from_json(json::parse(row)));
    return records;
  }
  std::map<std::string, std::string> rows;
  int num_saves = 0;
  bool fails = false;
};

/// As Typesense's client libraries do it.
std::string scoped_key(const std::string& signing_key, const std::string& params) {
  return base64_encode(base64_encode(hmac_sha256(signing_key, params)) + signing_key.substr(0, 4) + params);
}

KeyWish wish(ScopeSet scopes) {
  KeyWish wanted;
  wanted.name = "test";
  wanted.scopes = scopes;
  return wanted;
}

TEST(Crypto, MatchesKnownValues) {
  EXPECT_EQ(sha256_hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(to_hex(hmac_sha256("Jefe", "what do ya want for nothing?")),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  EXPECT_EQ(base64_encode("ab"), "YWI=");
  EXPECT_EQ(base64_decode("YWI="), "ab");
  for (const char* bad : {"YWI", "YWI=\n", "YW==I===", "YWJ=", "====", "Y*I=", " YWI"}) {
    EXPECT_EQ(base64_decode(bad), std::nullopt) << bad;
  }
  Random random(1, "base64");
  for (int i = 0; i < 500; ++i) {
    std::string bytes(random.below(50), '\0');
    for (char& c : bytes) c = static_cast<char>(random.below(256));
    EXPECT_EQ(base64_decode(base64_encode(bytes)), bytes);
  }
  EXPECT_NE(random_bytes(16), random_bytes(16));
}

TEST(KeyRing, CreatesVerifiesAndForgets) {
  MemoryKeyStore store;
  int64_t now = 1000;
  KeyRing ring(&store, [&] { return now; });
  EXPECT_TRUE(ring.empty());
  const NewKey key = ring.create(wish({Scope::search}));
  EXPECT_EQ(key.secret.substr(0, 4), "tsk_");
  EXPECT_EQ(key.secret.size(), 47u);
  EXPECT_EQ(store.rows.at(key.record.id).find(key.secret), std::string::npos) << "the key itself is not kept";
  const auto verified = ring.verify(key.secret);
  ASSERT_TRUE(verified);
  EXPECT_EQ(verified->identity.key_id, key.record.id);
  EXPECT_TRUE(verified->identity.scopes.allows(Scope::search));
  EXPECT_FALSE(verified->identity.scopes.allows(Scope::events));
  EXPECT_FALSE(verified->identity.scopes.allows(Scope::admin));
  EXPECT_FALSE(ring.verify(key.secret + "x"));
  EXPECT_FALSE(ring.verify(key.signing_key)) << "the hash opens nothing";
  EXPECT_FALSE(ring.verify(""));
  EXPECT_FALSE(ring.verify(std::string(100'000, 'x')));
  EXPECT_EQ(ring.find(key.record.id)->last_used, 1000);
  const int saves = store.num_saves;
  ring.flush();
  ring.flush();
  EXPECT_EQ(store.num_saves, saves + 1);

  KeyRing again(&store, [&] { return now; });
  again.load(store.all());
  EXPECT_TRUE(again.verify(key.secret));
  EXPECT_TRUE(again.remove(key.record.id));
  EXPECT_FALSE(again.remove(key.record.id));
  EXPECT_FALSE(again.verify(key.secret));
  EXPECT_TRUE(store.rows.empty());
}

TEST(KeyRing, ExpiresAndDisables) {
  int64_t now = 1000;
  KeyRing ring(nullptr, [&] { return now; });
  KeyWish wanted = wish({Scope::admin});
  wanted.expires_at = 2000;
  const NewKey key = ring.create(wanted);
  EXPECT_TRUE(ring.verify(key.secret)->identity.scopes.allows(Scope::events)) << "admin implies all";
  now = 2000;
  EXPECT_FALSE(ring.verify(key.secret));
  wanted.expires_at = 0;
  wanted.disabled = true;
  EXPECT_TRUE(ring.update(key.record.id, wanted));
  EXPECT_FALSE(ring.verify(key.secret));
  wanted.disabled = false;
  EXPECT_TRUE(ring.update(key.record.id, wanted));
  EXPECT_TRUE(ring.verify(key.secret));
  EXPECT_FALSE(ring.update("none", wanted));
}

TEST(KeyRing, KeepsNothingThatCannotBeStored) {
  MemoryKeyStore store;
  KeyRing ring(&store);
  store.fails = true;
  expect_error(ErrorKind::io, "disk full", [&] { ring.create(wish({Scope::search})); });
  EXPECT_TRUE(ring.empty());
  store.fails = false;
  expect_error(ErrorKind::config, "has no scope", [&] { ring.create(wish({})); });
  const KeyRecord own = ring.add_secret("my-own-secret-key", wish({Scope::admin}));
  EXPECT_TRUE(ring.verify("my-own-secret-key"));
  expect_error(ErrorKind::data, own.id, [&] { ring.add_secret("my-own-secret-key", wish({Scope::admin})); });
  expect_error(ErrorKind::config, "16 to 512", [&] { ring.add_secret("short", wish({Scope::admin})); });
  expect_error(ErrorKind::config, "16 to 512", [&] { ring.add_secret("with space 1234567", wish({Scope::admin})); });
}

TEST(KeyRing, TakesScopedKeysOfTypesense) {
  int64_t now = 1000;
  KeyRing ring(nullptr, [&] { return now; });
  const NewKey key = ring.create(wish({Scope::admin}));
  const NewKey events = ring.create(wish({Scope::events}));
  const std::string params = R"({"filter_by":"brand:=x","expires_at":2000})";
  const std::string scoped = scoped_key(key.signing_key, params);
  const auto verified = ring.verify(scoped);
  ASSERT_TRUE(verified);
  EXPECT_EQ(verified->identity.embedded_params, params);
  EXPECT_TRUE(verified->identity.scopes.allows(Scope::search));
  EXPECT_FALSE(verified->identity.scopes.allows(Scope::admin)) << "never more than search";
  EXPECT_FALSE(ring.verify(scoped_key(events.signing_key, params))) << "the parent may not search";
  EXPECT_FALSE(ring.verify(scoped_key(sha256_hex("guess"), params)));
  EXPECT_FALSE(ring.verify(scoped_key(key.signing_key, "[]")));
  EXPECT_FALSE(ring.verify(scoped_key(key.signing_key, "not json")));
  EXPECT_FALSE(ring.verify(scoped_key(key.signing_key, R"({"expires_at":"never"})")));
  EXPECT_TRUE(ring.verify(scoped_key(key.signing_key, "{}")));
  std::string raw = *base64_decode(scoped);
  raw[raw.size() - 10] ^= 1;
  EXPECT_FALSE(ring.verify(base64_encode(raw))) << "changed parameters";
  now = 2000;
  EXPECT_FALSE(ring.verify(scoped)) << "expired";
  now = 1000;
  ring.remove(key.record.id);
  EXPECT_FALSE(ring.verify(scoped)) << "the parent is gone";
}

TEST(KeyRing, SurvivesRandomKeysFromManyThreads) {
  KeyRing ring;
  const NewKey key = ring.create(wish({Scope::search}));
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      Random random(static_cast<uint64_t>(t), "keys");
      const std::string scoped = scoped_key(key.signing_key, R"({"a":1})");
      for (int i = 0; i < 1000; ++i) {
        std::string text = random.chance(0.5) ? scoped : key.secret;
        text[random.below(text.size())] = static_cast<char>(random.below(256));
        ring.verify(text);
        EXPECT_TRUE(ring.verify(key.secret));
        if (i % 100 == 0) ring.remove(ring.create(wish({Scope::events})).record.id);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(ring.list().size(), 1u);
}

TEST(KeyJson, RoundTripsAndHidesTheHash) {
  KeyRing ring;
  KeyWish wanted = wish({Scope::search, Scope::events});
  wanted.rate_per_second = 2.5;
  wanted.burst = 7;
  const NewKey key = ring.create(wanted);
  const KeyRecord back = key_from_json(key_to_json(key.record));
  EXPECT_EQ(key_to_json(back), key_to_json(key.record));
  EXPECT_EQ(key_to_public_json(key.record).dump().find(key.record.hash), std::string::npos);
  for (const char* bad : {R"({})", R"([])", R"({"id":"a","hash":"xyz"})", R"({"id":1})"}) {
    expect_error(ErrorKind::corrupt, "a stored API key", [&] { key_from_json(json::parse(bad)); });
  }
}

TEST(KeyJson, ReadsWishes) {
  const KeyWish read = key_wish_from_json(json::parse(R"({"name":"shop","scopes":["search"],"rate_per_second":5})"));
  EXPECT_EQ(read.name, "shop");
  EXPECT_EQ(read.rate_per_second, 5);
  const KeyWish patched = key_wish_from_json(json::parse(R"({"disabled":true})"), read);
  EXPECT_TRUE(patched.disabled);
  EXPECT_EQ(patched.name, "shop");
  for (const char* bad : {R"({"name":"a"})", R"({"scopes":["root"]})", R"({"scopes":["none"]})", R"({"scopes":[]})",
                          R"({"scopes":["search"],"rate":1})", R"({"scopes":["search"],"burst":-1})"}) {
    EXPECT_THROW(key_wish_from_json(json::parse(bad)), ProblemError) << bad;
  }
}

TEST(Keys, AreTakenFromFourPlaces) {
  HttpRequest request;
  EXPECT_EQ(presented_key(request), "");
  request.query.add("x-typesense-api-key", "d");
  EXPECT_EQ(presented_key(request), "d");
  request.headers.add("X-TYPESENSE-API-KEY", "c");
  EXPECT_EQ(presented_key(request), "c");
  request.headers.add("x-api-key", "b");
  EXPECT_EQ(presented_key(request), "b");
  request.headers.add("authorization", "bearer  a");
  EXPECT_EQ(presented_key(request), "a");
  request.headers.set("authorization", "Basic abc");
  EXPECT_EQ(presented_key(request), "b");
  request.headers.set("authorization", "Bearer   ");
  EXPECT_EQ(presented_key(request), "");
}

TEST(Keys, AreNeededBeyondThisMachine) {
  for (const char* here : {"127.0.0.1", "127.9.9.9", "::1", "localhost"}) {
    EXPECT_TRUE(is_loopback(here)) << here;
    EXPECT_NO_THROW(check_bind(here, false));
  }
  for (const char* there : {"0.0.0.0", "::", "10.0.0.1", "127.0.0.1.evil.example", "127.evil", "127.0.0", "1270.0.0.1",
                            "127.0.0.256", "", "127...1", "localhost.evil"}) {
    EXPECT_FALSE(is_loopback(there)) << there;
    EXPECT_NO_THROW(check_bind(there, true));
    expect_error(ErrorKind::config, "there is no API key", [&] { check_bind(there, false); });
  }
}

TEST(RateLimiter, GivesTokensBackWithTime) {
  RateLimiter limiter;
  auto now = RateLimiter::Clock::now();
  for (int i = 0; i < 5; ++i) EXPECT_EQ(limiter.take("a", 2, 5, now), 0);
  EXPECT_EQ(limiter.take("a", 2, 5, now), 1);
  EXPECT_EQ(limiter.take("b", 2, 5, now), 0);
  now += std::chrono::milliseconds(500);
  EXPECT_EQ(limiter.take("a", 2, 5, now), 0);
  EXPECT_EQ(limiter.take("a", 2, 5, now), 1);
  now += std::chrono::hours(1);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(limiter.take("a", 2, 5, now), 0);
  EXPECT_EQ(limiter.take("a", 2, 5, now), 1);
  EXPECT_EQ(limiter.take("slow", 0.01, 1, now), 0);
  EXPECT_EQ(limiter.take("slow", 0.01, 1, now), 100);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(limiter.take("free", 0, 0, now), 0);
}

TEST(RateLimiter, MemoryIsBounded) {
  RateLimiter limiter(256);
  for (int i = 0; i < 20'000; ++i) limiter.take(std::to_string(i), 1, 1);
  EXPECT_LE(limiter.size(), 256u + 16u);
}

}  // namespace
}  // namespace tessera
