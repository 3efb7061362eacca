#pragma once

#include <fmt/format.h>

#include <stdexcept>
#include <string>

namespace tessera {

/// What went wrong, as far as the caller has to know. cli/main.cpp maps a kind to an exit code in one table.
enum class ErrorKind {
  config,       ///< an option, recipe or command line that cannot be used
  data,         ///< a row, item, user or dataset that is not as it must be
  shape,        ///< a tensor or vector of the wrong size
  io,           ///< the operating system refused: missing file, full disk
  corrupt,      ///< bytes that do not follow their format
  unsupported,  ///< right, but not built in or not built yet
  overload,     ///< more work than accepted now
  internal,     ///< a broken invariant of ours: a bug
};

/// @return the kind's name in lower case, e.g. "config"
const char* to_string(ErrorKind kind);

/// The one exception of the library. The message says what failed, the value found, the value wanted, and the remedy.
class Error : public std::runtime_error {
 public:
  Error(ErrorKind kind, const std::string& message) : std::runtime_error(message), kind_(kind) {}
  ErrorKind kind() const { return kind_; }

 private:
  ErrorKind kind_;
};

/// Throws Error(kind) with a fmt-formatted message.
template <class... Args>
[[noreturn]] void fail(ErrorKind kind, fmt::format_string<Args...> format, Args&&... args) {
  throw Error(kind, fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace tessera

/// Throws Error(ErrorKind::kind) with a fmt-formatted message unless the condition holds.
#define TESSERA_CHECK(condition, kind, ...)                                     \
  do {                                                                          \
    if (!(condition)) ::tessera::fail(::tessera::ErrorKind::kind, __VA_ARGS__); \
  } while (false)
