#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <unordered_set>

#include "http/server.h"

namespace tessera {

// Internal to the server: the only header of this folder that shows Boost.

/// What all threads of a server share.
struct ServerShared {
  ServerOptions options;
  HttpHandlers handlers;
  std::shared_ptr<ServerCounters> counters = std::make_shared<ServerCounters>();
  std::atomic<bool> stopping{false};
  std::mutex drain_mutex;
  std::condition_variable drained;  ///< notified when connections falls to 0
};

class Connection;

/// One event loop, its connections, and what they share. Everything but `context` is used by the loop's thread alone.
class IoCore : public std::enable_shared_from_this<IoCore> {
 public:
  explicit IoCore(std::shared_ptr<ServerShared> shared);

  /// The thread's work, until the context is stopped.
  void run();
  void start_ticking();
  /// Takes over a counted connection.
  void adopt(boost::asio::ip::tcp::socket socket);
  void forget(const std::shared_ptr<Connection>& connection);
  void close_idle();
  void close_all();

  boost::asio::io_context context{1};
  const std::shared_ptr<ServerShared> shared;
  std::vector<char> scratch;  ///< what is read lies here until it is consumed
  std::string date;

 private:
  void on_tick();

  boost::asio::steady_timer tick_;
  std::unordered_set<std::shared_ptr<Connection>> connections_;
};

/// One connection: reads a request, hands it over, writes the answer, again. Lives on its core's thread.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  using Clock = std::chrono::steady_clock;

  Connection(IoCore& core, boost::asio::ip::tcp::socket socket);

  void start();
  bool is_late(Clock::time_point now) const { return now >= deadline_; }
  /// The deadline has passed: ends what was waited for.
  void on_late();
  /// The server stops: closes unless a request is on the way.
  void close_if_idle();
  void close();

 private:
  enum class State { idle, reading, waiting, writing, lingering, closed };

  void wait_readable();
  void on_readable();
  size_t consume(std::string_view bytes);
  void drain_inbox();
  void begin_request();
  void on_head();
  void admit(HttpRequest& request);
  bool refuse_body();
  void continue_body();
  bool account_body();
  void dispatch();
  void on_reply(uint64_t number, std::optional<HttpResponse> response);
  void answer_failure(const Problem& problem);
  void answer(HttpResponse response, bool close_after);
  void compress(HttpResponse& response) const;
  void on_written(bool whole);
  void finish_exchange(bool broken);
  void linger();
  /// ms from now or from a time, and what min_bytes_per_second gives for the bytes.
  void set_deadline(int ms, size_t bytes = 0);
  void set_deadline(Clock::time_point from, int ms, size_t bytes);

  IoCore& core_;
  boost::asio::ip::tcp::socket socket_;
  State state_ = State::idle;
  Clock::time_point deadline_ = Clock::time_point::max();
  std::string inbox_;  ///< read and not consumed
  std::string peer_;

  // The request at hand.
  std::optional<RequestReader> reader_;
  Admission admission_;
  HttpExchange exchange_;
  Clock::time_point request_start_;
  uint64_t number_ = 0;  ///< late replies to earlier requests are told apart by it
  std::shared_ptr<std::atomic<bool>> wanted_;
  int64_t body_accounted_ = 0;
  bool takes_gzip_ = false, is_head_ = false, keep_alive_ = false, http_1_0_ = false;
  std::string path_;

  // The answer at hand.
  std::string head_out_, body_out_;
  bool close_after_ = false;
};

}  // namespace tessera
