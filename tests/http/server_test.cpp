#include "http/server.h"

#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <nlohmann/json.hpp>
#include <thread>

#include "base/random.h"
#include "base/temporary_folder.h"
#include "http/client.h"
#include "http/compression.h"
#include "http/raw_socket.h"

namespace tessera {
namespace {

using std::chrono::milliseconds;
using test::body_of;
using test::expect_error;
using test::RawSocket;
using test::status_of;

/// Answers on another thread, as a batching service does.
class LateAnswers {
 public:
  LateAnswers() : thread_([this] { run(); }) {}
  ~LateAnswers() {
    {
      const std::lock_guard lock(mutex_);
      stop_ = true;
    }
    changed_.notify_all();
    thread_.join();
  }
  void push(std::function<void()> work) {
    {
      const std::lock_guard lock(mutex_);
      queue_.push_back(std::move(work));
    }
    changed_.notify_all();
  }

 private:
  void run() {
    std::unique_lock lock(mutex_);
    while (true) {
      changed_.wait(lock, [&] { return stop_ || !queue_.empty(); });
      if (queue_.empty()) return;
      std::vector<std::function<void()>> work;
      work.swap(queue_);
      lock.unlock();
      for (auto& item : work) item();
      work.clear();
      lock.lock();
    }
  }
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::function<void()>> queue_;
  bool stop_ = false;
  std::thread thread_;
};

/// What the test server does with paths: /echo body, /late body from another thread, /never, /drop, /throw, /big.
class TestServer {
 public:
  explicit TestServer(ServerOptions options = {}) {
    HttpHandlers handlers;
    handlers.admit = [](HttpRequest& request) {
      Admission admission;
      if (request.path == "/refuse") admission.early = Problem{ProblemCode::unauthorized, "no", "", 0};
      if (request.path == "/small") admission.body_limit = 10;
      if (request.path == "/health") admission.even_when_overloaded = true;
      if (request.path == "/admit-throws") throw std::runtime_error("secret /etc/path");
      return admission;
    };
    handlers.handle = [this](HttpRequest request, Reply reply) { handle(std::move(request), std::move(reply)); };
    handlers.finished = [this](const HttpExchange& exchange) {
      const std::lock_guard lock(mutex);
      finished.push_back(exchange);
    };
    server = std::make_unique<HttpServer>(std::move(options), std::move(handlers));
    server->start();
  }
  ~TestServer() {
    release();
    server.reset();
  }
  int port() const { return server->port(); }
  HttpClient client() const { return HttpClient({.port = port(), .timeout_ms = 20'000}); }
  RawSocket raw() const { return RawSocket(port()); }
  void release() {
    std::vector<Reply> replies;
    const std::lock_guard lock(mutex);
    replies.swap(held);
  }
  size_t num_held() {
    const std::lock_guard lock(mutex);
    return held.size();
  }
  std::vector<HttpExchange> exchanges() {
    const std::lock_guard lock(mutex);
    return finished;
  }

  std::unique_ptr<HttpServer> server;
  std::mutex mutex;
  std::vector<Reply> held;
  std::vector<HttpExchange> finished;

 private:
  void handle(HttpRequest request, Reply reply) {
    if (request.path == "/late") {
      auto shared = std::make_shared<Reply>(std::move(reply));
      late_.push([shared, body = request.body]() mutable { shared->send(HttpResponse(200, body, "text/plain")); });
    } else if (request.path == "/never") {
      const std::lock_guard lock(mutex);
      held.push_back(std::move(reply));
    } else if (request.path == "/drop") {
      return;
    } else if (request.path == "/throw") {
      fail(ErrorKind::io, "/secret/file: full");
    } else if (request.path == "/throw-data") {
      fail(ErrorKind::data, "item 7 has no title");
    } else if (request.path == "/big") {
      reply.send(HttpResponse(
          200, std::string(static_cast<size_t>(std::stoul(std::string(request.query.get("n")))), 'x'), "text/plain"));
    } else if (request.path == "/inject") {
      HttpResponse response(200, "{}");
      response.headers.add("X-Evil", "a\r\nX-Other: b");
      reply.send(std::move(response));
    } else {
      reply.send(HttpResponse(200, request.body, "text/plain"));
    }
  }
  LateAnswers late_;
};

std::string request_text(std::string_view method, std::string_view target, std::string_view body = "",
                         std::string_view headers = "") {
  std::string text = fmt::format("{} {} HTTP/1.1\r\nHost: localhost\r\n{}", method, target, headers);
  if (!body.empty()) text += fmt::format("Content-Length: {}\r\n", body.size());
  return text + "\r\n" + std::string(body);
}

TEST(HttpServer, AnswersAndKeepsTheConnection) {
  TestServer test;
  HttpClient client = test.client();
  for (int i = 0; i < 20; ++i) {
    const std::string body = fmt::format("hello {}", i);
    const HttpResponse response = client.post(i % 2 == 0 ? "/echo" : "/late", body);
    EXPECT_EQ(response.status, 200);
    EXPECT_EQ(response.body, body);
    EXPECT_EQ(response.headers.get("X-Request-ID").size(), 32u);
  }
  EXPECT_EQ(test.server->counters()->accepted, 1);
}

TEST(HttpServer, ReadsByteByByte) {
  TestServer test;
  RawSocket socket = test.raw();
  const std::string text = request_text("POST", "/echo", "abc") +
                           "POST /late HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" +
                           "3;ext=\"1\"\r\nabc\r\n2\r\nde\r\n0\r\nTrailer: x\r\n\r\n" + request_text("GET", "/echo");
  for (const char c : text) ASSERT_TRUE(socket.send({&c, 1}));
  EXPECT_EQ(body_of(socket.read_answer()), "abc");
  EXPECT_EQ(body_of(socket.read_answer()), "abcde");
  EXPECT_EQ(status_of(socket.read_answer()), 200);
}

TEST(HttpServer, AnswersPipelinedRequestsInOrder) {
  TestServer test;
  RawSocket socket = test.raw();
  std::string text;
  for (int i = 0; i < 500; ++i) text += request_text("POST", i % 3 == 0 ? "/late" : "/echo", std::to_string(i));
  std::thread sender([&] { socket.send(text); });
  for (int i = 0; i < 500; ++i) ASSERT_EQ(body_of(socket.read_answer()), std::to_string(i));
  sender.join();
}

TEST(HttpServer, ClosesWhenAsked) {
  TestServer test;
  RawSocket socket = test.raw();
  socket.send(request_text("GET", "/echo", "", "Connection: close\r\n") + request_text("GET", "/echo"));
  const std::string all = socket.read_all();
  EXPECT_EQ(status_of(all), 200);
  EXPECT_NE(all.find("Connection: close\r\n"), std::string::npos);
  EXPECT_EQ(all.find("HTTP/1.1", 8), std::string::npos) << "one answer only";
  EXPECT_TRUE(socket.is_closed());

  RawSocket old = test.raw();
  old.send("GET /echo HTTP/1.0\r\n\r\n");
  EXPECT_EQ(status_of(old.read_answer()), 200);
  EXPECT_TRUE(old.is_closed());
  RawSocket kept = test.raw();
  kept.send("GET /echo HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  EXPECT_NE(kept.read_answer().find("Connection: keep-alive\r\n"), std::string::npos);
  kept.send("GET /echo HTTP/1.0\r\n\r\n");
  EXPECT_EQ(status_of(kept.read_answer()), 200);
}

TEST(HttpServer, HeadHasTheLengthAndNoBody) {
  TestServer test;
  RawSocket socket = test.raw();
  socket.send(request_text("HEAD", "/big?n=100") + request_text("GET", "/big?n=3"));
  const std::string head = socket.read_answer(true);
  EXPECT_NE(head.find("Content-Length: 100\r\n"), std::string::npos);
  EXPECT_EQ(body_of(socket.read_answer()), "xxx");
}

TEST(HttpServer, SaysContinueBeforeTheBodyAndOnlyIfItIsWelcome) {
  TestServer test;
  RawSocket socket = test.raw();
  socket.send("POST /echo HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n");
  EXPECT_EQ(status_of(socket.read_answer(true)), 100);
  socket.send("hello");
  EXPECT_EQ(body_of(socket.read_answer()), "hello");
  socket.send("POST /refuse HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n");
  EXPECT_EQ(status_of(socket.read_answer()), 401);
  EXPECT_TRUE(socket.is_closed());
  RawSocket other = test.raw();
  other.send("POST /echo HTTP/1.1\r\nHost: x\r\nExpect: 200-ok\r\nContent-Length: 5\r\n\r\n");
  EXPECT_EQ(status_of(other.read_answer()), 417);
}

TEST(HttpServer, RefusesMalformedRequests) {
  TestServer test;
  const std::vector<std::pair<std::string, int>> cases{
      {"\x16\x03\x01 TLS\r\n\r\n", 400},
      {"GET\r\n\r\n", 400},
      {"GET /x HTTP/9.9\r\nHost: x\r\n\r\n", 400},
      {"GET /x HTTP/1.1\r\n\r\n", 400},
      {"GET /x HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400},
      {"GET x HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"GET /%ff HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"GET /a%00b HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"GET /x?a=%f HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"GET /x HTTP/1.1\r\nHost: a\r\nBad Name: b\r\n\r\n", 400},
      {"GET /x HTTP/1.1\r\nHost a\r\n\r\n", 400},
      {"POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", 400},
      {"POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", 400},
      {"POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
      {"POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n", 400},
      {"POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 400},
      {"POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 400},
      {"POST /x HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
      {"POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400},
      {"POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n", 400},
      {"POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n", 400},
      {"POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1;" + std::string(20'000, 'x'), 400},
      {"POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n" + std::string(20'000, 'x'), 400},
      {"POST /x HTTP/1.1\r\nHost: a\r\nContent-Encoding: br\r\nContent-Length: 3\r\n\r\nabc", 415},
      {"POST /x HTTP/1.1\r\nHost: a\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc", 400},
      {"POST /x HTTP/1.1\r\nHost: a\r\nContent-Encoding: zstd\r\nContent-Length: 5\r\n\r\nabcde", 400},
      {"POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999\r\n\r\n", 413},
      {"POST /small HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\n", 413},
      {"GET /" + std::string(9000, 'a') + " HTTP/1.1\r\nHost: a\r\n\r\n", 414},
      {"GET /" + std::string(30'000, 'a'), 414},
      {"GET /x HTTP/1.1\r\nHost: a\r\nX: " + std::string(30'000, 'a'), 431},
      {"GET /x HTTP/1.1\r\nHost: a\r\n" + std::string(200 * 6, 'a'), 0},
  };
  for (const auto& [text, status] : cases) {
    if (status == 0) continue;
    RawSocket socket = test.raw();
    socket.send(text);
    const std::string answer = socket.read_answer();
    EXPECT_EQ(status_of(answer), status) << text.substr(0, 100) << " -> " << answer;
    const auto problem = nlohmann::json::parse(body_of(answer), nullptr, false);
    ASSERT_TRUE(problem.is_object()) << answer;
    EXPECT_EQ(problem["status"], status);
    EXPECT_EQ(problem["type"], "/problems/" + problem["code"].get<std::string>());
    EXPECT_FALSE(problem["request_id"].get<std::string>().empty());
    EXPECT_TRUE(socket.is_closed()) << text.substr(0, 100);
  }
  std::string many = "GET /x HTTP/1.1\r\nHost: a\r\n";
  for (int i = 0; i < 200; ++i) many += fmt::format("X{}: 1\r\n", i);
  RawSocket socket = test.raw();
  socket.send(many + "\r\n");
  EXPECT_EQ(status_of(socket.read_answer()), 431);
}

TEST(HttpServer, TakesCompressedBodiesAndRefusesBombs) {
  ServerOptions options;
  options.limits.body_bytes = 100'000;
  TestServer test(options);
  HttpClient client = test.client();
  HttpHeaders headers;
  headers.add("Content-Encoding", "gzip");
  const std::string text(50'000, 'a');
  EXPECT_EQ(client.send("POST", "/echo", gzip(text, 6), headers).body, text);
  EXPECT_EQ(client.send("POST", "/echo", gzip("one", 6) + gzip("two", 6), headers).body, "onetwo");
  const HttpResponse bomb = client.send("POST", "/echo", gzip(std::string(50'000'000, 'a'), 9), headers);
  EXPECT_EQ(bomb.status, 413);
  const std::string cut = gzip(text, 6);
  EXPECT_EQ(client.send("POST", "/echo", cut.substr(0, cut.size() - 9), headers).status, 400);
}

TEST(HttpServer, CompressesLargeAnswersWhenAccepted) {
  TestServer test;
  HttpClient plain = test.client();
  HttpResponse response = plain.get("/big?n=5000");
  EXPECT_FALSE(response.headers.has("Content-Encoding"));
  EXPECT_EQ(response.headers.get("Vary"), "Accept-Encoding");
  HttpClient compressed({.port = test.port(), .accept_gzip = true});
  response = compressed.get("/big?n=5000");
  EXPECT_EQ(response.headers.get("Content-Encoding"), "gzip");
  EXPECT_EQ(response.body, std::string(5000, 'x'));
  EXPECT_FALSE(compressed.get("/big?n=1024").headers.has("Content-Encoding"));
  EXPECT_TRUE(compressed.get("/big?n=1025").headers.has("Content-Encoding"));
}

TEST(HttpServer, TurnsFailuresIntoProblems) {
  TestServer test;
  HttpClient client = test.client();
  const HttpResponse dropped = client.get("/drop");
  EXPECT_EQ(dropped.status, 500);
  EXPECT_EQ(dropped.content_type, "application/problem+json");
  const HttpResponse thrown = client.get("/throw");
  EXPECT_EQ(thrown.status, 500);
  EXPECT_EQ(thrown.body.find("secret"), std::string::npos) << thrown.body;
  const HttpResponse data = client.get("/throw-data");
  EXPECT_EQ(data.status, 422);
  EXPECT_NE(data.body.find("item 7 has no title"), std::string::npos);
  EXPECT_EQ(client.get("/admit-throws").status, 500);
  EXPECT_EQ(client.get("/refuse").status, 401);
  EXPECT_EQ(client.post("/refuse", "small body").status, 401) << "read over";
  EXPECT_EQ(client.get("/inject").headers.get("X-Other"), "");
  EXPECT_EQ(test.server->counters()->accepted, 1) << "all on one connection";
  bool logged = false;
  for (const HttpExchange& exchange : test.exchanges()) {
    logged = logged || exchange.private_detail == "/secret/file: full";
  }
  EXPECT_TRUE(logged);
}

TEST(HttpServer, EndsSlowRequestsAndIdleConnections) {
  ServerOptions options;
  options.header_timeout_ms = 200;
  options.idle_timeout_ms = 300;
  options.body_timeout_ms = 200;
  options.request_deadline_ms = 200;
  TestServer test(options);
  RawSocket idle = test.raw();
  RawSocket loris = test.raw();
  for (const char c : std::string("GET / HTTP/1.1\r\nHost: a\r\nX: ")) {
    if (!loris.send({&c, 1})) break;
    std::this_thread::sleep_for(milliseconds(20));
  }
  EXPECT_EQ(status_of(loris.read_answer()), 408);
  EXPECT_TRUE(loris.is_closed());
  EXPECT_TRUE(idle.is_closed());
  RawSocket body = test.raw();
  body.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n");
  for (int i = 0; i < 40 && body.send("x"); ++i) std::this_thread::sleep_for(milliseconds(10));
  EXPECT_EQ(status_of(body.read_answer()), 408);
  RawSocket late = test.raw();
  late.send(request_text("GET", "/never") + request_text("POST", "/echo", "next"));
  const std::string answer = late.read_answer();
  EXPECT_EQ(status_of(answer), 503);
  EXPECT_NE(answer.find("Retry-After: 1\r\n"), std::string::npos);
  EXPECT_NE(answer.find("deadline_exceeded"), std::string::npos);
  EXPECT_EQ(body_of(late.read_answer()), "next");
  EXPECT_FALSE(test.held.at(0).wanted());
  EXPECT_TRUE(test.held.at(0).send(HttpResponse(200, "too late")));
  EXPECT_FALSE(test.held.at(0).send(HttpResponse(200, "twice")));
  RawSocket again = test.raw();
  again.send(request_text("POST", "/echo", "alive"));
  EXPECT_EQ(body_of(again.read_answer()), "alive");
}

TEST(HttpServer, RefusesMoreThanItCanDo) {
  ServerOptions options;
  options.max_in_flight = 2;
  TestServer test(options);
  RawSocket first = test.raw(), second = test.raw();
  first.send(request_text("GET", "/never"));
  second.send(request_text("GET", "/never"));
  for (int i = 0; i < 500 && test.num_held() < 2; ++i) std::this_thread::sleep_for(milliseconds(2));
  HttpClient client = test.client();
  const HttpResponse refused = client.get("/echo");
  EXPECT_EQ(refused.status, 503);
  EXPECT_EQ(refused.headers.get("Retry-After"), "1");
  EXPECT_EQ(client.get("/health").status, 200);
  test.release();
  EXPECT_EQ(status_of(first.read_answer()), 500) << "dropped";
  EXPECT_EQ(client.get("/echo").status, 200);
}

TEST(HttpServer, LimitsConnectionsAndBodyMemory) {
  ServerOptions options;
  options.max_connections = 3;
  options.max_body_memory = 1000;
  TestServer test(options);
  std::vector<RawSocket> sockets;
  for (int i = 0; i < 3; ++i) {
    sockets.push_back(test.raw());
    sockets.back().send(request_text("GET", "/echo"));
    EXPECT_EQ(status_of(sockets.back().read_answer()), 200);
  }
  RawSocket fourth = test.raw();
  EXPECT_EQ(status_of(fourth.read_answer()), 503);
  EXPECT_TRUE(fourth.is_closed());
  sockets.pop_back();
  for (int i = 0; i < 500 && test.server->counters()->connections > 2; ++i)
    std::this_thread::sleep_for(milliseconds(2));
  HttpClient client = test.client();
  EXPECT_EQ(client.post("/echo", std::string(900, 'a')).status, 200);
  EXPECT_EQ(client.post("/echo", std::string(1100, 'a')).status, 503);
  EXPECT_EQ(test.server->counters()->body_bytes, 0);
}

TEST(HttpServer, NamesTheAddressItCannotBind) {
  TestServer test;
  ServerOptions options;
  options.port = test.port();
  HttpServer second(options, {nullptr, [](HttpRequest, Reply) {}, nullptr});
  expect_error(ErrorKind::io, fmt::format("127.0.0.1 port {} cannot be bound: Address already in use", test.port()),
               [&] { second.start(); });
  options.address = "shop.example";
  expect_error(ErrorKind::config, "is no address to listen on", [&] {
    HttpServer(options, {nullptr, [](HttpRequest, Reply) {}, nullptr});
  });
  options.address = "127.0.0.1";
  options.io_threads = 0;
  expect_error(ErrorKind::config, "io_threads is 0", [&] {
    HttpServer(options, {nullptr, [](HttpRequest, Reply) {}, nullptr});
  });
  expect_error(ErrorKind::config, "no handler", [] { HttpServer({}, {}); });
}

TEST(HttpServer, StopsGracefully) {
  TestServer test;
  RawSocket idle = test.raw(), busy = test.raw();
  idle.send(request_text("GET", "/echo"));
  EXPECT_EQ(status_of(idle.read_answer()), 200);
  busy.send(request_text("GET", "/never"));
  for (int i = 0; i < 500 && test.num_held() < 1; ++i) std::this_thread::sleep_for(milliseconds(2));
  std::thread stopping([&] { test.server->stop(milliseconds(10'000)); });
  EXPECT_TRUE(idle.is_closed());
  EXPECT_THROW(RawSocket(test.port()), std::runtime_error) << "nobody listens";
  test.held.at(0).send(HttpResponse(200, "{\"done\":1}"));
  const std::string answer = busy.read_answer();
  EXPECT_EQ(body_of(answer), "{\"done\":1}");
  EXPECT_NE(answer.find("Connection: close"), std::string::npos);
  busy.close();
  stopping.join();
  EXPECT_EQ(test.server->counters()->connections, 0);
}

TEST(HttpServer, StopsThoughRepliesAreHeld) {
  auto test = std::make_unique<TestServer>();
  RawSocket busy = test->raw();
  busy.send(request_text("GET", "/never"));
  for (int i = 0; i < 500 && test->num_held() < 1; ++i) std::this_thread::sleep_for(milliseconds(2));
  test->server->stop(milliseconds(50));
  EXPECT_EQ(busy.read_answer(), "");
  std::vector<Reply> held;
  held.swap(test->held);
  test->server.reset();
  EXPECT_FALSE(held[0].wanted());
  EXPECT_TRUE(held[0].send(HttpResponse(200, "nobody hears")));
}

TEST(HttpServer, SurvivesAbruptCloses) {
  TestServer test;
  Random random(7, "abrupt");
  const std::string text = request_text("POST", "/late", std::string(2000, 'b'));
  for (int i = 0; i < 200; ++i) {
    RawSocket socket = test.raw();
    socket.send(std::string_view(text).substr(0, random.below(text.size() + 1)));
    if (random.chance(0.3)) socket.send(request_text("GET", "/big?n=3000000"));
    if (random.chance(0.5)) socket.reset();
  }
  HttpClient client = test.client();
  EXPECT_EQ(client.post("/echo", "alive").body, "alive");
}

TEST(HttpServer, SurvivesRandomBytes) {
  TestServer test;
  Random random(11, "bytes");
  const std::string seed = request_text("POST", "/echo?a=b&c=%41", "body", "X-Request-ID: r1\r\nAccept: */*\r\n") +
                           "POST /late HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
  for (int i = 0; i < 300; ++i) {
    std::string text = seed;
    const uint64_t edits = random.below(6);
    for (uint64_t k = 0; k < edits; ++k) {
      const size_t at = random.below(text.size());
      if (random.chance(0.3)) {
        text.erase(at, random.below(10));
      } else if (random.chance(0.5)) {
        text.insert(at, 1, static_cast<char>(random.below(256)));
      } else {
        text[at] = static_cast<char>(random.below(256));
      }
      if (text.empty()) text.assign(1, 'G');
    }
    RawSocket socket = test.raw();
    socket.send(text);
    socket.finish_sending();
    const std::string all = socket.read_all();
    EXPECT_TRUE(all.empty() || status_of(all) != 0) << all.substr(0, 50);
  }
  EXPECT_EQ(test.client().post("/echo", "alive").body, "alive");
}

TEST(HttpServer, GivesTheRequestIdBack) {
  TestServer test;
  HttpClient client = test.client();
  HttpHeaders headers;
  headers.add("X-Request-ID", "shop-1:42");
  EXPECT_EQ(client.send("GET", "/echo", "", headers).headers.get("X-Request-ID"), "shop-1:42");
  headers.set("X-Request-ID", "bad id \"<>");
  EXPECT_EQ(client.send("GET", "/echo", "", headers).headers.get("X-Request-ID").size(), 32u);
}

TEST(HttpServer, Answers64ClientsAtOnce) {
  TestServer test;
  std::atomic<int> right{0};
  std::vector<std::thread> clients;
  for (int c = 0; c < 64; ++c) {
    clients.emplace_back([&, c] {
      HttpClient client = test.client();
      for (int i = 0; i < 20; ++i) {
        const std::string body = fmt::format("{}/{}", c, i);
        right += client.post(i % 2 == 0 ? "/late" : "/echo", body).body == body ? 1 : 0;
      }
    });
  }
  for (std::thread& client : clients) client.join();
  EXPECT_EQ(right, 64 * 20);
}

TEST(HttpServer, ThousandIdleConnectionsStarveNobody) {
  raise_open_files(8192);
  TestServer test;
  std::vector<RawSocket> idle;
  for (int i = 0; i < 1000; ++i) {
    idle.push_back(test.raw());
    if (i % 2 == 0) {  // half of them have spoken once
      idle.back().send(request_text("GET", "/echo"));
      ASSERT_EQ(status_of(idle.back().read_answer()), 200);
    }
  }
  std::atomic<int> right{0};
  std::vector<std::thread> clients;
  for (int c = 0; c < 64; ++c) {
    clients.emplace_back([&, c] {
      HttpClient client = test.client();
      for (int i = 0; i < 30; ++i) {
        const std::string body = fmt::format("{}/{}", c, i);
        right += client.post("/late", body).body == body ? 1 : 0;
      }
    });
  }
  for (std::thread& client : clients) client.join();
  EXPECT_EQ(right, 64 * 30);
  EXPECT_GE(test.server->counters()->connections, 1000);
  for (RawSocket& socket : idle) {
    socket.send(request_text("POST", "/echo", "still here"));
    ASSERT_EQ(body_of(socket.read_answer()), "still here");
  }
}

}  // namespace
}  // namespace tessera
