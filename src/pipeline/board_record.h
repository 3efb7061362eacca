#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

namespace tessera {

/// What a board measured, kept beside its sources: JSON Lines, one row of the board a line, so that a table can go on
/// growing on a machine that does not have the runs. A row counts for the recipe, changes and reference that it was
/// measured with (`recipe_hash`); any other is left out.

/// Rows of `board` that have fewer seeds finished here than the record has, none included, take the record's numbers
/// and get "recorded": true. A row that failed stays failed.
/// @param board as of run_board
/// @param record  file of an earlier board_record(), which need not be there
/// @throws Error(data) with the line that is no recorded row, or Error(io)
void keep_recorded_rows(nlohmann::json& board, const std::filesystem::path& record);

/// The rows of `board` that have numbers, and those of `record` whose row of the board failed.
/// @throws as keep_recorded_rows
std::string board_record(const nlohmann::json& board, const std::filesystem::path& record);

}  // namespace tessera
