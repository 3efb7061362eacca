#include <memory>

#include "base/error.h"
#include "base/file.h"
#include "cli/program.h"
#include "pipeline/board.h"
#include "pipeline/board_record.h"

namespace tessera::cli {
namespace {

using nlohmann::json;

struct LeaderboardFlags {
  std::string file, results;
  BoardRequest request;
};

/// Rows of which a run failed, though an earlier one may have numbers.
int64_t failed_rows(const json& board) {
  int64_t count = 0;
  for (const json& table : board.at("tables"))
    for (const json& row : table.at("rows"))
      count += row.contains("why") && row.value("state", "") != "skipped" ? 1 : 0;
  return count;
}

/// Where `file` is for a reader of `page`, with forward slashes.
std::string link(const std::filesystem::path& file, const std::filesystem::path& page) {
  return file.lexically_proximate(page.parent_path()).generic_string();
}

/// Writes a file, and the folders above it where they are missing.
void write_output(const std::filesystem::path& file, const std::string& text) {
  std::error_code ignored;  // write_file says why it cannot
  std::filesystem::create_directories(file.parent_path(), ignored);
  write_file(file, text);
}

/// A Markdown file, which need not be there, with the section of a board.
std::string with_section(const std::string& file, const Board& board, const std::string& section) {
  const std::string before = std::filesystem::exists(file) ? read_file(file) : "";
  return with_board_section(before, board.name, section);
}

void write_section(const std::string& file, const Board& board, const std::string& section, const Program& program) {
  write_output(file, with_section(file, board, section));
  program.log("wrote " + file);
}

/// Finds before hours of work what would keep their results from being written.
void check_outputs(const Board& board, const std::string& results) {
  for (const std::string& file : {results, board.record, board.picture})
    TESSERA_CHECK(file.empty() || !std::filesystem::is_directory(file), config,
                  "{} is a folder, wanted a file that the board {} may write", file, board.name);
  if (!results.empty()) with_section(results, board, "");
}

/// Puts record, picture and tables where the board wants them.
void publish(const Board& board, const json& result, const std::string& markdown, const Program& program) {
  if (!board.record.empty()) {
    for (const std::string& label : left_out_rows(result, board.record))
      program.log(fmt::format("{}: leaving out the recorded row \"{}\", which the board does not have in this form",
                              board.record, label));
    write_output(board.record, board_record(result));
  }
  const std::string picture = board.picture.empty() ? "" : board_picture(result);
  if (!picture.empty()) write_output(board.picture, picture);
  if (board.results.empty()) return;
  const std::string shown =
      picture.empty() ? "" : fmt::format("![{}]({})\n\n", board.title, link(board.picture, board.results));
  write_section(board.results, board, shown + markdown, program);
}

void leaderboard_command(const LeaderboardFlags& flags, const Program& program) {
  const Board board = load_board(flags.file);
  check_outputs(board, flags.results.empty() ? board.results : flags.results);
  const json result = run_board(board, program.run_context(), flags.request);
  const std::filesystem::path folder = std::filesystem::path(program.runs) / ("board-" + board.name);
  write_file(folder / "board.json", result.dump(1));
  write_file(folder / "board.html", board_html(result));
  const std::string markdown = board_markdown(result);
  if (flags.results.empty()) {
    publish(board, result, markdown, program);
  } else {
    write_section(flags.results, board, markdown, program);
  }
  if (program.json_output) {
    print_json(result);
  } else {
    print(markdown + fmt::format("\npage: {}\n", (folder / "board.html").string()));
  }
  const int64_t failed = failed_rows(result);
  TESSERA_CHECK(failed == 0, data, "{} row{} failed; {} tells why", failed, failed == 1 ? "" : "s",
                (folder / "log.txt").string());
}

}  // namespace

void add_leaderboard(CLI::App& app, Program& program) {
  auto flags = std::make_shared<LeaderboardFlags>();
  CLI::App* command = app.add_subcommand(
      "leaderboard", "A set of recipes, one after another, and their table; what is finished is not run again");
  command->add_option("BOARD", flags->file, "board file (.toml)")->required();
  command->add_option("--only", flags->request.only, "label of a row to run; may be repeated")->allow_extra_args(false);
  command->add_flag("--first-seed", flags->request.first_seed, "one run of every row; further seeds another time");
  command->add_flag("--collect", flags->request.collect, "run nothing: the table of what is finished");
  command->add_option(
      "--results", flags->results,
      "Markdown file that gets the tables, instead of the board's; its record and picture stay as they are");
  command->callback(
      [flags, &program] { program.action = [flags, &program] { leaderboard_command(*flags, program); }; });
}

}  // namespace tessera::cli
