#include "http/client.h"

#include <gtest/gtest.h>

#include <thread>

#include "base/temporary_folder.h"
#include "http/server.h"

namespace tessera {
namespace {

using std::chrono::milliseconds;
using test::expect_error;

std::unique_ptr<HttpServer> echo_server(int port = 0, int idle_timeout_ms = 60'000) {
  ServerOptions options;
  options.port = port;
  options.idle_timeout_ms = idle_timeout_ms;
  options.io_threads = 1;
  auto held = std::make_shared<std::vector<Reply>>();
  auto server = std::make_unique<HttpServer>(options, HttpHandlers{nullptr,
                                                                   [held](HttpRequest request, Reply reply) {
                                                                     if (request.path == "/hang") {
                                                                       held->push_back(std::move(reply));
                                                                     } else {
                                                                       reply.send(HttpResponse(200, request.body));
                                                                     }
                                                                   },
                                                                   nullptr});
  server->start();
  return server;
}

TEST(HttpClient, ComesBackAfterTheServerHasClosed) {
  auto server = echo_server(0, 100);
  HttpClient client({.port = server->port()});
  EXPECT_EQ(client.get("/").status, 200);
  std::this_thread::sleep_for(milliseconds(400));
  EXPECT_EQ(client.get("/").status, 200);
  EXPECT_EQ(server->counters()->accepted, 2);
  client.close();
  EXPECT_EQ(client.post("/", "x").body, "x");
}

TEST(HttpClient, SaysWhatFailed) {
  auto server = echo_server();
  const int port = server->port();
  HttpClient client({.port = port, .timeout_ms = 150});
  expect_error(ErrorKind::io, "GET /hang failed", [&] { client.get("/hang?token=1"); });
  EXPECT_EQ(client.get("/").status, 200) << "on a new connection";
  HttpClient small({.port = port, .max_body_bytes = 10});
  expect_error(ErrorKind::corrupt, "body limit", [&] { small.post("/", std::string(100, 'a')); });
  server.reset();
  expect_error(ErrorKind::io, "cannot be reached", [&] { HttpClient({.port = port}).get("/"); });
}

TEST(HttpClient, TakesUrlsApart) {
  const UrlParts parts = split_url("http://localhost:8420/v1/search?q=1");
  EXPECT_EQ(parts.host, "localhost");
  EXPECT_EQ(parts.port, 8420);
  EXPECT_EQ(parts.target, "/v1/search?q=1");
  EXPECT_EQ(split_url("http://h").target, "/");
  EXPECT_EQ(split_url("http://[::1]:9/x").host, "::1");
  for (const char* bad : {"", "https://h/", "http://", "http://:80/", "http://h:x/", "http://h:99999/", "http://h:/"}) {
    EXPECT_THROW(split_url(bad), Error) << bad;
  }
}

}  // namespace
}  // namespace tessera
