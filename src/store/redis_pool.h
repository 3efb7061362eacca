#pragma once

#include <chrono>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "store/redis_connection.h"

namespace tessera::redis {

using Deadline = std::chrono::steady_clock::time_point;

/// Connections to one server, at most StoreOptions::connections at a time. Thread-safe.
class Pool {
 public:
  Pool(HostPort host, const StoreUrl& url, const StoreOptions& options)
      : host_(std::move(host)), url_(url), options_(options) {}

  /// A connection for the life of the object; give_back() keeps it for the next, otherwise it is closed.
  class Lease {
   public:
    Lease(Pool& pool, std::unique_ptr<Connection> connection) : pool_(pool), connection_(std::move(connection)) {}
    ~Lease();
    Lease(const Lease&) = delete;
    Lease& operator=(const Lease&) = delete;
    Connection* operator->() { return connection_.get(); }
    void give_back();

   private:
    Pool& pool_;
    std::unique_ptr<Connection> connection_;
    bool returned_ = false;
  };

  /// @throws Error(io) if the server cannot be reached, Error(overload) if all connections stay busy until the deadline
  Lease lease(Deadline deadline);
  const HostPort& host() const { return host_; }

 private:
  const HostPort host_;
  const StoreUrl& url_;
  const StoreOptions& options_;
  std::mutex mutex_;
  std::condition_variable freed_;
  std::vector<std::unique_ptr<Connection>> idle_;
  int num_leased_ = 0;
};

/// Sends commands to the server that holds their keys: the one server of redis://, or the node of a cluster, following
/// MOVED, ASK and TRYAGAIN. Lost connections are made anew with growing pauses, up to the request timeout. Thread-safe.
class Router {
 public:
  /// @throws Error(io) if no server answers, Error(config) if a cluster is named that is none, or the other way round
  Router(StoreUrl url, StoreOptions options);

  /// @param key       decides the node; any key of the command
  /// @param may_twice whether the command may be repeated when nobody knows if it was carried out
  /// @return the answer, which may be an error of the server's other than those handled here
  /// @throws Error(io): says whether the command may have been carried out; Error(overload)
  Reply call(std::string_view key, const Command& command, bool may_twice);
  /// Sends a command to every node (cluster: to those that hold slots). @throws Error(io)
  std::vector<Reply> call_everywhere(const Command& command);
  bool is_cluster() const { return url_.kind == StoreUrl::Kind::redis_cluster; }
  const StoreUrl& url() const { return url_; }

 private:
  struct Attempt;
  Pool& pool(const HostPort& host);
  Pool& pool_of_slot(int slot);
  void load_slots();
  void check_mode();
  std::optional<Reply> attempt(Attempt& state, const Command& command, bool may_twice);
  bool redirected(Attempt& state, std::string_view error);

  const StoreUrl url_;
  const StoreOptions options_;
  std::mutex mutex_;  ///< guards what follows
  std::map<std::string, std::unique_ptr<Pool>> pools_;
  std::vector<HostPort> nodes_;  ///< masters that hold slots
  std::vector<int> slots_;       ///< index into nodes_, -1: unknown; empty without a cluster
};

/// The cluster slot of a key: CRC16 of what stands between the first { and the next }, or of all of it, modulo 16384.
int slot_of(std::string_view key);

}  // namespace tessera::redis
