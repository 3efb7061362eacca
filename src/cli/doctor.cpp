#include <torch/torch.h>
#include <torch/version.h>
#include <unistd.h>

#include <filesystem>
#include <thread>

#include "base/error.h"
#include "base/parallel.h"
#include "base/progress.h"
#include "cli/program.h"
#include "cli/table.h"
#include "nn/device.h"

namespace tessera::cli {
namespace {

using nlohmann::json;

bool can_write(const std::filesystem::path& folder) {
  std::filesystem::path at = std::filesystem::absolute(folder);
  while (!std::filesystem::exists(at) && at.has_parent_path() && at != at.parent_path()) at = at.parent_path();
  return access(at.c_str(), W_OK) == 0;
}

json examine(const Program& program) {
  const c10::Device device = choose_device("auto");
  std::error_code ignored;
  const auto space = std::filesystem::space(".", ignored);
  const auto memory = static_cast<double>(sysconf(_SC_PHYS_PAGES)) * static_cast<double>(sysconf(_SC_PAGE_SIZE));
  return {{"version", TESSERA_VERSION},
          {"torch", TORCH_VERSION},
          {"device", device.str()},
          {"bf16", use_bf16("auto", device)},
          {"cores", std::thread::hardware_concurrency()},
          {"threads", num_threads()},
          {"torch_threads", at::get_num_threads()},
          {"memory_bytes", memory},
          {"disk_free_bytes", static_cast<double>(space.available)},
          {"runs", program.runs},
          {"runs_writable", can_write(program.runs)}};
}

}  // namespace

void add_doctor(CLI::App& app, Program& program) {
  CLI::App* command = app.add_subcommand("doctor", "What this machine and build can do");
  command->callback([&program] {
    program.action = [&program] {
      const json facts = examine(program);
      if (program.json_output) return print_json(facts);
      TextTable rows({"", ""}, {true, true});
      for (const auto& [key, value] : facts.items()) {
        const bool bytes = key.ends_with("_bytes");
        rows.add({key, bytes               ? fmt::format("{:.1f} GB", value.get<double>() / 1e9)
                       : value.is_string() ? value.get<std::string>()
                                           : value.dump()});
      }
      print(rows.text());
      TESSERA_CHECK(facts.at("runs_writable").get<bool>(), io,
                    "the folder of runs, {}, cannot be written: choose another with --runs", program.runs);
    };
  });
}

}  // namespace tessera::cli
