// Bytes as a .safetensors file: read or refused; what was read lies within the file, and is written and read alike.
#include <algorithm>
#include <cstdint>

#include "base/array_file.h"
#include "base/error.h"
#include "scratch.h"

using namespace tessera;
using fuzz::expect;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const std::filesystem::path path = fuzz::scratch_folder() / "a.safetensors",
                                     copy = fuzz::scratch_folder() / "b.safetensors";
  fuzz::put_file(path, {reinterpret_cast<const char*>(data), size});
  try {
    const SafetensorsFile file(path);
    unsigned sum = 0;
    for (const auto& [name, tensor] : file.tensors()) {
      expect(tensor.bytes.size() == static_cast<size_t>(tensor.num_elements()) * size_bytes(tensor.type));
      for (const std::byte byte : tensor.bytes) sum += static_cast<unsigned>(byte);
      expect(&file.at(name) == &tensor);
    }
    expect(sum <= 255 * size);
    write_safetensors(copy, file.tensors(), file.metadata());
    const SafetensorsFile again(copy);
    expect(again.metadata() == file.metadata() && again.tensors().size() == file.tensors().size());
    for (const auto& [name, tensor] : file.tensors()) {
      expect(again.at(name).type == tensor.type && again.at(name).shape == tensor.shape);
      expect(std::ranges::equal(again.at(name).bytes, tensor.bytes));
    }
  } catch (const Error& error) {
    expect(error.kind() == ErrorKind::corrupt || error.kind() == ErrorKind::unsupported);
  }
  return 0;
}
