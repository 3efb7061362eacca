#pragma once

namespace tessera {

/// Of the program; CMakeLists.txt names the same one.
inline constexpr const char* kVersion = "0.1.0";

}  // namespace tessera
