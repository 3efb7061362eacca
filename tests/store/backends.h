#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "base/temporary_folder.h"
#include "store/redis_server.h"
#include "store/store.h"

namespace tessera::test {

/// Where a Store can live, for tests that hold for all of them.
class Backend {
 public:
  virtual ~Backend() = default;
  virtual std::string url() const = 0;
  virtual void restart() {}  ///< of what the store talks to; no store is open
  virtual bool is_cluster() const { return false; }
};

class RocksBackend : public Backend {
 public:
  std::string url() const override { return "rocksdb:" + (folder_ / "db").string(); }

 private:
  TemporaryFolder folder_;
};

class RedisBackend : public Backend {
 public:
  std::string url() const override { return server_.url(); }
  void restart() override {
    server_.stop(SIGKILL);
    server_.start();
  }

 private:
  RedisServer server_{{"--appendonly", "yes", "--appendfsync", "always"}};
};

class ClusterBackend : public Backend {
 public:
  std::string url() const override { return cluster_.url(); }
  bool is_cluster() const override { return true; }

 private:
  RedisCluster cluster_;
};

inline std::unique_ptr<Backend> make_backend(const std::string& name) {
  if (name == "rocksdb") return std::make_unique<RocksBackend>();
  if (name == "redis") return std::make_unique<RedisBackend>();
  return std::make_unique<ClusterBackend>();
}

/// Tests with a backend by name; those over Redis are skipped where the program is not installed.
class StoreTest : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    if (GetParam() != "rocksdb" && redis_program().empty()) {
      GTEST_SKIP() << "redis-server is not installed: tools/setup.sh does it";
    }
    backend_ = make_backend(GetParam());
  }
  std::unique_ptr<Store> open(const StoreOptions& options = {}) { return open_store(backend_->url(), options); }

  std::unique_ptr<Backend> backend_;
};

}  // namespace tessera::test
