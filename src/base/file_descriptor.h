#pragma once

#include <cstddef>
#include <filesystem>

namespace tessera {

/// Owns a descriptor of the operating system and closes it.
class FileDescriptor {
 public:
  explicit FileDescriptor(int descriptor = -1) : descriptor_(descriptor) {}
  ~FileDescriptor() { close(); }
  FileDescriptor(FileDescriptor&& other) noexcept : descriptor_(other.descriptor_) { other.descriptor_ = -1; }
  FileDescriptor& operator=(FileDescriptor&& other) noexcept;
  int get() const { return descriptor_; }
  /// @return false if the operating system reports an error (a delayed write that failed)
  bool close();

 private:
  int descriptor_;
};

/// @throws Error(io) naming the path
FileDescriptor open_for_reading(const std::filesystem::path& path);

/// Reads up to `size` bytes; 0 at the end of the file. @throws Error(io) naming the path
size_t read_some(int descriptor, char* buffer, size_t size, const std::filesystem::path& path);

/// Makes a rename or new name in the folder durable. @throws Error(io)
void sync_folder(const std::filesystem::path& folder);

}  // namespace tessera
