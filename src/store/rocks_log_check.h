#pragma once

#include <filesystem>
#include <string_view>

namespace tessera::rocks {

/// Looks for damage in the write-ahead logs of a RocksDB folder that RocksDB itself takes for a torn tail, and drops: a
/// length that reaches past the end of the log, or zeros. A group of commits is one record, and the next one begins
/// only after its fsync; so a whole record behind the torn one proves that the torn one was acknowledged, and is
/// damaged. What cannot be told from a torn tail is damage to the very last record.
/// @throws Error(corrupt) naming the file, Error(io)
void check_logs(const std::filesystem::path& folder);

/// Whether the bytes of a log come to a torn record with a whole one behind it.
bool hides_damage(std::string_view block);

}  // namespace tessera::rocks
