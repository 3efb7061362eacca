#include "base/file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#ifdef __AVX512F__
#define XXH_VECTOR XXH_AVX2  // GCC 12 warns of its own AVX-512 header; the hash is the same
#endif
#include <xxhash.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "base/error.h"
#include "base/file_descriptor.h"

namespace tessera {

MappedFile::MappedFile(const std::filesystem::path& path) {
  const FileDescriptor file = open_for_reading(path);
  struct stat info {};
  TESSERA_CHECK(fstat(file.get(), &info) == 0, io, "{}: cannot be examined: {}", path.string(), std::strerror(errno));
  TESSERA_CHECK(S_ISREG(info.st_mode), io, "{}: is not a regular file", path.string());
  if (info.st_size == 0) return;
  const auto size = static_cast<size_t>(info.st_size);
  void* data = mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file.get(), 0);
  TESSERA_CHECK(data != MAP_FAILED, io, "{}: cannot be mapped ({} bytes): {}", path.string(), size,
                std::strerror(errno));
  data_ = static_cast<const std::byte*>(data);
  size_ = size;
}

MappedFile::~MappedFile() {
  if (data_ != nullptr) munmap(const_cast<std::byte*>(data_), size_);
}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  MappedFile taken(std::move(other));
  std::swap(data_, taken.data_);
  std::swap(size_, taken.size_);
  return *this;
}

std::string read_file(const std::filesystem::path& path) {
  const FileDescriptor file = open_for_reading(path);
  struct stat info {};
  TESSERA_CHECK(fstat(file.get(), &info) == 0, io, "{}: cannot be examined: {}", path.string(), std::strerror(errno));
  std::string text;
  size_t used = 0;
  text.resize(static_cast<size_t>(info.st_size) + 1);  // one more, so that the end shows without a second pass
  while (true) {
    const size_t count = read_some(file.get(), text.data() + used, text.size() - used, path);
    if (count == 0) break;
    used += count;
    if (used == text.size()) text.resize(2 * text.size() + 4096);
  }
  text.resize(used);
  return text;
}

struct ContentHash::State {
  XXH3_state_t hash;
};

ContentHash::ContentHash() : state_(std::make_unique<State>()) {
  XXH3_128bits_reset(&state_->hash);
}
ContentHash::~ContentHash() = default;

void ContentHash::add(std::string_view bytes) {
  XXH3_128bits_update(&state_->hash, bytes.data(), bytes.size());
}

void ContentHash::add_file(const std::filesystem::path& path) {
  const MappedFile file(path);
  add(file.text());
}

std::string ContentHash::hex() const {
  const XXH128_hash_t digest = XXH3_128bits_digest(&state_->hash);
  return fmt::format("{:016x}{:016x}", digest.high64, digest.low64);
}

}  // namespace tessera
