#pragma once

#include <memory>
#include <optional>
#include <string_view>

#include "http/message.h"

namespace tessera {

struct RequestLimits {
  size_t target_bytes = 8 << 10;
  size_t header_bytes = 16 << 10;  ///< request line and fields together; trailers of chunked bodies alike
  size_t num_headers = 100;
  size_t body_bytes = 32 << 20;  ///< after decompression; the gateway may lower it per route
};

/// Turns the bytes of a connection into one HttpRequest, piece by piece, without any socket. Heads are parsed by
/// Boost.Beast; bodies by us, because Beast 1.74 neither limits trailers and chunk extensions nor survives, with its
/// assertions on, a last chunk that arrives byte by byte. One reader reads one request. Not thread-safe.
class RequestReader {
 public:
  enum class State {
    head,    ///< wants bytes of the head
    headed,  ///< the head is complete: call accept_body()
    body,    ///< wants bytes of the body
    done,    ///< the request is complete
    failed,  ///< see problem(); the connection cannot be used for another request
  };

  explicit RequestReader(const RequestLimits& limits);
  ~RequestReader();
  RequestReader(RequestReader&&) noexcept;
  RequestReader& operator=(RequestReader&&) noexcept;

  /// Reads from the front of `bytes`, up to the end of the head or of the request.
  /// @return how many bytes were used; the others must be there again, before new ones, at the next call
  size_t feed(std::string_view bytes);
  State state() const;

  /// Complete in every state but `head`, the body only when `done`. The body of a `failed` request is not complete.
  HttpRequest& request();

  /// Lets the body come, limited to `body_bytes` after decompression. Only in state `headed`; the state becomes body,
  /// done (there is no body) or failed (it is known to be too large, or its encoding is not supported).
  void accept_body(size_t body_bytes);

  bool has_body() const;                        ///< the head announces a body that is not empty
  std::optional<uint64_t> body_length() const;  ///< announced by Content-Length
  bool expects_continue() const;                ///< the client waits for "100 Continue" before it sends the body
  bool keep_alive() const;                      ///< the client wants to keep the connection
  bool is_http_1_0() const;
  const Problem& problem() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// A request id as accepted from outside: 1 to 128 letters, digits and "._:-".
bool is_request_id(std::string_view text);
/// 16 bytes, mostly random, as 32 hex digits. Thread-safe.
std::string make_request_id();

}  // namespace tessera
