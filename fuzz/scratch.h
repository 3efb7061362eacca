#pragma once

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <string_view>

#include "base/error.h"

namespace tessera::fuzz {

/// A folder of this process for inputs that are read as files; gone at its end.
inline const std::filesystem::path& scratch_folder() {
  struct Folder {
    std::filesystem::path path =
        std::filesystem::temp_directory_path() / ("tessera-fuzz-" + std::to_string(getpid()));
    Folder() { std::filesystem::create_directories(path); }
    ~Folder() {
      std::error_code ignored;
      std::filesystem::remove_all(path, ignored);
    }
  };
  static const Folder folder;
  return folder.path;
}

/// Not atomic and not synced, as base/file.h would: this is done thousands of times a second.
inline void put_file(const std::filesystem::path& path, std::string_view bytes) {
  FILE* file = fopen(path.c_str(), "wb");
  if (file == nullptr || fwrite(bytes.data(), 1, bytes.size(), file) != bytes.size()) std::abort();
  fclose(file);
}

inline void expect(bool holds) {
  if (!holds) std::abort();
}

/// What a reader throws is an Error of this kind.
template <class F>
void read_or_refuse(ErrorKind kind, F&& read) {
  try {
    read();
  } catch (const Error& error) {
    expect(error.kind() == kind);
  }
}

}  // namespace tessera::fuzz
