#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace tessera {

/// First and last second that Tessera accepts: the years 1 to 9999, UTC.
constexpr int64_t kMinTime = -62'135'596'800;
constexpr int64_t kMaxTime = 253'402'300'799;

/// Reads an RFC 3339 time ("2026-03-02T10:00:00Z", "2026-03-02 10:00:00.25+08:00"), a date ("2026-03-02": midnight UTC)
/// or a whole number of seconds since 1970 UTC. A fraction of a second is dropped; a leap second counts as the next
/// one.
/// @return seconds since 1970 UTC; nothing if the text is anything else or the time is out of range
std::optional<int64_t> parse_time(std::string_view text);

/// "2026-03-02T10:00:00Z".
/// @param seconds  since 1970 UTC, within [kMinTime, kMaxTime]
std::string format_time(int64_t seconds);

}  // namespace tessera
