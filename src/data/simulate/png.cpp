#include <algorithm>
#include <array>

#include "base/error.h"
#include "data/simulate/picture.h"

#ifdef TESSERA_WITH_COMPRESSION
#include <zlib.h>
#endif

namespace tessera::shop {
namespace {

constexpr std::array<uint32_t, 256> make_crc_table() {
  std::array<uint32_t, 256> table{};
  for (uint32_t n = 0; n < 256; ++n) {
    uint32_t c = n;
    for (int bit = 0; bit < 8; ++bit) c = (c & 1U) != 0 ? 0xEDB88320U ^ (c >> 1) : c >> 1;
    table[n] = c;
  }
  return table;
}
constexpr std::array<uint32_t, 256> kCrcTable = make_crc_table();

uint32_t png_crc(std::string_view bytes) {
  uint32_t c = 0xFFFFFFFFU;
  for (const char b : bytes) c = kCrcTable[(c ^ static_cast<uint8_t>(b)) & 0xFFU] ^ (c >> 8);
  return c ^ 0xFFFFFFFFU;
}

void put_big_endian(std::string& out, uint32_t value) {
  for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(value >> shift & 0xFFU);
}

void put_chunk(std::string& out, std::string_view type, std::string_view data) {
  put_big_endian(out, static_cast<uint32_t>(data.size()));
  const std::string body = std::string(type) + std::string(data);
  out += body;
  put_big_endian(out, png_crc(body));
}

/// A zlib stream of the bytes.
std::string zlib_stream(const std::string& raw) {
#ifdef TESSERA_WITH_COMPRESSION
  uLongf size = compressBound(raw.size());
  std::string out(size, '\0');
  const int status = compress2(reinterpret_cast<Bytef*>(out.data()), &size, reinterpret_cast<const Bytef*>(raw.data()),
                               raw.size(), Z_DEFAULT_COMPRESSION);
  TESSERA_CHECK(status == Z_OK, internal, "zlib: compress2 returns {}", status);
  out.resize(size);
  return out;
#else
  constexpr size_t kBlock = 65535;
  std::string out = "\x78\x01";
  uint32_t a = 1, b = 0;
  for (const char c : raw) {
    a = (a + static_cast<uint8_t>(c)) % 65521;
    b = (b + a) % 65521;
  }
  for (size_t at = 0; at < raw.size(); at += kBlock) {
    const size_t length = std::min(kBlock, raw.size() - at);
    out += static_cast<char>(at + length == raw.size() ? 1 : 0);
    for (const size_t field : {length, ~length & 0xFFFFU}) {
      out += static_cast<char>(field & 0xFFU);
      out += static_cast<char>(field >> 8 & 0xFFU);
    }
    out.append(raw, at, length);
  }
  put_big_endian(out, b << 16 | a);
  return out;
#endif
}

}  // namespace

std::string encode_png(std::span<const uint8_t> rgb, int size) {
  const auto side = static_cast<size_t>(size);
  TESSERA_CHECK(rgb.size() == side * side * 3, shape, "PNG: {} bytes, {} x {} x 3 wanted", rgb.size(), side, side);
  std::string raw;
  raw.reserve(side * (side * 3 + 1));
  for (size_t y = 0; y < side; ++y) {
    raw += '\0';  // filter: none
    raw.append(reinterpret_cast<const char*>(rgb.data() + y * side * 3), side * 3);
  }
  std::string header;
  put_big_endian(header, static_cast<uint32_t>(size));
  put_big_endian(header, static_cast<uint32_t>(size));
  header += std::string("\x08\x02\x00\x00\x00", 5);  // 8 bits, RGB, deflate, no filter method, not interlaced
  std::string out = "\x89PNG\r\n\x1a\n";
  put_chunk(out, "IHDR", header);
  put_chunk(out, "IDAT", zlib_stream(raw));
  put_chunk(out, "IEND", "");
  return out;
}

}  // namespace tessera::shop
