#include "base/error.h"

namespace tessera {

const char* to_string(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::config:
      return "config";
    case ErrorKind::data:
      return "data";
    case ErrorKind::shape:
      return "shape";
    case ErrorKind::io:
      return "io";
    case ErrorKind::corrupt:
      return "corrupt";
    case ErrorKind::unsupported:
      return "unsupported";
    case ErrorKind::overload:
      return "overload";
    case ErrorKind::internal:
      return "internal";
  }
  return "unknown";
}

}  // namespace tessera
