#include "base/array_file.h"

#include <cmath>
#include <cstring>

#include "base/array_layout.h"
#include "base/error.h"

namespace tessera {
namespace {

float half_to_float(uint16_t half) {
  const int exponent = half >> 10 & 31, mantissa = half & 1023;
  const float sign = (half & 0x8000) != 0 ? -1.0f : 1.0f;
  if (exponent == 31) return mantissa == 0 ? sign * HUGE_VALF : std::nanf("");
  if (exponent == 0) return sign * std::ldexp(static_cast<float>(mantissa), -24);
  return sign * std::ldexp(static_cast<float>(mantissa + 1024), exponent - 25);
}

float bfloat_to_float(uint16_t value) {
  const uint32_t bits = static_cast<uint32_t>(value) << 16;
  float result;
  std::memcpy(&result, &bits, sizeof result);
  return result;
}

template <class T, class Convert>
Matrix convert_matrix(const ArrayView& array, std::string_view what, Convert convert) {
  Matrix matrix(array.shape[0], array.shape[1]);
  const auto* source = reinterpret_cast<const T*>(array.bytes.data());
  for (size_t i = 0; i < matrix.values.size(); ++i) {
    const float value = convert(source[i]);
    if (!std::isfinite(value)) {
      const auto at = static_cast<int64_t>(i);
      fail(ErrorKind::data, "{}: row {}, column {} is {}, wanted a finite float32", what, at / matrix.cols,
           at % matrix.cols, value);
    }
    matrix.values[i] = value;
  }
  return matrix;
}

}  // namespace

size_t size_bytes(DType type) {
  switch (type) {
    case DType::u8:
    case DType::i8:
    case DType::boolean:
      return 1;
    case DType::i16:
    case DType::f16:
    case DType::bf16:
      return 2;
    case DType::i32:
    case DType::f32:
      return 4;
    case DType::i64:
    case DType::f64:
      return 8;
  }
  fail(ErrorKind::internal, "element type {} does not exist", static_cast<int>(type));
}

const char* to_string(DType type) {
  switch (type) {
    case DType::u8:
      return "u8";
    case DType::i8:
      return "i8";
    case DType::i16:
      return "i16";
    case DType::i32:
      return "i32";
    case DType::i64:
      return "i64";
    case DType::f16:
      return "f16";
    case DType::bf16:
      return "bf16";
    case DType::f32:
      return "f32";
    case DType::f64:
      return "f64";
    case DType::boolean:
      return "boolean";
  }
  return "unknown";
}

std::optional<int64_t> checked_size_bytes(DType type, const std::vector<int64_t>& shape) {
  int64_t size = static_cast<int64_t>(size_bytes(type));
  bool empty = false;
  for (const int64_t dimension : shape) {
    if (dimension < 0) return std::nullopt;
    if (dimension == 0) {
      empty = true;  // the others must still multiply without overflow
    } else if (__builtin_mul_overflow(size, dimension, &size)) {
      return std::nullopt;
    }
  }
  return empty ? 0 : size;
}

std::span<const std::byte> ArrayStorage::aligned(std::span<const std::byte> bytes, size_t element_size) {
  if (bytes.empty() || reinterpret_cast<uintptr_t>(bytes.data()) % element_size == 0) return bytes;
  return copies.emplace_back(bytes.begin(), bytes.end());
}

std::shared_ptr<const MappedFile> share_file(const std::shared_ptr<ArrayStorage>& storage) {
  return {storage, &storage->file};
}

void check_array_bytes(const ArrayView& array, std::string_view what) {
  const std::optional<int64_t> wanted = checked_size_bytes(array.type, array.shape);
  TESSERA_CHECK(wanted && static_cast<size_t>(*wanted) == array.bytes.size(), shape,
                "{}: an array of {} with shape [{}] holds {} bytes, wanted {}", what, to_string(array.type),
                fmt::join(array.shape, ", "), array.bytes.size(),
                wanted ? std::to_string(*wanted) : "a possible shape");
}

int64_t ArrayView::num_elements() const {
  int64_t count = 1;
  for (const int64_t dimension : shape) count *= dimension;
  return count;
}

void ArrayView::check_type(DType wanted) const {
  TESSERA_CHECK(type == wanted, shape, "the array holds {}, wanted {}", to_string(type), to_string(wanted));
  check_array_bytes(*this, "array");
}

ArrayView view_of(const Matrix& matrix) {
  return view_of(std::span<const float>(matrix.values), {matrix.rows, matrix.cols});
}

Matrix to_matrix(const ArrayView& array, std::string_view what) {
  TESSERA_CHECK(array.shape.size() == 2, shape, "{}: has shape [{}], wanted [rows, columns]", what,
                fmt::join(array.shape, ", "));
  check_array_bytes(array, what);
  switch (array.type) {
    case DType::f32:
      return convert_matrix<float>(array, what, [](float x) { return x; });
    case DType::f64:
      return convert_matrix<double>(array, what, [](double x) { return static_cast<float>(x); });
    case DType::f16:
      return convert_matrix<uint16_t>(array, what, half_to_float);
    case DType::bf16:
      return convert_matrix<uint16_t>(array, what, bfloat_to_float);
    default:
      fail(ErrorKind::shape, "{}: holds {}, wanted f32, f64, f16 or bf16", what, to_string(array.type));
  }
}

}  // namespace tessera
