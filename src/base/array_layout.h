#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "base/array_file.h"

namespace tessera {

/// Number of bytes of an array, or nothing if a dimension is negative or the product exceeds int64.
std::optional<int64_t> checked_size_bytes(DType type, const std::vector<int64_t>& shape);

/// A mapped file, and aligned copies of those of its arrays that are not aligned in it.
struct ArrayStorage {
  explicit ArrayStorage(const std::filesystem::path& path) : file(path) {}
  MappedFile file;
  std::vector<std::vector<std::byte>> copies;

  /// @return the bytes, copied if their address does not suit elements of this size
  std::span<const std::byte> aligned(std::span<const std::byte> bytes, size_t element_size);
};

/// The file of a storage, as a pointer that keeps all of the storage alive.
std::shared_ptr<const MappedFile> share_file(const std::shared_ptr<ArrayStorage>& storage);

/// @throws Error(shape) naming `what` unless the array has as many bytes as its type and shape say
void check_array_bytes(const ArrayView& array, std::string_view what);

}  // namespace tessera
