#pragma once

#include <cstdint>
#include <string_view>

namespace tessera {

/// Finds the data of a body in the bytes of a connection (RFC 9112, sections 6 and 7): a counted length, or chunks with
/// extensions and trailers, which are read over. Not thread-safe.
class BodyFraming {
 public:
  /// A body of `length` bytes.
  static BodyFraming counted(uint64_t length);
  /// A chunked body. @param line_bytes  largest chunk line and largest sum of all trailers
  static BodyFraming chunked(size_t line_bytes);

  enum class Result { more, done, bad };
  struct Step {
    Result result = Result::more;  ///< more: call again, with further bytes if `used` is 0
    size_t used = 0;               ///< bytes taken from the front
    std::string_view data;         ///< part of the body, inside the bytes given
  };
  Step next(std::string_view bytes);

 private:
  enum class Phase { counted, size_line, data, data_end, trailers, done };
  Step next_size_line(std::string_view bytes);
  Step next_trailer(std::string_view bytes);

  Phase phase_ = Phase::done;
  uint64_t left_ = 0;
  size_t line_bytes_ = 0;
  size_t trailer_bytes_ = 0;
};

}  // namespace tessera
