#include <c10/util/Exception.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <filesystem>
#include <new>

#include "base/error.h"
#include "base/runtime.h"
#include "cli/program.h"
#include "nn/device.h"

namespace tessera::cli {
namespace {

constexpr int kFailed = 1;
constexpr int kUsage = 2;

/// The one table from what went wrong to the exit code.
int exit_code(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::config:
      return kUsage;
    case ErrorKind::data:
    case ErrorKind::shape:
    case ErrorKind::io:
    case ErrorKind::corrupt:
    case ErrorKind::unsupported:
    case ErrorKind::overload:
    case ErrorKind::internal:
      return kFailed;
  }
  return kFailed;
}

int report(const std::string& message, int code) {
  std::fprintf(stderr, "tessera: %s\n", message.c_str());
  return code;
}

void add_globals(CLI::App& app, Program& program) {
  app.add_option("--threads", program.threads, "threads; 0: one a core")->check(CLI::Range(0, 4096));
  app.add_flag("-q,--quiet", program.quiet, "no progress, no log");
  app.add_flag("--json", program.json_output, "the result as JSON");
  app.add_option("--runs", program.runs, "folder of all runs")->capture_default_str();
}

/// For a word that is no subcommand, the one that was meant.
std::string suggest(const CLI::App& app, int argc, char** argv) {
  std::vector<std::string> names;
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; }))
    names.push_back(command->get_name());
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if (word.empty() || word[0] == '-') continue;
    if (std::find(names.begin(), names.end(), word) != names.end()) return "";
    const std::string near = nearest(word, names);
    return near.empty() ? "" : fmt::format(" (did you mean `tessera {}`?)", near);
  }
  return "";
}

int run_program(int argc, char** argv) {
  Program program;
  CLI::App app("Generative search and recommendation: from a behaviour log to generated answers.", "tessera");
  app.require_subcommand(1);
  app.fallthrough();
  add_globals(app, program);
  for (const auto add : {add_demo, add_simulate, add_import, add_check, add_run, add_evaluate, add_compare,
                         add_leaderboard, add_methods, add_recommend, add_similar, add_doctor, add_version})
    add(app, program);
#ifdef TESSERA_WITH_SERVE
  add_serve(app, program);
  add_fusion(app, program);
#endif
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& success) {
    return app.exit(success);
  } catch (const CLI::ParseError& error) {
    return report(
        error.what() + suggest(app, argc, argv) + "\n`tessera --help` and `tessera COMMAND --help` show the usage.",
        kUsage);
  }
  init_runtime(program.threads);
  init_torch(program.threads);
  program.action();
  return 0;
}

}  // namespace
}  // namespace tessera::cli

int main(int argc, char** argv) {
  using tessera::cli::report;
  try {
    return tessera::cli::run_program(argc, argv);
  } catch (const tessera::Error& error) {
    return report(error.what(), tessera::cli::exit_code(error.kind()));
  } catch (const c10::Error& error) {
    return report(error.what_without_backtrace(), tessera::cli::kFailed);
  } catch (const std::bad_alloc&) {
    return report("out of memory: use a smaller batch, model or dataset, or a machine with more",
                  tessera::cli::kFailed);
  } catch (const std::filesystem::filesystem_error& error) {
    return report(error.what(), tessera::cli::kFailed);
  } catch (const std::exception& error) {
    return report(fmt::format("unexpected: {}", error.what()), tessera::cli::kFailed);
  }
}
