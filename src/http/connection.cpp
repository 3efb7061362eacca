#include "http/connection.h"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>

#include "http/compression.h"
#include "http/response_head.h"
#include "http/router.h"

namespace tessera {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

constexpr size_t kDiscardBytes = 64 << 10;  ///< a refused body up to this size is read, so that the connection lives on
constexpr int kLingerMs = 2000;

}  // namespace

Connection::Connection(IoCore& core, asio::ip::tcp::socket socket) : core_(core), socket_(std::move(socket)) {}

void Connection::start() {
  error_code error;
  socket_.non_blocking(true, error);
  if (!error) socket_.set_option(asio::ip::tcp::no_delay(true), error);
  const auto remote = error ? asio::ip::tcp::endpoint() : socket_.remote_endpoint(error);
  if (error) return close();
  peer_ = remote.address().to_string();
  set_deadline(core_.shared->options.idle_timeout_ms);
  wait_readable();
}

void Connection::set_deadline(int ms, size_t bytes) {
  set_deadline(Clock::now(), ms, bytes);
}

void Connection::set_deadline(Clock::time_point from, int ms, size_t bytes) {
  const int64_t rate = std::max(1, core_.shared->options.min_bytes_per_second);
  deadline_ = from + std::chrono::milliseconds(ms + static_cast<int64_t>(bytes) * 1000 / rate);
}

void Connection::on_late() {
  deadline_ = Clock::time_point::max();
  switch (state_) {
    case State::idle:
    case State::writing:
    case State::lingering:
      return close();
    case State::reading:
      keep_alive_ = false;
      return answer_failure({ProblemCode::request_timeout, "The request did not arrive in time.", "", 0});
    case State::waiting:
      ++number_;
      return answer({Problem{ProblemCode::deadline_exceeded, "The answer was not ready in time.", "", 1}}, false);
    case State::closed:
      return;
  }
}

void Connection::close_if_idle() {
  error_code error;
  if (state_ == State::lingering) set_deadline(200);
  if (state_ == State::idle && socket_.available(error) == 0) close();
}

void Connection::close() {
  if (state_ == State::closed) return;
  const bool had_request = state_ == State::reading || state_ == State::waiting || state_ == State::writing;
  state_ = State::closed;
  if (had_request) finish_exchange(true);
  error_code ignored;
  socket_.close(ignored);
  core_.forget(shared_from_this());
}

void Connection::wait_readable() {
  socket_.async_wait(asio::ip::tcp::socket::wait_read, [self = shared_from_this()](error_code error) {
    if (self->state_ == State::closed) return;
    if (error) return self->close();
    try {
      self->on_readable();
    } catch (const std::exception&) {  // no memory
      self->close();
    }
  });
}

void Connection::on_readable() {
  // A timeout may have begun an answer while this wait was under way.
  if (state_ == State::waiting || state_ == State::writing) return;
  error_code error;
  std::vector<char>& scratch = core_.scratch;
  const size_t count = socket_.read_some(asio::buffer(scratch), error);
  if (error == asio::error::would_block || error == asio::error::try_again) return wait_readable();
  if (error) return close();
  if (state_ == State::lingering) return wait_readable();
  if (inbox_.empty()) {
    const std::string_view bytes(scratch.data(), count);
    const size_t used = consume(bytes);
    if (used < count) inbox_.assign(bytes.substr(used));
    if (state_ == State::idle || state_ == State::reading) wait_readable();
  } else {
    inbox_.append(scratch.data(), count);
    drain_inbox();
  }
}

void Connection::drain_inbox() {
  const size_t used = consume(inbox_);
  inbox_.erase(0, used);
  if (inbox_.empty()) std::string().swap(inbox_);
  if (state_ == State::idle || state_ == State::reading) wait_readable();
}

void Connection::begin_request() {
  const ServerOptions& options = core_.shared->options;
  state_ = State::reading;
  reader_.emplace(options.limits);
  admission_ = {};
  exchange_ = {};
  exchange_.peer = peer_;
  request_start_ = Clock::now();
  keep_alive_ = is_head_ = takes_gzip_ = http_1_0_ = false;
  path_.clear();
  set_deadline(options.header_timeout_ms);
}

size_t Connection::consume(std::string_view bytes) {
  size_t used = 0;
  if (state_ == State::idle) begin_request();
  while (state_ == State::reading) {
    const size_t taken = reader_->feed(bytes.substr(used));
    used += taken;
    exchange_.bytes_in += static_cast<int64_t>(taken);
    switch (reader_->state()) {
      case RequestReader::State::head:
        return used;
      case RequestReader::State::headed:
        on_head();
        if (reader_->expects_continue() && used == bytes.size() && reader_->state() == RequestReader::State::body) {
          continue_body();
          return used;
        }
        break;
      case RequestReader::State::body:
        if (!account_body()) return used;
        set_deadline(request_start_, core_.shared->options.body_timeout_ms, static_cast<size_t>(exchange_.bytes_in));
        return used;
      case RequestReader::State::done:
        if (account_body()) dispatch();
        return used;
      case RequestReader::State::failed:
        answer_failure(reader_->problem());
        return used;
    }
  }
  return used;
}

void Connection::on_head() {
  HttpRequest& request = reader_->request();
  const ServerOptions& options = core_.shared->options;
  request_start_ = request.start;
  request.peer = peer_;
  if (request.request_id.empty()) request.request_id = make_request_id();
  keep_alive_ = reader_->keep_alive();
  http_1_0_ = reader_->is_http_1_0();
  is_head_ = request.method == "HEAD";
  takes_gzip_ = accepts_gzip(request.headers.get("Accept-Encoding"));
  exchange_.method = request.method;
  exchange_.target = request.target;
  exchange_.request_id = request.request_id;
  exchange_.user_agent = request.headers.get("User-Agent");
  path_ = request.path;
  admit(request);
  exchange_.route = request.route;
  exchange_.key_id = request.identity.key_id;
  set_deadline(options.body_timeout_ms);
  if (admission_.early && refuse_body()) return answer(std::move(*admission_.early), true);
  reader_->accept_body(admission_.early ? kDiscardBytes : admission_.body_limit);
}

void Connection::admit(HttpRequest& request) {
  ServerShared& shared = *core_.shared;
  try {
    if (shared.handlers.admit) admission_ = shared.handlers.admit(request);
  } catch (const std::exception& error) {
    admission_.early = HttpResponse(problem_of(error));
  }
  const bool overloaded = shared.counters->in_flight.load(std::memory_order_relaxed) >= shared.options.max_in_flight;
  if (!admission_.early && overloaded && !admission_.even_when_overloaded) {
    admission_.early = HttpResponse(Problem{
        ProblemCode::overloaded, fmt::format("{} requests are being worked on.", shared.options.max_in_flight), "", 1});
  }
}

/// Whether the body of a request that is answered early cannot just be read over.
bool Connection::refuse_body() {
  if (!reader_->has_body()) return false;
  return reader_->expects_continue() || reader_->body_length().value_or(kDiscardBytes + 1) > kDiscardBytes ||
         !content_encoding_from(reader_->request().headers.get("Content-Encoding"));
}

void Connection::continue_body() {
  static constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
  // Not `reading` meanwhile: a timeout must not begin an answer beside this write.
  state_ = State::writing;
  asio::async_write(socket_, asio::buffer(kContinue.data(), kContinue.size()),
                    [self = shared_from_this()](error_code error, size_t) {
                      if (self->state_ == State::closed) return;
                      if (error) return self->close();
                      self->state_ = State::reading;
                      self->wait_readable();
                    });
}

/// Counts the body's bytes. @return false if there are too many of all connections; then the answer is under way
bool Connection::account_body() {
  ServerShared& shared = *core_.shared;
  const auto size = static_cast<int64_t>(reader_->request().body.size());
  const int64_t more = size - body_accounted_;
  if (more == 0) return true;
  body_accounted_ = size;
  const int64_t total = shared.counters->body_bytes.fetch_add(more) + more;
  if (total <= static_cast<int64_t>(shared.options.max_body_memory)) return true;
  answer_failure({ProblemCode::overloaded, "The bodies of all requests together need too much memory.", "", 1});
  return false;
}

void Connection::dispatch() {
  if (admission_.early) return answer(std::move(*admission_.early), false);
  state_ = State::waiting;
  HttpRequest request = std::move(reader_->request());
  const int own_ms = admission_.deadline_ms;
  set_deadline(own_ms > 0 ? own_ms : core_.shared->options.request_deadline_ms);
  request.deadline = deadline_;
  const uint64_t number = ++number_;
  wanted_ = std::make_shared<std::atomic<bool>>(true);
  core_.shared->counters->in_flight.fetch_add(1);
  // The core outlives every reply; what is queued in it holds no reference to it, so it can go once the last reply
  // does.
  Reply reply(
      [core = core_.shared_from_this(), weak = weak_from_this(), number](std::optional<HttpResponse> response) {
        core->shared->counters->in_flight.fetch_sub(1);
        const bool here = response && core->context.get_executor().running_in_this_thread();
        auto deliver = [weak, number, response = std::move(response)]() mutable {
          if (const auto self = weak.lock()) self->on_reply(number, std::move(response));
        };
        if (here) return deliver();
        asio::post(core->context, std::move(deliver));
      },
      wanted_);
  try {
    core_.shared->handlers.handle(std::move(request), std::move(reply));
  } catch (const std::exception& error) {
    on_reply(number, HttpResponse(problem_of(error)));
  }
}

void Connection::on_reply(uint64_t number, std::optional<HttpResponse> response) {
  if (state_ != State::waiting || number != number_) return;
  if (!response) {
    response = HttpResponse(Problem{ProblemCode::internal_error, "", "", 0, "the handler dropped the reply"});
  }
  answer(std::move(*response), false);
}

void Connection::answer_failure(const Problem& problem) {
  if (exchange_.request_id.empty()) {
    // The head was not read to its end: what is known of it is in the reader.
    HttpRequest& request = reader_->request();
    exchange_.method = request.method;
    exchange_.target = request.target;
    exchange_.request_id = request.request_id.empty() ? make_request_id() : request.request_id;
    path_ = request.target.substr(0, request.target.find('?'));
  }
  answer(HttpResponse(problem), true);
}

void Connection::answer(HttpResponse response, bool close_after) {
  const ServerShared& shared = *core_.shared;
  if (wanted_) wanted_->store(false, std::memory_order_relaxed);
  wanted_.reset();
  state_ = State::writing;
  close_after_ = close_after || !keep_alive_ || shared.stopping.load(std::memory_order_relaxed);
  if (response.problem) {
    const Problem& problem = *response.problem;
    response.status = problem.status();
    response.content_type = "application/problem+json";
    response.body = render_problem(problem, path_, exchange_.request_id);
    exchange_.problem = problem.name();
    exchange_.private_detail = problem.private_detail;
    if (problem.retry_after_s > 0) response.headers.set("Retry-After", std::to_string(problem.retry_after_s));
  }
  if (response.status < 200 || response.status > 599) response.status = 500;
  if (response.status == 401 && !response.headers.has("WWW-Authenticate")) {
    response.headers.add("WWW-Authenticate", "Bearer");
  }
  for (NameValue& field : admission_.headers) response.headers.add(std::move(field.name), std::move(field.value));
  if (has_no_body(response.status)) response.body.clear();
  compress(response);
  head_out_ = response_head(response, {core_.date, exchange_.request_id, !close_after_, http_1_0_});
  body_out_ = is_head_ ? std::string() : std::move(response.body);
  exchange_.status = response.status;
  exchange_.bytes_out = static_cast<int64_t>(head_out_.size() + body_out_.size());
  set_deadline(shared.options.write_timeout_ms, head_out_.size() + body_out_.size());
  const std::array<asio::const_buffer, 2> buffers{asio::buffer(head_out_), asio::buffer(body_out_)};
  asio::async_write(socket_, buffers, [self = shared_from_this()](error_code error, size_t) {
    if (self->state_ == State::closed) return;
    try {
      self->on_written(!error);
    } catch (const std::exception&) {  // no memory
      self->close();
    }
  });
}

void Connection::compress(HttpResponse& response) const {
  const ServerOptions& options = core_.shared->options;
  if (response.body.size() <= options.gzip_min_bytes || response.headers.has("Content-Encoding") ||
      !is_compressible(response.content_type)) {
    return;
  }
  response.headers.add("Vary", "Accept-Encoding");
  if (!takes_gzip_ || response.body.size() > options.gzip_max_bytes) return;
  response.body = gzip(response.body, options.gzip_level);
  response.headers.add("Content-Encoding", "gzip");
}

void Connection::on_written(bool whole) {
  if (!whole) return close();
  finish_exchange(false);
  head_out_.clear();
  std::string().swap(body_out_);
  reader_.reset();
  if (close_after_) return linger();
  state_ = State::idle;
  set_deadline(core_.shared->options.idle_timeout_ms);
  if (!inbox_.empty()) return drain_inbox();
  if (core_.shared->stopping) return close();
  wait_readable();
}

void Connection::finish_exchange(bool broken) {
  ServerShared& shared = *core_.shared;
  if (body_accounted_ != 0) shared.counters->body_bytes.fetch_sub(body_accounted_);
  body_accounted_ = 0;
  if (wanted_) wanted_->store(false, std::memory_order_relaxed);
  wanted_.reset();
  if (!shared.handlers.finished || (exchange_.request_id.empty() && exchange_.status == 0)) return;
  exchange_.broken = broken;
  exchange_.seconds = std::chrono::duration<double>(Clock::now() - request_start_).count();
  try {
    shared.handlers.finished(exchange_);
  } catch (const std::exception&) {  // the answer is out: a failing log must not take the connection down
    return;
  }
}

/// Closes without destroying the answer: bytes that arrive after a plain close would make the kernel throw it away.
void Connection::linger() {
  state_ = State::lingering;
  set_deadline(core_.shared->stopping ? 200 : kLingerMs);
  error_code error;
  socket_.shutdown(asio::ip::tcp::socket::shutdown_send, error);
  if (error) return close();
  std::string().swap(inbox_);
  wait_readable();
}

}  // namespace tessera
