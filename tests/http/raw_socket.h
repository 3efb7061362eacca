#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <stdexcept>
#include <string>
#include <string_view>

#include "base/file_descriptor.h"

namespace tessera::test {

/// A plain TCP connection to this machine, for sending what no client would.
class RawSocket {
 public:
  explicit RawSocket(int port) : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(socket_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
      throw std::runtime_error("cannot connect");
    }
    const int on = 1;
    ::setsockopt(socket_.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  }

  /// @return false if the other end has closed
  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      bytes.remove_prefix(static_cast<size_t>(sent));
    }
    return true;
  }
  void finish_sending() { ::shutdown(socket_.get(), SHUT_WR); }
  /// Closes so that the other end sees a reset.
  void reset() {
    const linger at_once{1, 0};
    ::setsockopt(socket_.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    socket_.close();
  }
  bool close() { return socket_.close(); }

  /// What comes next, or "" at the end or after the time.
  std::string read_some(int timeout_ms = 5000) {
    pollfd waiting{socket_.get(), POLLIN, 0};
    if (::poll(&waiting, 1, timeout_ms) <= 0) return "";
    char buffer[65536];
    const ssize_t count = ::recv(socket_.get(), buffer, sizeof buffer, 0);
    return count > 0 ? std::string(buffer, static_cast<size_t>(count)) : "";
  }
  /// One answer with its Content-Length, or what came before the end. Further bytes are kept for the next call.
  std::string read_answer(bool without_body = false, int timeout_ms = 5000) {
    while (true) {
      const size_t end = kept_.find("\r\n\r\n");
      if (end != std::string::npos) {
        size_t length = 0;
        const size_t field = kept_.find("Content-Length: ");
        if (!without_body && field < end) length = std::stoul(kept_.substr(field + 16));
        const size_t total = end + 4 + length;
        if (kept_.size() >= total) {
          std::string answer = kept_.substr(0, total);
          kept_.erase(0, total);
          return answer;
        }
      }
      const std::string more = read_some(timeout_ms);
      if (more.empty()) return std::exchange(kept_, "");
      kept_ += more;
    }
  }
  std::string read_all(int timeout_ms = 5000) {
    std::string all = std::exchange(kept_, "");
    for (std::string more = read_some(timeout_ms); !more.empty(); more = read_some(timeout_ms)) all += more;
    return all;
  }
  /// Whether the other end has closed, waiting for it.
  bool is_closed(int timeout_ms = 5000) {
    pollfd waiting{socket_.get(), POLLIN, 0};
    if (::poll(&waiting, 1, timeout_ms) <= 0) return false;
    char byte = 0;
    return ::recv(socket_.get(), &byte, 1, MSG_PEEK) <= 0;
  }

 private:
  FileDescriptor socket_;
  std::string kept_;
};

/// The number after "HTTP/1.1 ", or 0.
inline int status_of(std::string_view answer) {
  if (answer.substr(0, 9) != "HTTP/1.1 " || answer.size() < 12) return 0;
  return std::stoi(std::string(answer.substr(9, 3)));
}
inline std::string body_of(std::string_view answer) {
  const size_t end = answer.find("\r\n\r\n");
  return end == std::string_view::npos ? "" : std::string(answer.substr(end + 4));
}

}  // namespace tessera::test
