#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace tessera {

/// SHA-256 as 64 lower-case hex digits. @throws Error(internal) if OpenSSL fails
std::string sha256_hex(std::string_view bytes);

/// HMAC-SHA256 (RFC 2104) as 32 raw bytes. @throws Error(internal) if OpenSSL fails
std::string hmac_sha256(std::string_view key, std::string_view message);

/// Standard alphabet with padding.
std::string base64_encode(std::string_view bytes);
/// @return nothing unless the text is canonical: right alphabet, right padding, no white space
std::optional<std::string> base64_decode(std::string_view text);

/// Random bytes of the operating system's quality. @throws Error(internal) if there are none
std::string random_bytes(size_t count);

/// Lower-case hex of the bytes.
std::string to_hex(std::string_view bytes);

/// Compares without telling by time where two texts of the same length differ.
bool equal_constant_time(std::string_view a, std::string_view b);

}  // namespace tessera
