#include "cli/program.h"

namespace tessera::cli {

void add_version(CLI::App& app, Program& program) {
  CLI::App* command = app.add_subcommand("version", "The program's version");
  command->callback([&program] {
    program.action = [&program] {
      if (program.json_output) return print_json({{"version", TESSERA_VERSION}});
      print(fmt::format("tessera {}\n", TESSERA_VERSION));
    };
  });
}

}  // namespace tessera::cli
