// Requests a second of a trivial handler, alone and beside 1,000 idle keep-alive connections: the reason for the choice
// of the server's library (src/http/server.h). 64 connections, one request each on the way at any time.
#include <arpa/inet.h>
#include <benchmark/benchmark.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <string_view>
#include <vector>

#include "base/file_descriptor.h"
#include "http/server.h"

namespace tessera {
namespace {

constexpr std::string_view kRequest = "GET /x HTTP/1.1\r\nHost: localhost\r\n\r\n";

FileDescriptor connect_to(int port) {
  FileDescriptor socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  TESSERA_CHECK(::connect(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0, io,
                "cannot connect to the server");
  const int on = 1;
  ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return socket;
}

bool exchange(int socket, bool sends) {
  if (sends)
    return ::send(socket, kRequest.data(), kRequest.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(kRequest.size());
  char buffer[1024];
  const ssize_t count = ::recv(socket, buffer, sizeof buffer, 0);
  return count > 15 && std::string_view(buffer, 15) == "HTTP/1.1 200 OK";
}

void trivial_requests(benchmark::State& state) {
  HttpServer server(
      {}, {nullptr, [](HttpRequest, Reply reply) { reply.send(HttpResponse(200, "{\"ok\":true}")); }, nullptr});
  server.start();
  std::vector<FileDescriptor> idle, busy;
  for (int64_t i = 0; i < state.range(0); ++i) {
    idle.push_back(connect_to(server.port()));
    if (!exchange(idle.back().get(), true) || !exchange(idle.back().get(), false)) state.SkipWithError("idle");
  }
  for (int i = 0; i < 64; ++i) busy.push_back(connect_to(server.port()));
  for (auto _ : state) {
    for (const bool sends : {true, false}) {
      for (const FileDescriptor& socket : busy) {
        if (!exchange(socket.get(), sends)) state.SkipWithError("wrong answer");
      }
    }
  }
  state.SetItemsProcessed(state.iterations() * 64);
  for (const FileDescriptor& socket : idle) {
    if (!exchange(socket.get(), true) || !exchange(socket.get(), false)) state.SkipWithError("an idle one was dropped");
  }
}
BENCHMARK(trivial_requests)->ArgName("idle")->Arg(0)->Arg(1000)->UseRealTime()->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace tessera
