#include "http/compression.h"

#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <array>

#include "base/error.h"
#include "http/message.h"

namespace tessera {
namespace {

constexpr size_t kDecodeStep = 64 << 10;
constexpr int kMaxWindowLog = 23;  // zstd: 8 MiB

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

/// Room for one step at the end of `out`, one byte more than the limit at most, so that exceeding it is seen.
size_t grow_for_step(std::string& out, size_t limit) {
  const size_t old = out.size();
  out.resize(old + std::min(kDecodeStep, limit - old + 1));
  return old;
}

}  // namespace

std::optional<ContentEncoding> content_encoding_from(std::string_view field) {
  field = trimmed(field);
  if (field.empty() || equal_ignoring_case(field, "identity")) return ContentEncoding::identity;
  if (equal_ignoring_case(field, "gzip") || equal_ignoring_case(field, "x-gzip")) return ContentEncoding::gzip;
  if (equal_ignoring_case(field, "zstd")) return ContentEncoding::zstd;
  return std::nullopt;
}

struct BodyDecoder::State {
  explicit State(ContentEncoding kind) : encoding(kind) {
    if (encoding == ContentEncoding::gzip) {
      TESSERA_CHECK(inflateInit2(&inflater, 15 + 16) == Z_OK, internal, "zlib cannot start");
    } else if (encoding == ContentEncoding::zstd) {
      zstd = ZSTD_createDCtx();
      TESSERA_CHECK(zstd != nullptr, internal, "zstd cannot start");
      ZSTD_DCtx_setParameter(zstd, ZSTD_d_windowLogMax, kMaxWindowLog);
    }
  }
  ~State() {
    if (encoding == ContentEncoding::gzip) inflateEnd(&inflater);
    ZSTD_freeDCtx(zstd);
  }
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  Result feed_plain(std::string_view bytes, std::string& out, size_t limit) {
    if (bytes.size() > limit - out.size()) return Result::too_large;
    out += bytes;
    return Result::ok;
  }
  Result feed_gzip(std::string_view bytes, std::string& out, size_t limit);
  Result feed_zstd(std::string_view bytes, std::string& out, size_t limit);

  ContentEncoding encoding;
  z_stream inflater{};
  ZSTD_DCtx* zstd = nullptr;
  bool between_frames = false;  ///< a member or frame ended with the last byte
};

BodyDecoder::Result BodyDecoder::State::feed_gzip(std::string_view bytes, std::string& out, size_t limit) {
  inflater.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  inflater.avail_in = static_cast<uInt>(bytes.size());
  while (true) {
    if (between_frames) {
      if (inflater.avail_in == 0) return Result::ok;
      if (inflateReset(&inflater) != Z_OK) return Result::corrupt;
      between_frames = false;
    }
    const size_t old = grow_for_step(out, limit);
    inflater.next_out = reinterpret_cast<Bytef*>(out.data() + old);
    inflater.avail_out = static_cast<uInt>(out.size() - old);
    const int status = inflate(&inflater, Z_NO_FLUSH);
    out.resize(out.size() - inflater.avail_out);
    if (out.size() > limit) return Result::too_large;
    if (status == Z_STREAM_END) {
      between_frames = true;
    } else if (status == Z_BUF_ERROR || (status == Z_OK && inflater.avail_in == 0 && inflater.avail_out > 0)) {
      return Result::ok;  // wants more bytes
    } else if (status != Z_OK) {
      return Result::corrupt;
    }
  }
}

BodyDecoder::Result BodyDecoder::State::feed_zstd(std::string_view bytes, std::string& out, size_t limit) {
  ZSTD_inBuffer in{bytes.data(), bytes.size(), 0};
  while (true) {
    const size_t old = grow_for_step(out, limit);
    ZSTD_outBuffer room{out.data() + old, out.size() - old, 0};
    const size_t before = in.pos;
    const size_t status = ZSTD_decompressStream(zstd, &room, &in);
    const bool full = room.pos == room.size;
    const bool moved = in.pos != before || room.pos != 0;
    out.resize(old + room.pos);
    if (ZSTD_isError(status)) return Result::corrupt;
    if (out.size() > limit) return Result::too_large;
    if (moved) between_frames = status == 0;
    if (in.pos == in.size && !full) return Result::ok;
    if (!moved) return Result::corrupt;
  }
}

BodyDecoder::BodyDecoder(ContentEncoding encoding) : state_(std::make_unique<State>(encoding)) {}
BodyDecoder::~BodyDecoder() = default;
BodyDecoder::BodyDecoder(BodyDecoder&&) noexcept = default;
BodyDecoder& BodyDecoder::operator=(BodyDecoder&&) noexcept = default;

BodyDecoder::Result BodyDecoder::feed(std::string_view bytes, std::string& out, size_t limit) {
  if (out.size() > limit) return Result::too_large;
  while (!bytes.empty()) {
    const std::string_view part = bytes.substr(0, 1U << 20);  // zlib counts in 32 bits
    bytes.remove_prefix(part.size());
    Result result = Result::ok;
    if (state_->encoding == ContentEncoding::identity) {
      result = state_->feed_plain(part, out, limit);
    } else if (state_->encoding == ContentEncoding::gzip) {
      result = state_->feed_gzip(part, out, limit);
    } else {
      result = state_->feed_zstd(part, out, limit);
    }
    if (result != Result::ok) return result;
  }
  return Result::ok;
}

bool BodyDecoder::finish() const {
  return state_->encoding == ContentEncoding::identity || state_->between_frames;
}

std::string gzip(std::string_view bytes, int level) {
  z_stream deflater{};
  TESSERA_CHECK(deflateInit2(&deflater, level, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) == Z_OK, internal,
                "zlib cannot start at level {}", level);
  std::string out(deflateBound(&deflater, static_cast<uLong>(bytes.size())), '\0');
  deflater.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  deflater.avail_in = static_cast<uInt>(bytes.size());
  deflater.next_out = reinterpret_cast<Bytef*>(out.data());
  deflater.avail_out = static_cast<uInt>(out.size());
  const int status = deflate(&deflater, Z_FINISH);
  out.resize(deflater.total_out);
  deflateEnd(&deflater);
  TESSERA_CHECK(status == Z_STREAM_END, internal, "zlib failed with status {} on {} bytes", status, bytes.size());
  return out;
}

bool accepts_gzip(std::string_view accept_encoding) {
  std::optional<bool> gzip_named, any;
  while (!accept_encoding.empty()) {
    const size_t end = std::min(accept_encoding.find(','), accept_encoding.size());
    const std::string_view part = accept_encoding.substr(0, end);
    accept_encoding.remove_prefix(std::min(end + 1, accept_encoding.size()));
    const size_t semicolon = std::min(part.find(';'), part.size());
    const std::string_view name = trimmed(part.substr(0, semicolon));
    const std::string_view weight = trimmed(part.substr(std::min(semicolon + 1, part.size())));
    const bool refused = weight.substr(0, 3) == "q=0" && weight.find_first_of("123456789") == std::string_view::npos;
    if (equal_ignoring_case(name, "gzip") || equal_ignoring_case(name, "x-gzip")) gzip_named = !refused;
    if (name == "*") any = !refused;
  }
  return gzip_named.value_or(any.value_or(false));
}

bool is_compressible(std::string_view content_type) {
  if (content_type.substr(0, 5) == "text/") return true;
  static constexpr std::array<std::string_view, 5> kWords{"json", "xml", "javascript", "ndjson", "wasm"};
  for (const std::string_view word : kWords) {
    if (content_type.find(word) != std::string_view::npos) return true;
  }
  return false;
}

}  // namespace tessera
