#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <string_view>

namespace tessera {

/// One record of a CSV file.
struct CsvRecord {
  std::span<const std::string_view> fields;  ///< quotes taken off; alive during the call
  int64_t line;                              ///< where it begins, 1-based
};

/// Reads a CSV file (RFC 4180: quoted fields may hold separators, line ends and doubled quotes), record by record.
/// Empty lines are skipped. Streams: a record may be up to 1 MiB long.
/// @param separator  0: comma, semicolon or tab, whichever the first line holds most of
/// @param record     called for every record
/// @param malformed  called for what is no record: a quote that is not closed or stands inside of a field, or a field
/// that is
///                   not UTF-8
/// @throws Error(io | corrupt) as for_each_line
void for_each_record(const std::filesystem::path& path, char separator,
                     const std::function<void(const CsvRecord&)>& record,
                     const std::function<void(int64_t line, int64_t num_lines, const char* reason)>& malformed);

}  // namespace tessera
