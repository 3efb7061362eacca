// An open-loop load generator. Requests are due at times fixed beforehand, whatever the server does; latency counts
// from the time a request is due, also while it waits here for a free connection. A closed loop would ask less of a
// slow server and hide its worst moments (coordinated omission).
//
//   http_load --url http://127.0.0.1:8420/v1/search --rate 200 --seconds 30 --connections 64 --bodies queries.jsonl
#include <CLI/CLI.hpp>
#include <algorithm>
#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <cstdio>
#include <deque>
#include <fstream>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>

#include "base/random.h"
#include "http/client.h"

namespace tessera {
namespace {

namespace asio = boost::asio;
namespace beast_http = boost::beast::http;
using Clock = std::chrono::steady_clock;
using LoadError = boost::system::error_code;

struct LoadOptions {
  std::string url;
  std::string method;  ///< POST with bodies, else GET
  double rate = 100;
  double seconds = 10;
  int connections = 64;
  std::string bodies;  ///< one body a line; taken in turn
  std::vector<std::string> headers;
  bool poisson = false;
  uint64_t seed = 1;
  int timeout_ms = 30'000;
  bool json = false;
};

struct LoadResult {
  std::vector<double> seconds;  ///< of answered requests, from the time they were due
  std::map<int, int64_t> statuses;
  int64_t failed = 0;       ///< connection refused, broken, or no answer in time
  int64_t degraded = 0;     ///< answers whose JSON has "degraded": true
  int64_t late_starts = 0;  ///< requests that waited more than 1 ms for a free connection
  double elapsed = 0;
};

class Load;

/// One connection; works on one request at a time.
class Worker {
 public:
  Worker(Load& load, asio::io_context& context) : load_(load), socket_(context), timeout_(context) {}
  void begin(Clock::time_point due, const std::string& text);

 private:
  void connect();
  void write();
  void read();
  void done(int status);

  Load& load_;
  asio::ip::tcp::socket socket_;
  asio::steady_timer timeout_;
  boost::beast::flat_buffer buffer_;
  std::optional<beast_http::response_parser<beast_http::string_body>> parser_;
  const std::string* text_ = nullptr;
  Clock::time_point due_;
  bool fresh_ = false;
};

class Load {
 public:
  explicit Load(LoadOptions options);
  LoadResult run();

 private:
  friend class Worker;
  void plan();
  void on_due();
  void start_waiting();

  LoadOptions options_;
  asio::io_context context_{1};
  asio::steady_timer timer_{context_};
  std::vector<asio::ip::tcp::endpoint> endpoints_;
  std::vector<std::string> texts_;  ///< whole requests
  std::vector<Clock::time_point> due_;
  size_t next_ = 0;
  std::deque<size_t> waiting_;
  std::vector<std::unique_ptr<Worker>> workers_;
  std::vector<Worker*> free_;
  LoadResult result_;
};

void Worker::begin(Clock::time_point due, const std::string& text) {
  due_ = due;
  text_ = &text;
  timeout_.expires_after(std::chrono::milliseconds(load_.options_.timeout_ms));
  timeout_.async_wait([this](LoadError error) {
    LoadError ignored;
    if (!error) socket_.close(ignored);
  });
  fresh_ = !socket_.is_open();
  fresh_ ? connect() : write();
}

void Worker::connect() {
  fresh_ = true;
  buffer_.clear();
  asio::async_connect(socket_, load_.endpoints_, [this](LoadError error, const asio::ip::tcp::endpoint&) {
    if (error) return done(0);
    socket_.set_option(asio::ip::tcp::no_delay(true), error);
    write();
  });
}

void Worker::write() {
  asio::async_write(socket_, asio::buffer(*text_), [this](LoadError error, size_t) { error ? done(0) : read(); });
}

void Worker::read() {
  parser_.emplace();
  parser_->body_limit(boost::none);
  beast_http::async_read(socket_, buffer_, *parser_, [this](LoadError error, size_t) {
    done(error ? 0 : static_cast<int>(parser_->get().result_int()));
  });
}

void Worker::done(int status) {
  timeout_.cancel();
  LoadError ignored;
  if (status == 0 && !fresh_ && socket_.is_open() && (!parser_ || !parser_->got_some())) {
    socket_.close(ignored);  // a kept connection that the server had closed: once more
    parser_.reset();
    return begin(due_, *text_);
  }
  LoadResult& result = load_.result_;
  if (status == 0) {
    ++result.failed;
    socket_.close(ignored);
  } else {
    ++result.statuses[status];
    result.seconds.push_back(std::chrono::duration<double>(Clock::now() - due_).count());
    const std::string& body = parser_->get().body();
    if (body.find("\"degraded\"") != std::string::npos) {
      const auto json = nlohmann::json::parse(body, nullptr, false);
      if (json.is_object() && json.contains("degraded") && json["degraded"] == true) ++result.degraded;
    }
    if (!parser_->get().keep_alive()) socket_.close(ignored);
  }
  parser_.reset();
  load_.free_.push_back(this);
  load_.start_waiting();
}

Load::Load(LoadOptions options) : options_(std::move(options)) {
  const UrlParts url = split_url(options_.url);
  std::vector<std::string> bodies;
  if (!options_.bodies.empty()) {
    std::ifstream file(options_.bodies);
    for (std::string line; std::getline(file, line);) {
      if (!line.empty()) bodies.push_back(line);
    }
    TESSERA_CHECK(!bodies.empty(), data, "{}: holds no line to send", options_.bodies);
  }
  const bool has_bodies = !bodies.empty();
  if (!has_bodies) bodies.emplace_back();
  const std::string method = !options_.method.empty() ? options_.method : has_bodies ? "POST" : "GET";
  for (const std::string& body : bodies) {
    std::string text = fmt::format("{} {} HTTP/1.1\r\nHost: {}:{}\r\n", method, url.target, url.host, url.port);
    for (const std::string& header : options_.headers) text += header + "\r\n";
    if (has_bodies) text += fmt::format("Content-Type: application/json\r\nContent-Length: {}\r\n", body.size());
    texts_.push_back(text + "\r\n" + body);
  }
  LoadError error;
  const auto found = asio::ip::tcp::resolver(context_).resolve(url.host, std::to_string(url.port), error);
  TESSERA_CHECK(!error, io, "{}: cannot be resolved: {}", url.host, error.message());
  for (const auto& entry : found) endpoints_.push_back(entry.endpoint());
  for (int i = 0; i < options_.connections; ++i) {
    workers_.push_back(std::make_unique<Worker>(*this, context_));
    free_.push_back(workers_.back().get());
  }
}

void Load::plan() {
  Random random(options_.seed, "http_load");
  const auto start = Clock::now() + std::chrono::milliseconds(50);
  double at = 0;
  while (at < options_.seconds) {
    due_.push_back(start + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(at)));
    at += options_.poisson ? random.exponential() / options_.rate : 1 / options_.rate;
  }
}

void Load::on_due() {
  const auto now = Clock::now();
  while (next_ < due_.size() && due_[next_] <= now) waiting_.push_back(next_++);
  start_waiting();
  if (next_ == due_.size()) return;
  timer_.expires_at(due_[next_]);
  timer_.async_wait([this](LoadError error) {
    if (!error) on_due();
  });
}

void Load::start_waiting() {
  while (!waiting_.empty() && !free_.empty()) {
    const size_t request = waiting_.front();
    waiting_.pop_front();
    Worker* worker = free_.back();
    free_.pop_back();
    if (Clock::now() - due_[request] > std::chrono::milliseconds(1)) ++result_.late_starts;
    worker->begin(due_[request], texts_[request % texts_.size()]);
  }
}

LoadResult Load::run() {
  plan();
  on_due();
  context_.run();
  result_.elapsed = std::chrono::duration<double>(Clock::now() - due_.front()).count();
  std::sort(result_.seconds.begin(), result_.seconds.end());
  return std::move(result_);
}

double quantile_ms(const std::vector<double>& sorted, double q) {
  if (sorted.empty()) return 0;
  const auto rank = static_cast<size_t>(std::ceil(q * static_cast<double>(sorted.size())));
  return sorted[std::min(sorted.size() - 1, rank > 0 ? rank - 1 : 0)] * 1e3;
}

void print(const LoadOptions& options, const LoadResult& result) {
  const auto answered = static_cast<int64_t>(result.seconds.size());
  const double degraded = answered > 0 ? static_cast<double>(result.degraded) / static_cast<double>(answered) : 0.0;
  nlohmann::ordered_json json{{"url", options.url},
                              {"rate", options.rate},
                              {"poisson", options.poisson},
                              {"connections", options.connections},
                              {"answered", answered},
                              {"failed", result.failed},
                              {"requests_per_second", static_cast<double>(answered) / result.elapsed},
                              {"p50_ms", quantile_ms(result.seconds, 0.5)},
                              {"p95_ms", quantile_ms(result.seconds, 0.95)},
                              {"p99_ms", quantile_ms(result.seconds, 0.99)},
                              {"max_ms", quantile_ms(result.seconds, 1)},
                              {"late_starts", result.late_starts},
                              {"degraded_share", degraded}};
  for (const auto& [status, count] : result.statuses) json["statuses"][std::to_string(status)] = count;
  if (options.json) {
    std::puts(json.dump().c_str());
    return;
  }
  for (const auto& [name, value] : json.items()) std::printf("%-20s %s\n", name.c_str(), value.dump().c_str());
}

}  // namespace
}  // namespace tessera

int main(int argc, char** argv) {
  tessera::LoadOptions options;
  CLI::App app("Open-loop HTTP load: requests are due at fixed times, latency counts from then.");
  app.add_option("--url", options.url, "http://host:port/path")->required();
  app.add_option("--rate", options.rate, "requests a second")->check(CLI::Range(0.001, 1e6));
  app.add_option("--seconds", options.seconds, "how long requests are due")->check(CLI::Range(0.001, 86400.0));
  app.add_option("--connections", options.connections, "connections at most")->check(CLI::Range(1, 10000));
  app.add_option("--bodies", options.bodies, "file with one JSON body a line");
  app.add_option("--method", options.method, "POST with bodies, else GET");
  app.add_option("--header", options.headers, "e.g. \"X-API-Key: ...\"");
  app.add_option("--seed", options.seed, "of --poisson");
  app.add_option("--timeout-ms", options.timeout_ms, "for one request")->check(CLI::Range(1, 3600000));
  app.add_flag("--poisson", options.poisson, "exponential gaps instead of even ones");
  app.add_flag("--json", options.json, "one line of JSON");
  CLI11_PARSE(app, argc, argv);
  try {
    tessera::print(options, tessera::Load(options).run());
  } catch (const tessera::Error& error) {
    std::fprintf(stderr, "http_load: %s\n", error.what());
    return 1;
  }
  return 0;
}
