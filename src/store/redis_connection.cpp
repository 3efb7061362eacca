#include "store/redis_connection.h"

#include <hiredis/hiredis.h>
#include <sys/socket.h>

#include <cerrno>
#include <charconv>
#include <cstring>

#include "base/error.h"

namespace tessera::redis {
namespace {

timeval to_timeval(int ms) {
  return {ms / 1000, (ms % 1000) * 1000};
}

/// The command in Redis's protocol.
std::string encode_command(const Command& command) {
  size_t size = 16;
  for (const std::string_view word : command) size += word.size() + 16;
  std::string out;
  out.reserve(size);
  out += '*' + std::to_string(command.size()) + "\r\n";
  for (const std::string_view word : command) {
    out += '$' + std::to_string(word.size()) + "\r\n";
    out += word;
    out += "\r\n";
  }
  return out;
}

}  // namespace

Reply::Reply(redisReply* reply) : owner_(reply, [](redisReply* r) { freeReplyObject(r); }), reply_(reply) {}

bool Reply::is_nil() const {
  return reply_ == nullptr || reply_->type == REDIS_REPLY_NIL;
}

bool Reply::is_error() const {
  return reply_ != nullptr && reply_->type == REDIS_REPLY_ERROR;
}

std::string_view Reply::error() const {
  return is_error() ? std::string_view(reply_->str, reply_->len) : std::string_view();
}

std::string_view Reply::text() const {
  TESSERA_CHECK(!is_error(), io, "Redis answered: {}", error());
  TESSERA_CHECK(reply_ != nullptr && (reply_->type == REDIS_REPLY_STRING || reply_->type == REDIS_REPLY_STATUS), io,
                "Redis answered with another type than text");
  return {reply_->str, reply_->len};
}

int64_t Reply::number() const {
  if (reply_ != nullptr && reply_->type == REDIS_REPLY_INTEGER) return reply_->integer;
  const std::string_view digits = text();
  int64_t number = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  TESSERA_CHECK(error == std::errc() && end == digits.data() + digits.size(), io,
                "Redis answered with another type than a number");
  return number;
}

size_t Reply::size() const {
  TESSERA_CHECK(!is_error(), io, "Redis answered: {}", error());
  TESSERA_CHECK(reply_ != nullptr && reply_->type == REDIS_REPLY_ARRAY, io,
                "Redis answered with another type than a list");
  return reply_->elements;
}

Reply Reply::at(size_t index) const {
  TESSERA_CHECK(index < size(), io, "Redis answered with a list of {}, wanted more than {}", size(), index);
  return {owner_, reply_->element[index]};
}

Connection::Connection(const HostPort& host, const StoreUrl& url, const StoreOptions& options)
    : context_(redisConnectWithTimeout(host.host.c_str(), host.port, to_timeval(options.connect_timeout_ms)),
               redisFree),
      where_("redis://" + host.text()) {
  TESSERA_CHECK(context_ != nullptr && context_->err == 0, io, "{}: cannot be reached: {}", where_,
                context_ ? context_->errstr : "out of memory");
  redisSetTimeout(context_.get(), to_timeval(options.request_timeout_ms));
  redisEnableKeepAlive(context_.get());
  if (!url.password.empty()) {
    Command login{"AUTH"};
    if (!url.user.empty()) login.push_back(url.user);
    login.push_back(url.password);
    const Reply reply = call(login);
    TESSERA_CHECK(!reply.is_error(), io, "{}: refuses the login: {}", where_, reply.error());
  }
  if (url.database != 0) {
    const std::string number = std::to_string(url.database);
    const Reply reply = call({"SELECT", number});
    TESSERA_CHECK(!reply.is_error(), io, "{}: database {} cannot be used: {}", where_, number, reply.error());
  }
}

Connection::~Connection() = default;

void Connection::fail_connection(std::string_view doing) const {
  const int reason = errno;
  const bool timeout = reason == EAGAIN || reason == EWOULDBLOCK || reason == ETIMEDOUT;
  fail(ErrorKind::io, "{}: the connection failed while {}: {}", where_, doing,
       timeout              ? "no answer in time"
       : context_->err != 0 ? context_->errstr
                            : std::strerror(reason));
}

void Connection::send_all(std::string_view bytes) {
  while (!bytes.empty()) {
    // Not through hiredis, whose write() raises SIGPIPE when the server has gone.
    const ssize_t count = send(context_->fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) fail_connection("sending");
    bytes.remove_prefix(static_cast<size_t>(count));
  }
}

Reply Connection::call(const Command& command, Loss& loss) {
  loss = Loss::not_sent;
  const std::string bytes = encode_command(command);
  // A server carries out nothing before the last byte of a command has come.
  send_all(bytes);
  loss = Loss::unknown;
  void* reply = nullptr;
  while (reply == nullptr) {
    if (redisGetReplyFromReader(context_.get(), &reply) != REDIS_OK) fail_connection("reading an answer");
    if (reply == nullptr && redisBufferRead(context_.get()) != REDIS_OK) {
      if (errno == EINTR && context_->err == REDIS_ERR_IO) {
        context_->err = 0;
        continue;
      }
      fail_connection("waiting for an answer");
    }
  }
  loss = Loss::none;
  return Reply(static_cast<redisReply*>(reply));
}

Reply Connection::call(const Command& command) {
  Loss ignored = Loss::none;
  return call(command, ignored);
}

bool Connection::is_stale() const {
  char byte = 0;
  const ssize_t count = recv(context_->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  return count >= 0 || (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR);
}

}  // namespace tessera::redis
