#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"
#include "base/matrix.h"

namespace tessera {

/// Element types of `.npy` and `.safetensors`, as far as Tessera reads and writes them.
enum class DType { u8, i8, i16, i32, i64, f16, bf16, f32, f64, boolean };
size_t size_bytes(DType type);
const char* to_string(DType type);  ///< "f32"

template <class T>
struct DTypeOf;
template <>
struct DTypeOf<uint8_t> {
  static constexpr DType value = DType::u8;
};
template <>
struct DTypeOf<int8_t> {
  static constexpr DType value = DType::i8;
};
template <>
struct DTypeOf<int16_t> {
  static constexpr DType value = DType::i16;
};
template <>
struct DTypeOf<int32_t> {
  static constexpr DType value = DType::i32;
};
template <>
struct DTypeOf<int64_t> {
  static constexpr DType value = DType::i64;
};
template <>
struct DTypeOf<float> {
  static constexpr DType value = DType::f32;
};
template <>
struct DTypeOf<double> {
  static constexpr DType value = DType::f64;
};

/// A borrowed array: C order, little endian, aligned to its elements.
struct ArrayView {
  DType type = DType::f32;
  std::vector<int64_t> shape;
  std::span<const std::byte> bytes;

  int64_t num_elements() const;
  /// The elements as T. @throws Error(shape) if T is not the array's type or the bytes do not match the shape
  template <class T>
  std::span<const T> as() const {
    check_type(DTypeOf<T>::value);
    return {reinterpret_cast<const T*>(bytes.data()), static_cast<size_t>(num_elements())};
  }

 private:
  void check_type(DType wanted) const;
};

template <class T>
ArrayView view_of(std::span<const T> values, std::vector<int64_t> shape) {
  return {DTypeOf<T>::value, std::move(shape), std::as_bytes(values)};
}
/// [rows, cols] float32.
ArrayView view_of(const Matrix& matrix);

/// `.npy` (versions 1 to 3, C order, little endian). Everything in the header is checked against the file's size.
/// @throws Error(io | corrupt | unsupported)
class NpyFile {
 public:
  explicit NpyFile(const std::filesystem::path& path);
  const ArrayView& array() const { return array_; }

 private:
  std::shared_ptr<const MappedFile> file_;  ///< owns copies of data that is not aligned in the file, too
  ArrayView array_;
};
/// Version 1.0, atomic (AtomicFile). @throws Error(io), Error(unsupported) for bf16, Error(shape) if bytes and shape
/// differ
void write_npy(const std::filesystem::path& path, const ArrayView& array);

/// `.safetensors`: header length (limit 100 MB), JSON header, data. Offsets must be in range, cover the data without
/// overlap or hole, and match dtype and shape. Read by mmap.
/// @throws Error(io | corrupt | unsupported)
class SafetensorsFile {
 public:
  explicit SafetensorsFile(const std::filesystem::path& path);
  const std::map<std::string, ArrayView>& tensors() const { return tensors_; }
  const std::map<std::string, std::string>& metadata() const { return metadata_; }
  /// @throws Error(corrupt) naming the file and the names it has, if there is no such tensor
  const ArrayView& at(const std::string& name) const;
  /// Keeps the data alive for views that outlive this object.
  std::shared_ptr<const MappedFile> mapping() const { return file_; }

 private:
  std::string path_;
  std::shared_ptr<const MappedFile> file_;  ///< owns copies of data that is not aligned in the file, too
  std::map<std::string, ArrayView> tensors_;
  std::map<std::string, std::string> metadata_;
};
/// The format allows no holes: tensors are written by falling element size, then by name, behind a header padded to 64
/// bytes, so that each is aligned to its elements. Same tensors, same bytes. Atomic (AtomicFile).
/// @throws Error(io), Error(shape) if an array's bytes do not match its shape
void write_safetensors(const std::filesystem::path& path, const std::map<std::string, ArrayView>& tensors,
                       const std::map<std::string, std::string>& metadata);

/// A float32/float64/float16/bfloat16 2-D array as a Matrix.
/// @throws Error(shape) unless 2-D and of such a type; Error(data) if a value is not finite as float32, naming `what`,
/// row and column
Matrix to_matrix(const ArrayView& array, std::string_view what);

}  // namespace tessera
