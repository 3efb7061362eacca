#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace tessera {

/// What a board measured, kept beside its sources: JSON Lines, one row of the board a line, so that a table can go on
/// growing on a machine that does not have the runs. A row counts for the recipe and changes that it was measured with
/// (`recipe_hash`), its difference for the reference's and for the metric (`difference_hash`); any other is left out.

/// Rows of `board` that have fewer seeds finished here than the record has, none included, or as many but not their
/// difference, as the reference is not here, take the record's numbers and get "recorded": true. One that failed here
/// keeps its "why".
/// @param board as of run_board
/// @param record  file of an earlier board_record(), which need not be there
/// @throws as check_record
void keep_recorded_rows(nlohmann::json& board, const std::filesystem::path& record);

/// The rows of `board` that have numbers.
std::string board_record(const nlohmann::json& board);

/// Labels of `record` that board_record(board) does not have: rows that the board does not have any more, or whose
/// recipe is another. @throws as check_record
std::vector<std::string> left_out_rows(const nlohmann::json& board, const std::filesystem::path& record);

/// @param record  need not be there
/// @throws Error(data) with the line that is no recorded row and why, or Error(io)
void check_record(const std::filesystem::path& record);

}  // namespace tessera
