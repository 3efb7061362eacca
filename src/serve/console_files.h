#pragma once

#include <span>
#include <string_view>

namespace tessera::serve {

/// A file of the console, inside the program.
struct ConsoleFile {
  std::string_view name;          ///< "app.js"
  std::string_view content_type;  ///< "text/javascript; charset=utf-8"
  std::string_view etag;          ///< of the bytes, with its quotes
  std::string_view bytes;
};

/// The files of web/ as they were at build time, by name. Defined by a source that cmake/embed_files.cmake writes.
std::span<const ConsoleFile> console_files();

}  // namespace tessera::serve
