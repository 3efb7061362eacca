#include "base/file_descriptor.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "base/error.h"

namespace tessera {

FileDescriptor& FileDescriptor::operator=(FileDescriptor&& other) noexcept {
  if (this != &other) {
    close();
    descriptor_ = std::exchange(other.descriptor_, -1);
  }
  return *this;
}

bool FileDescriptor::close() {
  if (descriptor_ < 0) return true;
  return ::close(std::exchange(descriptor_, -1)) == 0;
}

FileDescriptor open_for_reading(const std::filesystem::path& path) {
  FileDescriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  TESSERA_CHECK(file.get() >= 0, io, "{}: cannot be opened: {}", path.string(), std::strerror(errno));
  return file;
}

size_t read_some(int descriptor, char* buffer, size_t size, const std::filesystem::path& path) {
  while (true) {
    const ssize_t count = read(descriptor, buffer, size);
    if (count >= 0) return static_cast<size_t>(count);
    TESSERA_CHECK(errno == EINTR, io, "{}: cannot be read: {}", path.string(), std::strerror(errno));
  }
}

void sync_folder(const std::filesystem::path& folder) {
  const FileDescriptor file(open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  TESSERA_CHECK(file.get() >= 0, io, "{}: cannot be opened: {}", folder.string(), std::strerror(errno));
  // Some file systems cannot sync a folder (EINVAL); their renames are as durable as they get.
  TESSERA_CHECK(fsync(file.get()) == 0 || errno == EINVAL, io, "{}: cannot be flushed to disk: {}", folder.string(),
                std::strerror(errno));
}

}  // namespace tessera
