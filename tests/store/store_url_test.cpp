#include "store/store_url.h"

#include <gtest/gtest.h>

#include "base/random.h"
#include "base/temporary_folder.h"
#include "store/store.h"

namespace tessera {
namespace {

using test::expect_error;

TEST(StoreUrl, PathsAndServersAreToldApart) {
  for (const char* url : {"runs/state", "/var/lib/tessera", "./a:b", "C", "a/b:c"}) {
    EXPECT_EQ(parse_store_url(url).kind, StoreUrl::Kind::rocksdb);
    EXPECT_EQ(parse_store_url(url).path, url);
  }
  EXPECT_EQ(parse_store_url("rocksdb:/a/b").path, "/a/b");
  EXPECT_EQ(parse_store_url("rocksdb:///a/b").path, "/a/b");
  EXPECT_EQ(parse_store_url("rocksdb:a").path, "a");
  const StoreUrl redis = parse_store_url("redis://10.0.0.1:7000/3?prefix=shop");
  EXPECT_EQ(redis.kind, StoreUrl::Kind::redis);
  EXPECT_EQ(redis.hosts, (std::vector<HostPort>{{"10.0.0.1", 7000}}));
  EXPECT_EQ(redis.database, 3);
  EXPECT_EQ(redis.prefix, "shop");
  const StoreUrl cluster = parse_store_url("redis+cluster://me:s%40cret@a,b:1,[::1]:2");
  EXPECT_EQ(cluster.hosts, (std::vector<HostPort>{{"a", 6379}, {"b", 1}, {"::1", 2}}));
  EXPECT_EQ(cluster.user, "me");
  EXPECT_EQ(cluster.password, "s@cret");
  EXPECT_EQ(cluster.hosts[2].text(), "[::1]:2");
  EXPECT_EQ(parse_store_url("redis://:p@h").password, "p");
}

TEST(StoreUrl, AnythingElseIsRefused) {
  for (const std::string url : {"",
                                "rocksdb:",
                                "http://a",
                                "rediss://a:1",
                                "postgres:x",
                                "redis:a",
                                "redis://",
                                "redis://:1",
                                "redis://a:0",
                                "redis://a:65536",
                                "redis://a:b",
                                "redis://a:1/x",
                                "redis://a:1/1024",
                                "redis://a:1/-1",
                                "redis://a,b",
                                "redis://a b",
                                "redis://@a",
                                "redis://u@a",
                                "redis://u:@a",
                                "redis://:%4@a",
                                "redis://:%zz@a",
                                "redis://a?x=1",
                                "redis://a?prefix=",
                                "redis://a?prefix={x}",
                                "redis+cluster://a/1",
                                "redis+cluster://a,,b",
                                "redis+cluster://a,",
                                "redis://[::1",
                                "redis://[::1]x",
                                "redis://[]:1",
                                "redis://a:1:2",
                                "ftp+x://a"}) {
    SCOPED_TRACE(url);
    expect_error(ErrorKind::config, "store URL", [&] { parse_store_url(url); });
  }
  expect_error(ErrorKind::config, "zero byte", [] { parse_store_url(std::string("a\0b", 3)); });
  expect_error(ErrorKind::config, "id_window", [] { open_store("x", {.id_window = 0, .on_sync = {}}); });
  expect_error(ErrorKind::config, "connections",
               [] { open_store("redis://127.0.0.1:1", {.connections = 0, .on_sync = {}}); });
}

TEST(StoreUrl, APasswordIsNotShown) {
  for (const std::string url :
       {"redis://u:hunter2@a b", "redis://u:hunter2@a/x", "redis://u:hunter2%@a", "redis+cluster://u:hunter2@a,,"}) {
    try {
      parse_store_url(url);
      ADD_FAILURE() << url;
    } catch (const Error& error) {
      EXPECT_EQ(std::string(error.what()).find("hunter2"), std::string::npos) << error.what();
    }
  }
}

TEST(StoreUrl, RandomTextIsReadOrRefused) {
  Random random(5, "test.store.url");
  const std::string_view letters = "redis+cluster://rocksdb:@?,[]%0a=prefix/\\ \n";
  for (int i = 0; i < 20000; ++i) {
    std::string url = random.below(2) == 0 ? "redis://" : random.below(2) == 0 ? "redis+cluster://" : "";
    for (uint64_t n = random.below(30); n > 0; --n) url.push_back(letters[random.below(letters.size())]);
    try {
      const StoreUrl parsed = parse_store_url(url);
      EXPECT_TRUE(parsed.kind == StoreUrl::Kind::rocksdb ? !parsed.path.empty() : !parsed.hosts.empty());
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::config);
    }
  }
}

}  // namespace
}  // namespace tessera
