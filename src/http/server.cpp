#include "http/server.h"

#include <sys/resource.h>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>
#include <thread>
#include <utility>

#include "http/connection.h"
#include "http/response_head.h"

namespace tessera {
namespace {

using boost::asio::ip::tcp;
using AcceptError = boost::system::error_code;

constexpr auto kAcceptPause = std::chrono::milliseconds(100);
constexpr size_t kSpareFiles = 128;  ///< for files, logs and stores

void check_range(const char* name, int64_t value, int64_t low, int64_t high) {
  TESSERA_CHECK(value >= low && value <= high, config, "HTTP server: {} is {}, allowed are {} to {}", name, value, low,
                high);
}

void check_options(const ServerOptions& options) {
  check_range("port", options.port, 0, 65535);
  check_range("io_threads", options.io_threads, 1, 256);
  check_range("max_connections", options.max_connections, 1, 1'000'000);
  check_range("max_in_flight", options.max_in_flight, 1, 1'000'000);
  check_range("header_timeout_ms", options.header_timeout_ms, 1, 3'600'000);
  check_range("idle_timeout_ms", options.idle_timeout_ms, 1, 86'400'000);
  check_range("body_timeout_ms", options.body_timeout_ms, 1, 3'600'000);
  check_range("write_timeout_ms", options.write_timeout_ms, 1, 3'600'000);
  check_range("request_deadline_ms", options.request_deadline_ms, 1, 86'400'000);
  check_range("min_bytes_per_second", options.min_bytes_per_second, 1, 1 << 30);
  check_range("gzip_level", options.gzip_level, 1, 9);
  check_range("limits.header_bytes", static_cast<int64_t>(options.limits.header_bytes), 128, 1 << 20);
  check_range("limits.target_bytes", static_cast<int64_t>(options.limits.target_bytes), 16, 1 << 20);
  check_range("limits.num_headers", static_cast<int64_t>(options.limits.num_headers), 1, 10'000);
}

boost::asio::ip::address numeric_address(const std::string& text) {
  AcceptError error;
  const auto address = boost::asio::ip::make_address(text == "localhost" ? "127.0.0.1" : text, error);
  TESSERA_CHECK(!error, config,
                "\"{}\" is no address to listen on; give a numeric one such as 127.0.0.1, 0.0.0.0 or ::", text);
  return address;
}

}  // namespace

size_t raise_open_files(size_t wanted) {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return 1024;
  if (limit.rlim_cur < wanted) {
    const rlimit raised{std::min<rlim_t>(wanted, limit.rlim_max), limit.rlim_max};
    if (setrlimit(RLIMIT_NOFILE, &raised) == 0) limit = raised;
  }
  return static_cast<size_t>(limit.rlim_cur);
}

struct HttpServer::Impl {
  using WorkGuard = boost::asio::executor_work_guard<boost::asio::io_context::executor_type>;

  std::shared_ptr<ServerShared> shared = std::make_shared<ServerShared>();
  boost::asio::ip::address address;
  std::vector<std::shared_ptr<IoCore>> cores;
  std::unique_ptr<tcp::acceptor> acceptor;
  std::unique_ptr<boost::asio::steady_timer> accept_pause;
  std::vector<WorkGuard> guards;
  std::vector<std::thread> threads;
  size_t next_core = 0;
  int port = 0;
  int connection_limit = 0;
  bool started = false, stopped = false;

  void listen();
  void accept();
  void on_accepted(tcp::socket socket, IoCore& core);
};

void HttpServer::Impl::listen() {
  const tcp::endpoint wanted(address, static_cast<unsigned short>(shared->options.port));
  AcceptError error;
  const char* what = "opened";
  acceptor->open(wanted.protocol(), error);
  if (!error) acceptor->set_option(tcp::acceptor::reuse_address(true), error);
  if (!error) {
    what = "bound";
    acceptor->bind(wanted, error);
  }
  if (!error) {
    what = "listened on";
    acceptor->listen(4096, error);
  }
  if (!error) acceptor->non_blocking(true, error);
  TESSERA_CHECK(!error, io, "{} port {} cannot be {}: {} (does another server use it?)", address.to_string(),
                shared->options.port, what, error.message());
  port = acceptor->local_endpoint().port();
}

void HttpServer::Impl::accept() {
  IoCore& core = *cores[next_core++ % cores.size()];
  acceptor->async_accept(core.context, [this, &core](AcceptError error, tcp::socket socket) {
    if (error == boost::asio::error::operation_aborted || !acceptor->is_open()) return;
    if (!error) {
      on_accepted(std::move(socket), core);
      return accept();
    }
    shared->counters->accept_errors.fetch_add(1);
    if (error == boost::asio::error::connection_aborted) return accept();
    // No descriptor or no memory: trying at once would spin, because the connection stays in the queue.
    accept_pause->expires_after(kAcceptPause);
    accept_pause->async_wait([this](AcceptError cancelled) {
      if (!cancelled && acceptor->is_open()) accept();
    });
  });
}

void HttpServer::Impl::on_accepted(tcp::socket socket, IoCore& core) {
  shared->counters->accepted.fetch_add(1);
  if (shared->counters->connections.fetch_add(1) >= connection_limit) {
    shared->counters->connections.fetch_sub(1);
    shared->counters->refused.fetch_add(1);
    HttpResponse response{Problem{ProblemCode::overloaded, "", "", 1}};
    response.content_type = "application/problem+json";
    response.body = render_problem({ProblemCode::overloaded, "There are too many connections.", "", 1}, "", "");
    response.headers.add("Retry-After", "1");
    const std::string text = response_head(response, {http_date(), "", false, false}) + response.body;
    AcceptError ignored;
    socket.non_blocking(true, ignored);
    socket.write_some(boost::asio::buffer(text), ignored);
    return;
  }
  boost::asio::post(core.context, [&core, socket = std::move(socket)]() mutable { core.adopt(std::move(socket)); });
}

HttpServer::HttpServer(ServerOptions options, HttpHandlers handlers) : impl_(std::make_unique<Impl>()) {
  check_options(options);
  TESSERA_CHECK(handlers.handle != nullptr, config, "HTTP server: there is no handler");
  impl_->address = numeric_address(options.address);
  impl_->shared->options = std::move(options);
  impl_->shared->handlers = std::move(handlers);
}

HttpServer::~HttpServer() {
  stop(std::chrono::milliseconds(0));
}

void HttpServer::start() {
  Impl& impl = *impl_;
  TESSERA_CHECK(!impl.started, internal, "HTTP server: start() is called twice");
  const ServerOptions& options = impl.shared->options;
  const size_t files = raise_open_files(static_cast<size_t>(options.max_connections) + kSpareFiles);
  const size_t usable = files > 2 * kSpareFiles ? files - kSpareFiles : std::max<size_t>(1, files / 2);
  impl.connection_limit = static_cast<int>(std::min(usable, static_cast<size_t>(options.max_connections)));
  for (int i = 0; i < options.io_threads; ++i) impl.cores.push_back(std::make_shared<IoCore>(impl.shared));
  impl.acceptor = std::make_unique<tcp::acceptor>(impl.cores[0]->context);
  impl.accept_pause = std::make_unique<boost::asio::steady_timer>(impl.cores[0]->context);
  try {
    impl.listen();
  } catch (...) {
    impl.accept_pause.reset();
    impl.acceptor.reset();
    impl.cores.clear();
    throw;
  }
  impl.started = true;
  for (const auto& core : impl.cores) {
    core->start_ticking();
    impl.guards.emplace_back(core->context.get_executor());
  }
  impl.accept();
  for (const auto& core : impl.cores) {
    impl.threads.emplace_back([core = core.get()] { core->run(); });
  }
}

int HttpServer::port() const {
  return impl_->port;
}
std::shared_ptr<const ServerCounters> HttpServer::counters() const {
  return impl_->shared->counters;
}

void HttpServer::stop(std::chrono::milliseconds grace) {
  Impl& impl = *impl_;
  if (!impl.started || impl.stopped) return;
  impl.stopped = true;
  ServerShared& shared = *impl.shared;
  shared.stopping = true;
  boost::asio::post(impl.cores[0]->context, [&impl] {
    AcceptError ignored;
    impl.acceptor->close(ignored);
    impl.accept_pause->cancel();
  });
  for (const auto& core : impl.cores) {
    boost::asio::post(core->context, [core = core.get()] { core->close_idle(); });
  }
  {
    std::unique_lock lock(shared.drain_mutex);
    shared.drained.wait_for(lock, grace, [&] { return shared.counters->connections == 0; });
  }
  for (const auto& core : impl.cores) {
    boost::asio::post(core->context, [core = core.get()] {
      core->close_all();
      core->context.stop();
    });
  }
  for (std::thread& thread : impl.threads) thread.join();
  impl.guards.clear();
  impl.accept_pause.reset();
  impl.acceptor.reset();
  impl.cores.clear();
  // A handler may own the queue that holds its replies, and these keep what is shared: let go of the handlers.
  const HttpHandlers dropped = std::exchange(shared.handlers, {});
}

}  // namespace tessera
