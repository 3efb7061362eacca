#pragma once

#include <filesystem>
#include <string>

namespace tessera {

/// The page about one run, from the files in its folder: metrics with intervals, the leaderboard of every run on the
/// same cases, training curves, use of the codes, breakdowns, example answers, the recipe.
/// @param runs  folder with the runs to compare with
/// @throws Error(data) if the run is not evaluated yet
std::string report_html(const std::filesystem::path& run_folder, const std::filesystem::path& runs);

/// Writes report.html into the run's folder. @return its path
std::filesystem::path write_report(const std::filesystem::path& run_folder, const std::filesystem::path& runs);

}  // namespace tessera
