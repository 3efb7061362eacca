#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>

#include "base/options.h"
#include "pipeline/run.h"

namespace tessera::cli {

/// What all subcommands share: the global flags, and the one thing to do once the command line is read.
struct Program {
  int threads = 0;
  bool quiet = false;
  bool json_output = false;
  std::string runs = "runs";
  std::function<void()> action;

  /// Progress and logs on stderr; nothing under --quiet.
  RunContext run_context(bool force = false) const;
  Reporter& reporter() const;
  void log(const std::string& line) const;
};

/// Results go to stdout. @throws Error(io) when they cannot be written
void print(const std::string& text);
void print_json(const nlohmann::json& value);

/// A flag for every option of the list: `--max-bad 0.05`, `--pictures/--no-pictures`. What is given lands in `table`,
/// under the option's own name; assign() it then.
void add_flags(CLI::App& command, const OptionList& options, nlohmann::json& table);

// One subcommand a file.
void add_demo(CLI::App& app, Program& program);
void add_simulate(CLI::App& app, Program& program);
void add_import(CLI::App& app, Program& program);
void add_check(CLI::App& app, Program& program);
void add_run(CLI::App& app, Program& program);
void add_evaluate(CLI::App& app, Program& program);
void add_compare(CLI::App& app, Program& program);
void add_leaderboard(CLI::App& app, Program& program);
void add_methods(CLI::App& app, Program& program);
void add_recommend(CLI::App& app, Program& program);
void add_similar(CLI::App& app, Program& program);
void add_serve(CLI::App& app, Program& program);   ///< where it is built (TESSERA_SERVE)
void add_fusion(CLI::App& app, Program& program);  ///< likewise
void add_doctor(CLI::App& app, Program& program);
void add_version(CLI::App& app, Program& program);

}  // namespace tessera::cli
