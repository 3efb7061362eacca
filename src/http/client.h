#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "http/message.h"

namespace tessera {

struct ClientOptions {
  std::string host = "127.0.0.1";  ///< a numeric address, "localhost", or a name that the system resolves
  int port = 80;
  int connect_timeout_ms = 5'000;
  int timeout_ms = 60'000;  ///< for a whole exchange
  size_t max_body_bytes = 256 << 20;
  bool accept_gzip = false;  ///< asks for compressed answers; they are decoded
};

/// A small blocking HTTP/1.1 client that keeps its connection. For the command line and tests. Not thread-safe.
class HttpClient {
 public:
  explicit HttpClient(ClientOptions options);
  ~HttpClient();
  HttpClient(HttpClient&&) noexcept;
  HttpClient& operator=(HttpClient&&) noexcept;

  /// Sent with every request, e.g. X-API-Key.
  void set_header(std::string name, std::string value);

  /// One exchange. If the server has closed a kept connection before a byte of the answer came, a request other than
  /// POST and PATCH is sent once more on a new one.
  /// @param target  percent-encoded path and query
  /// @throws Error(io) if the server cannot be reached, breaks off or is too slow; Error(corrupt) for an answer that is
  ///         not HTTP or too large
  HttpResponse send(std::string_view method, std::string_view target, std::string_view body = "",
                    const HttpHeaders& headers = {});
  HttpResponse get(std::string_view target) { return send("GET", target); }
  HttpResponse post(std::string_view target, std::string_view body) { return send("POST", target, body); }

  /// Closes the connection; the next request opens one.
  void close();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// "http://host:port/path?query" taken apart. @throws Error(config) for anything else
struct UrlParts {
  std::string host;
  int port = 80;
  std::string target;
};
UrlParts split_url(std::string_view url);

}  // namespace tessera
