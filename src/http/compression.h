#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace tessera {

enum class ContentEncoding { identity, gzip, zstd };

/// The encoding that a Content-Encoding field names; "" is identity. Nothing for others and for lists of several.
std::optional<ContentEncoding> content_encoding_from(std::string_view field);

/// Decodes a body piece by piece. It never holds more than the result and a window of at most 8 MiB.
/// Not thread-safe.
class BodyDecoder {
 public:
  enum class Result {
    ok,
    too_large,  ///< the result would exceed the limit
    corrupt,    ///< the bytes do not follow the encoding
  };

  explicit BodyDecoder(ContentEncoding encoding);
  ~BodyDecoder();
  BodyDecoder(BodyDecoder&&) noexcept;
  BodyDecoder& operator=(BodyDecoder&&) noexcept;

  /// Appends what the bytes decode to. After anything but `ok` the decoder is of no more use.
  /// @param limit  largest size of `out`
  Result feed(std::string_view bytes, std::string& out, size_t limit);
  /// @return false if the encoded data is not complete
  bool finish() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// The bytes in the gzip format. @param level  1 (fast) to 9 (small)
/// @throws Error(internal) if zlib fails
std::string gzip(std::string_view bytes, int level);

/// Whether an Accept-Encoding field takes gzip ("gzip;q=0" and "identity" do not).
bool accepts_gzip(std::string_view accept_encoding);

/// Whether content of the type becomes smaller: text, JSON, XML, JavaScript, SVG.
bool is_compressible(std::string_view content_type);

}  // namespace tessera
