#include "base/utf8.h"

#include <cstdint>
#include <cstring>

namespace tessera {

namespace {

/// Number of bytes that follow the first byte of a sequence, and the smallest code point such a sequence may hold; -1:
/// no sequence starts so.
int continuation_bytes(unsigned char lead, uint32_t& bits, uint32_t& smallest) {
  if (lead < 0x80) return bits = lead, smallest = 0, 0;
  if (lead >> 5 == 0x6) return bits = lead & 0x1Fu, smallest = 0x80, 1;
  if (lead >> 4 == 0xE) return bits = lead & 0x0Fu, smallest = 0x800, 2;
  if (lead >> 3 == 0x1E) return bits = lead & 0x07u, smallest = 0x10000, 3;
  return -1;
}

size_t ascii_prefix(std::string_view bytes) {
  size_t n = 0;
  for (; n + 8 <= bytes.size(); n += 8) {
    uint64_t word;
    std::memcpy(&word, bytes.data() + n, 8);
    if (word & 0x8080808080808080u) break;
  }
  while (n < bytes.size() && static_cast<unsigned char>(bytes[n]) < 0x80) ++n;
  return n;
}

}  // namespace

bool is_utf8(std::string_view bytes) {
  for (;;) {
    bytes.remove_prefix(ascii_prefix(bytes));
    if (bytes.empty()) return true;
    uint32_t code = 0, smallest = 0;
    const int following = continuation_bytes(static_cast<unsigned char>(bytes[0]), code, smallest);
    if (following < 0 || bytes.size() <= static_cast<size_t>(following)) return false;
    for (int i = 1; i <= following; ++i) {
      const auto byte = static_cast<unsigned char>(bytes[static_cast<size_t>(i)]);
      if (byte >> 6 != 0x2) return false;
      code = code << 6 | (byte & 0x3Fu);
    }
    if (code < smallest || code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF)) return false;
    bytes.remove_prefix(static_cast<size_t>(following) + 1);
  }
}

}  // namespace tessera
