#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace tessera {

/// A file mapped read-only. Movable; the bytes live as long as the object.
class MappedFile {
 public:
  /// @throws Error(io) if the file cannot be opened or mapped
  explicit MappedFile(const std::filesystem::path& path);
  ~MappedFile();
  MappedFile(MappedFile&&) noexcept;
  MappedFile& operator=(MappedFile&&) noexcept;
  std::span<const std::byte> bytes() const { return {data_, size_}; }
  std::string_view text() const { return {reinterpret_cast<const char*>(data_), size_}; }

 private:
  const std::byte* data_ = nullptr;
  size_t size_ = 0;
};

/// Reads a whole file. @throws Error(io)
std::string read_file(const std::filesystem::path& path);

/// Writes to `path` under a temporary name beside it; commit() flushes, fsyncs and renames. Without commit() nothing is
/// left behind. Every write is checked: a full disk throws Error(io) that names the file.
class AtomicFile {
 public:
  explicit AtomicFile(std::filesystem::path path);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;
  void write(std::string_view bytes);
  void write(std::span<const std::byte> bytes) { write({reinterpret_cast<const char*>(bytes.data()), bytes.size()}); }
  void commit();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// write + commit in one call.
void write_file(const std::filesystem::path& path, std::string_view bytes);

/// A folder that appears whole or not at all: fill path(), then commit() fsyncs and renames it over `target`
/// (an older folder of that name is replaced). Without commit() it is removed. A leftover of a killed process
/// (name `.target.tmp-*`) is removed by the next AtomicFolder for the same target.
class AtomicFolder {
 public:
  explicit AtomicFolder(std::filesystem::path target);
  ~AtomicFolder();
  AtomicFolder(const AtomicFolder&) = delete;
  AtomicFolder& operator=(const AtomicFolder&) = delete;
  const std::filesystem::path& path() const { return path_; }
  void commit();

 private:
  std::filesystem::path target_, path_;
  bool committed_ = false;
};

/// Calls `line(text, line_number)` for every line of a text file (1-based, without line end), decompressing `.gz` and
/// `.zst` by name. Streams: memory is bounded by the longest line (limit 64 MiB).
/// @throws Error(io | corrupt | unsupported)
void for_each_line(const std::filesystem::path& path, const std::function<void(std::string_view, int64_t)>& line);

/// 128-bit content hash (XXH3) as 32 hex digits.
class ContentHash {
 public:
  ContentHash();
  ~ContentHash();
  ContentHash(const ContentHash&) = delete;
  ContentHash& operator=(const ContentHash&) = delete;
  void add(std::string_view bytes);
  void add_file(const std::filesystem::path& path);
  std::string hex() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace tessera
