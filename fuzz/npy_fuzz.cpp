// Bytes as a .npy file: read or refused; what was read lies within the file, and is written and read alike.
#include <algorithm>
#include <cstdint>

#include "base/array_file.h"
#include "base/error.h"
#include "scratch.h"

using namespace tessera;
using fuzz::expect;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const std::filesystem::path path = fuzz::scratch_folder() / "a.npy", copy = fuzz::scratch_folder() / "b.npy";
  fuzz::put_file(path, {reinterpret_cast<const char*>(data), size});
  try {
    const NpyFile file(path);
    const ArrayView& array = file.array();
    expect(array.bytes.size() <= size);
    expect(array.bytes.size() == static_cast<size_t>(array.num_elements()) * size_bytes(array.type));
    unsigned sum = 0;
    for (const std::byte byte : array.bytes) sum += static_cast<unsigned>(byte);
    expect(sum <= 255 * size);
    write_npy(copy, array);
    const NpyFile again(copy);
    expect(again.array().type == array.type && again.array().shape == array.shape);
    expect(std::ranges::equal(again.array().bytes, array.bytes));
    const Matrix matrix = to_matrix(array, "fuzz");
    expect(matrix.rows * matrix.cols == array.num_elements());
  } catch (const Error& error) {
    const ErrorKind kind = error.kind();
    expect(kind == ErrorKind::corrupt || kind == ErrorKind::unsupported || kind == ErrorKind::shape ||
           kind == ErrorKind::data);
  }
  return 0;
}
