#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "base/random.h"
#include "store/backends.h"
#include "store/redis_pool.h"

namespace tessera {
namespace {

using test::expect_error;
using test::redis_program;
using test::RedisCluster;
using test::RedisServer;

class RedisStore : public testing::Test {
 protected:
  void SetUp() override {
    if (redis_program().empty()) GTEST_SKIP() << "redis-server is not installed: tools/setup.sh does it";
  }
};
class RedisStoreSlow : public RedisStore {};

StoreOptions impatient() {
  StoreOptions options;
  options.connect_timeout_ms = 300;
  options.request_timeout_ms = 600;
  return options;
}

TEST(RedisSlots, AreThoseOfTheSpecification) {
  EXPECT_EQ(redis::slot_of("123456789"), 0x31C3);
  EXPECT_EQ(redis::slot_of("foo"), 12182);
  EXPECT_EQ(redis::slot_of("{foo}anything"), 12182);
  EXPECT_EQ(redis::slot_of("any{foo}{bar}"), 12182);
  EXPECT_EQ(redis::slot_of("{}foo"), redis::slot_of("{}foo"));
  EXPECT_NE(redis::slot_of("{}foo"), redis::slot_of("{}bar"));
  EXPECT_EQ(redis::slot_of(""), 0);
}

TEST_F(RedisStore, WhatTheServerCannotPromiseIsAWarning) {
  RedisServer careless({"--appendonly", "no"}), careful({"--appendonly", "yes", "--appendfsync", "always"});
  RedisServer evicting({"--appendonly", "yes", "--appendfsync", "everysec", "--maxmemory-policy", "allkeys-lru"});
  const auto warnings = [](const RedisServer& server) { return open_store(server.url())->facts().warnings; };
  EXPECT_TRUE(warnings(careful).empty());
  EXPECT_EQ(warnings(careless).size(), 2u);
  EXPECT_NE(warnings(careless)[0].find("appendonly"), std::string::npos);
  ASSERT_EQ(warnings(evicting).size(), 2u);
  EXPECT_NE(warnings(evicting)[0].find("appendfsync everysec"), std::string::npos);
  EXPECT_NE(warnings(evicting)[1].find("noeviction"), std::string::npos);
}

TEST_F(RedisStore, SnapshotsAreLeftToRedis) {
  RedisServer server;
  auto store = open_store(server.url());
  expect_error(ErrorKind::unsupported, "BGSAVE", [&] { store->snapshot("a"); });
  expect_error(ErrorKind::unsupported, "Redis's", [&] { store->snapshots(); });
  expect_error(ErrorKind::unsupported, "Redis's", [&] { store->restore("a"); });
  expect_error(ErrorKind::unsupported, "Redis's", [&] { store->erase_snapshot("a"); });
}

TEST_F(RedisStore, PrefixesAndDatabasesKeepStoresApart) {
  RedisServer server;
  auto one = open_store(server.url()), two = open_store(server.url() + "?prefix=two"),
       three = open_store(server.url() + "/3");
  one->commit(WriteBatch().put("items", "a", "1").append("events", "", "1"));
  EXPECT_EQ(two->get("items", "a"), std::nullopt);
  EXPECT_EQ(three->extent("events", "").size(), 0u);
  expect_error(ErrorKind::io, "database 99", [&] { open_store(server.url() + "/99"); });
}

TEST_F(RedisStore, PasswordsAreUsedAndNotShown) {
  RedisServer server;
  server.ask("CONFIG SET requirepass hunter2");
  expect_error(ErrorKind::io, "NOAUTH", [&] { open_store(server.url()); });
  expect_error(ErrorKind::io, "refuses the login", [&] { open_store("redis://:wrong@" + server.host_port()); });
  open_store("redis://:hunter2@" + server.host_port())->commit(WriteBatch().put("items", "a", "1"));
  open_store("redis://default:hunter2@" + server.host_port())->get("items", "a");
}

TEST_F(RedisStore, ANewerSchemaIsRefused) {
  RedisServer server;
  open_store(server.url());
  server.ask("SET {tessera.lists}s 2");
  expect_error(ErrorKind::unsupported, "schema version 2", [&] { open_store(server.url()); });
  server.ask("SET {tessera.lists}s x");
  expect_error(ErrorKind::io, "number", [&] { open_store(server.url()); });
}

TEST_F(RedisStore, AServerThatComesBackIsUsedAgain) {
  RedisServer server({"--appendonly", "yes", "--appendfsync", "always"});
  auto store = open_store(server.url());
  store->commit(WriteBatch().append("events", "", "1"));
  server.stop(SIGKILL);
  server.start();  // knows no script any more
  EXPECT_EQ(store->commit(WriteBatch().append("events", "", "2")).operations[0].sequence, 2u);
  EXPECT_EQ(store->tail("events", "", 5).size(), 2u);
}

TEST_F(RedisStore, ACallWaitsForAServerThatStarts) {
  RedisServer server({"--appendonly", "yes", "--appendfsync", "always"});
  auto store = open_store(server.url());
  server.stop(SIGKILL);
  std::atomic<uint64_t> sequence{0};
  std::thread caller([&] {
    try {
      sequence = store->commit(WriteBatch().append("events", "", "1")).operations[0].sequence;
    } catch (const Error& error) {
      ADD_FAILURE() << error.what();
    }
  });
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  server.start();
  caller.join();
  EXPECT_EQ(sequence, 1u);
}

TEST_F(RedisStore, AServerThatIsGoneIsAnErrorInTime) {
  const std::string nobody = "redis://127.0.0.1:" + std::to_string(test::free_port());
  expect_error(ErrorKind::io, "cannot be reached", [&] { open_store(nobody, impatient()); });
  RedisServer server;
  auto store = open_store(server.url(), impatient());
  server.stop(SIGKILL);
  expect_error(ErrorKind::io, "nothing was applied", [&] { store->commit(WriteBatch().put("items", "a", "1")); });
  expect_error(ErrorKind::io, "gave up", [&] { store->get("items", "a"); });
  EXPECT_FALSE(store->facts().warnings.empty());
}

TEST_F(RedisStore, ALostAnswerIsSaidToBeUncertain) {
  RedisServer server;
  auto store = open_store(server.url(), impatient());
  store->commit(WriteBatch().put("items", "a", "1"));
  server.signal(SIGSTOP);
  expect_error(ErrorKind::io, "may or may not have been applied",
               [&] { store->commit(WriteBatch().put("items", "a", "2")); });
  server.signal(SIGCONT);
  EXPECT_TRUE(store->get("items", "a").has_value());
}

TEST_F(RedisStore, BusyConnectionsAreWaitedForInTurn) {
  RedisServer server;
  StoreOptions options;
  options.connections = 2;
  auto store = open_store(server.url(), options);
  std::atomic<int> done{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 12; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 20; ++i) store->commit(WriteBatch().append("events", "", "x"));
      ++done;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(done, 12);
  EXPECT_EQ(store->extent("events", "").size(), 240u);
}

TEST_F(RedisStore, AServerThatIsFullRefusesWithoutHalfABatch) {
  RedisServer server;
  auto store = open_store(server.url());
  server.ask("CONFIG SET maxmemory 1");
  expect_error(ErrorKind::io, "nothing was applied",
               [&] { store->commit(WriteBatch().put("items", "a", "1").append("events", "", "1")); });
  EXPECT_EQ(store->get("items", "a"), std::nullopt);
  server.ask("CONFIG SET maxmemory 0");
  store->commit(WriteBatch().put("items", "a", "1"));
}

/// Answers every connection with the same bytes.
class RudeServer {
 public:
  explicit RudeServer(std::string answer) : answer_(std::move(answer)), listener_(socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    bind(listener_, reinterpret_cast<sockaddr*>(&address), size);
    getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    listen(listener_, 16);
    thread_ = std::thread([this] {
      while (true) {
        const int client = accept(listener_, nullptr, nullptr);
        if (client < 0) return;
        char buffer[4096];
        if (recv(client, buffer, sizeof buffer, 0) > 0)
          (void)send(client, answer_.data(), answer_.size(), MSG_NOSIGNAL);
        close(client);
      }
    });
  }
  ~RudeServer() {
    shutdown(listener_, SHUT_RDWR);
    close(listener_);
    thread_.join();
  }
  std::string url() const { return "redis://127.0.0.1:" + std::to_string(port_); }

 private:
  std::string answer_;
  int listener_, port_ = 0;
  std::thread thread_;
};

TEST(RedisAnswers, NonsenseIsAnErrorAndNeverACrash) {
  Random random(4, "test.store.rude");
  std::vector<std::string> answers{"",
                                   "HTTP/1.1 400 Bad Request\r\n\r\n",
                                   "$5\r\nab",
                                   "*3\r\n",
                                   "$-5\r\n",
                                   ":99999999999999999999\r\n",
                                   "*2\r\n*2\r\n",
                                   "$17\r\ncluster_enabled:0\r\n",
                                   "+OK\r\n",
                                   "-ERR no\r\n"};
  for (int i = 0; i < 10; ++i) {
    std::string bytes(1 + random.below(40), '\0');
    for (char& c : bytes) c = "*$:+-\r\n0123456789ab"[random.below(20)];
    answers.push_back(bytes);
  }
  for (const std::string& answer : answers) {
    RudeServer server(answer);
    try {
      StoreOptions options = impatient();
      options.request_timeout_ms = 60;
      open_store(server.url(), options);
      ADD_FAILURE() << "opened over nonsense";
    } catch (const Error& error) {
      EXPECT_TRUE(error.kind() == ErrorKind::io || error.kind() == ErrorKind::config) << error.what();
    }
  }
}

TEST_F(RedisStoreSlow, OnAClusterWhatSpansSlotsIsRefused) {
  RedisCluster cluster;
  auto store = open_store(cluster.url());
  EXPECT_EQ(store->facts().backend, "redis+cluster");
  store->commit(
      WriteBatch().begin_once("events", "", "e").append("events", "", "1").append("history", "u", "1").end_once());
  store->commit(WriteBatch().put("items", "a", "1").erase("items", "b"));
  expect_error(ErrorKind::unsupported, "several slots",
               [&] { store->commit(WriteBatch().put("items", "c", "1").append("events", "", "2")); });
  expect_error(ErrorKind::unsupported, "several slots",
               [&] { store->commit(WriteBatch().put("items", "c", "1").put("users", "u", "1")); });
  EXPECT_EQ(store->get("items", "c"), std::nullopt);
  EXPECT_EQ(store->extent("events", "").size(), 1u);
  expect_error(ErrorKind::config, "redis+cluster", [&] { open_store(cluster.node(0).url()); });
  RedisServer single;
  expect_error(ErrorKind::config, "not part of", [&] { open_store("redis+cluster://" + single.host_port()); });
  // One node of the cluster is enough to find the others.
  EXPECT_EQ(open_store("redis+cluster://" + cluster.node(2).host_port())->get("items", "a"), "1");
}

TEST_F(RedisStoreSlow, SlotsThatMoveAreFollowed) {
  RedisCluster cluster;
  auto store = open_store(cluster.url());
  store->commit(WriteBatch().put("items", "a", "1").put("items", "b", "2"));
  const int slot = redis::slot_of("{tessera.c.items}");
  const size_t from = slot <= 5460 ? 0 : slot <= 10922 ? 1 : 2, to = (from + 1) % 3;
  const std::string from_id = cluster.node(from).ask("CLUSTER MYID"), to_id = cluster.node(to).ask("CLUSTER MYID"),
                    number = std::to_string(slot);
  cluster.node(to).ask("CLUSTER SETSLOT " + number + " IMPORTING " + from_id);
  cluster.node(from).ask("CLUSTER SETSLOT " + number + " MIGRATING " + to_id);
  EXPECT_EQ(store->get("items", "a"), "1");
  const std::string target = "127.0.0.1 " + std::to_string(cluster.node(to).port());
  for (const char* key : {"{tessera.c.items}v", "{tessera.c.items}k"}) {
    EXPECT_EQ(cluster.node(from).ask("MIGRATE " + target + " " + key + " 0 5000"), "OK");
  }
  EXPECT_EQ(store->get("items", "a"), "1");  // ASK
  store->commit(WriteBatch().put("items", "c", "3"));
  for (const size_t node : {to, from, 3 - from - to})
    cluster.node(node).ask("CLUSTER SETSLOT " + number + " NODE " + to_id);
  EXPECT_EQ(store->get("items", "c"), "3");  // MOVED
  EXPECT_EQ(store->scan("items", "", 10).size(), 3u);
  store->commit(WriteBatch().put("items", "d", "4"));
  EXPECT_EQ(store->scan("items", "", 10).size(), 4u);
}

}  // namespace
}  // namespace tessera
