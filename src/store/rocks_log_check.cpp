#include "store/rocks_log_check.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/file.h"

namespace tessera::rocks {
namespace {

// The log's format: blocks of 32 KiB; in them records of checksum (4 bytes), length (2), type (1), payload; none
// crosses the end of a block. A long record is cut into a first, middle and last one.
constexpr size_t kBlock = 32768;
constexpr size_t kHeader = 7;
constexpr uint8_t kFull = 1, kFirst = 2;

constexpr std::array<uint32_t, 256> make_crc32c_table() {
  std::array<uint32_t, 256> table{};
  for (uint32_t i = 0; i < 256; ++i) {
    uint32_t crc = i;
    for (int bit = 0; bit < 8; ++bit) crc = (crc & 1) != 0 ? crc >> 1 ^ 0x82f63b78u : crc >> 1;
    table[i] = crc;
  }
  return table;
}

/// CRC-32C, rotated and shifted as RocksDB stores it.
uint32_t masked_crc32c(std::string_view bytes) {
  static constexpr std::array<uint32_t, 256> kTable = make_crc32c_table();
  uint32_t crc = 0xffffffffu;
  for (const char c : bytes) crc = kTable[(crc ^ static_cast<unsigned char>(c)) & 0xff] ^ crc >> 8;
  crc ^= 0xffffffffu;
  return (crc >> 15 | crc << 17) + 0xa282ead8u;
}

uint32_t byte_at(std::string_view block, size_t at) {
  return static_cast<unsigned char>(block[at]);
}

size_t record_length(std::string_view block, size_t at) {
  return byte_at(block, at + 4) | byte_at(block, at + 5) << 8;
}

/// Whether a full or first record with a right checksum stands here. `end` is that of its block.
bool is_whole_record(std::string_view log, size_t at, size_t end) {
  const uint32_t type = byte_at(log, at + 6);
  if (type != kFull && type != kFirst) return false;
  const size_t length = record_length(log, at);
  if (length == 0 || at + kHeader + length > end) return false;
  const uint32_t stored =
      byte_at(log, at) | byte_at(log, at + 1) << 8 | byte_at(log, at + 2) << 16 | byte_at(log, at + 3) << 24;
  return masked_crc32c(log.substr(at + 6, 1 + length)) == stored;
}

size_t end_of_block(std::string_view log, size_t at) {
  return std::min(log.size(), (at / kBlock + 1) * kBlock);
}

/// Where following the lengths comes to a record that is cut short by the end of the log, or to zeros; or the end.
size_t find_tear(std::string_view log) {
  size_t at = 0;
  while (at < log.size()) {
    const size_t end = end_of_block(log, at);
    if (at + kHeader > end) {
      at = end;  // the rest of a block that has no room for a header
      continue;
    }
    const size_t length = record_length(log, at);
    if (length == 0 && byte_at(log, at + 6) == 0) return at;
    if (at + kHeader + length > end) return end == log.size() ? at : log.size();  // RocksDB refuses the latter
    at += kHeader + length;
  }
  return log.size();
}

}  // namespace

bool hides_damage(std::string_view log) {
  for (size_t at = find_tear(log) + 1; at + kHeader <= log.size(); ++at) {
    const size_t end = end_of_block(log, at);
    if (at + kHeader <= end && is_whole_record(log, at, end)) return true;
  }
  return false;
}

void check_logs(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> logs;
  std::error_code error;
  for (std::filesystem::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    if (it->path().extension() == ".log") logs.push_back(it->path());
  }
  TESSERA_CHECK(!error, io, "{}: cannot be listed: {}", folder.string(), error.message());
  for (const std::filesystem::path& log : logs) {
    if (std::filesystem::is_empty(log, error)) continue;
    const MappedFile file(log);
    TESSERA_CHECK(
        !hides_damage(file.text()), corrupt,
        "{}: damaged: a record of the write-ahead log is cut short or zeroed, and others stand behind it. Restore "
        "the folder from a backup",
        log.string());
  }
}

}  // namespace tessera::rocks
