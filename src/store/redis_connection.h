#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "store/store.h"
#include "store/store_url.h"

struct redisContext;
struct redisReply;

namespace tessera::redis {

/// Words of a command; they must outlive the call.
using Command = std::vector<std::string_view>;

/// An answer, owned. Answers of a server are checked for their type when they are read.
class Reply {
 public:
  Reply() = default;
  explicit Reply(redisReply* reply);

  bool is_nil() const;
  bool is_error() const;
  std::string_view error() const;  ///< its text; "" if it is none
  /// @throws Error(io) unless it is text or a status
  std::string_view text() const;
  /// @throws Error(io) unless it is a number, or text that is one
  int64_t number() const;
  /// @throws Error(io) unless it is a list
  size_t size() const;
  Reply at(size_t index) const;  ///< borrows: lives as long as the owner

 private:
  Reply(std::shared_ptr<redisReply> owner, redisReply* reply) : owner_(std::move(owner)), reply_(reply) {}
  std::shared_ptr<redisReply> owner_;
  redisReply* reply_ = nullptr;
};

/// What became of a command that got no answer.
enum class Loss { none, not_sent, unknown };

/// One connection to one server, logged in and on its database. For one thread at a time.
class Connection {
 public:
  /// @throws Error(io) if the server cannot be reached or refuses the login
  Connection(const HostPort& host, const StoreUrl& url, const StoreOptions& options);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  /// Sends a command and waits for the answer, which may be an error of the server's.
  /// @param loss  what is known about the command when this throws: `not_sent`, or `unknown` if it may have been
  /// carried out
  /// @throws Error(io) if the connection fails, which is then of no more use
  Reply call(const Command& command, Loss& loss);
  /// As above, where the caller does not ask.
  Reply call(const Command& command);
  /// Whether the server has closed it meanwhile, or sent what nobody asked for.
  bool is_stale() const;

 private:
  void send_all(std::string_view bytes);
  [[noreturn]] void fail_connection(std::string_view doing) const;

  std::unique_ptr<redisContext, void (*)(redisContext*)> context_;
  std::string where_;
};

}  // namespace tessera::redis
