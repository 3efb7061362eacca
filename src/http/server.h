#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "http/exchange.h"
#include "http/message.h"
#include "http/reply.h"
#include "http/request_reader.h"

namespace tessera {

struct ServerOptions {
  std::string address = "127.0.0.1";  ///< a numeric address, or "localhost"
  int port = 0;                       ///< 0: any free one, see HttpServer::port()
  int io_threads = 2;
  RequestLimits limits;
  int max_connections = 10'000;        ///< beyond: 503 and close
  int max_in_flight = 1024;            ///< requests handed over and not answered; beyond: 503 with Retry-After
  size_t max_body_memory = 512 << 20;  ///< of all request bodies together; beyond: 503
  int header_timeout_ms = 10'000;      ///< from the first byte to the end of the head
  int idle_timeout_ms = 75'000;        ///< between requests
  int body_timeout_ms = 30'000;        ///< plus what min_bytes_per_second gives for the bytes that came
  int write_timeout_ms = 30'000;       ///< plus what min_bytes_per_second gives for the answer's bytes
  int min_bytes_per_second = 16 << 10;
  int request_deadline_ms = 30'000;  ///< from the complete request; a route may have its own
  size_t gzip_min_bytes = 1024;      ///< answers up to this size are not compressed
  size_t gzip_max_bytes = 2 << 20;   ///< larger ones neither: compressing would hold up an io thread
  int gzip_level = 1;
};

/// What becomes of a request once its head is read.
struct Admission {
  std::optional<HttpResponse> early;    ///< answers at once; the body is not handed on
  size_t body_limit = SIZE_MAX;         ///< after decompression; the server's own limit holds, too
  int deadline_ms = 0;                  ///< 0: the server's
  bool even_when_overloaded = false;    ///< not refused by max_in_flight
  std::vector<NameValue> headers = {};  ///< added to the answer, whichever it is
};

/// What the server calls, on io threads: nothing of it may block.
struct HttpHandlers {
  /// The head is complete, the body not read. May change the request (route, identity, parameters). Optional.
  std::function<Admission(HttpRequest&)> admit;
  /// The request is complete. What it throws becomes a problem.
  std::function<void(HttpRequest, Reply)> handle;
  /// The answer is written, or the connection broke. Optional.
  std::function<void(const HttpExchange&)> finished;
};

/// Live figures; each may be read at any time.
struct ServerCounters {
  std::atomic<int64_t> connections{0};    ///< open now
  std::atomic<int64_t> in_flight{0};      ///< requests handed over whose reply is still held
  std::atomic<int64_t> body_bytes{0};     ///< of request bodies, now
  std::atomic<int64_t> accepted{0};       ///< connections, ever
  std::atomic<int64_t> refused{0};        ///< connections beyond max_connections, ever
  std::atomic<int64_t> accept_errors{0};  ///< e.g. no file descriptor left, ever
};

/// An HTTP/1.1 server on Boost.Beast and Asio: a few io threads, each with its own event loop and its own share of the
/// connections, so that a connection needs no lock. Idle connections hold no buffer.
///
/// Why not cpp-httplib: it keeps one thread blocked on every connection, so 1,000 idle keep-alive connections need
/// 1,000 threads or push new clients out of its pool. Here they cost a descriptor and 3.4 KB of memory each. Measured
/// with wrk (64 connections, trivial handler, two io threads, two cores shared with wrk and with compilers, so that
/// runs differ by a factor of two): 9,700 to 14,700 requests a second alone, 9,200 to 26,800 beside 1,000 idle
/// connections, none of which was dropped. bench/http_server_bench repeats the comparison.
///
/// One request of a connection is worked on at a time, so pipelined requests are answered in order. No TLS: put a proxy
/// in front. Timeouts are kept to 50 ms. Malformed requests get a problem and the connection is closed.
class HttpServer {
 public:
  /// @throws Error(config) for an option out of range or an address that is not numeric
  HttpServer(ServerOptions options, HttpHandlers handlers);
  /// stop() without grace.
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  /// Binds, listens, starts the threads. Raises the soft limit of open files as far as max_connections needs; if the
  /// hard limit is lower, fewer connections are taken. Call it last, when everything is ready. Once only.
  /// @throws Error(io) naming address and port if they cannot be bound
  void start();
  int port() const;  ///< after start()

  /// Stops accepting, closes idle connections, lets requests in flight finish (their answers say `Connection: close`),
  /// closes the others after `grace`, and joins the threads. Replies still held may be used safely; nobody hears them.
  /// A second call does nothing. Not from a handler.
  void stop(std::chrono::milliseconds grace);

  /// May outlive the server.
  std::shared_ptr<const ServerCounters> counters() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// Raises the soft limit of open files to at least `wanted`, or to the hard limit. @return the soft limit now
size_t raise_open_files(size_t wanted);

}  // namespace tessera
