#include "cli/program.h"

#include <unistd.h>

#include <cstdio>

#include "base/error.h"

namespace tessera::cli {

using nlohmann::json;

Reporter& Program::reporter() const {
  return quiet ? silent_reporter() : stderr_reporter(isatty(STDERR_FILENO) != 0);
}

void Program::log(const std::string& line) const {
  if (!quiet) fmt::print(stderr, "{}\n", line);
}

RunContext Program::run_context(bool force) const {
  RunContext context;
  context.runs = runs;
  context.reporter = &reporter();
  context.log = [this](const std::string& line) { log(line); };
  context.force = force;
  return context;
}

void print(const std::string& text) {
  const bool written = std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0;
  TESSERA_CHECK(written, io, "standard output: cannot be written (is the disk full, or the pipe closed?)");
}

void print_json(const json& value) {
  print(value.dump(2, ' ', false, json::error_handler_t::replace) + "\n");
}

namespace {

/// The text of a flag as the JSON that the option's type wants; text that is none stays text, for assign() to refuse.
template <class T>
json flag_value(const std::string& text) {
  if constexpr (std::is_same_v<T, std::string>) return text;
  json value = json::parse(text, nullptr, false);
  return value.is_discarded() ? json(text) : value;
}

}  // namespace

void add_flags(CLI::App& command, const OptionList& options, json& table) {
  table = json::object();
  for (const OptionField& field : options.fields()) {
    std::string flag = field.name;
    std::replace(flag.begin(), flag.end(), '_', '-');
    std::visit(
        [&](const auto* target) {
          using T = std::remove_cvref_t<decltype(*target)>;
          const std::string name = field.name;
          if constexpr (std::is_same_v<T, bool>) {
            command.add_flag_function(
                fmt::format("--{},!--no-{}", flag, flag), [&table, name](int64_t count) { table[name] = count > 0; },
                field.help);
          } else if constexpr (std::is_same_v<T, std::string> || std::is_same_v<T, int64_t> ||
                               std::is_same_v<T, double>) {
            command.add_option_function<std::string>(
                "--" + flag, [&table, name](const std::string& text) { table[name] = flag_value<T>(text); },
                fmt::format("{} [{}]", field.help, json(*target).dump()));
          } else {
            command.add_option_function<std::vector<std::string>>(
                "--" + flag,
                [&table, name](const std::vector<std::string>& texts) {
                  table[name] = json::array();
                  for (const std::string& text : texts) table[name].push_back(flag_value<typename T::value_type>(text));
                },
                field.help);
          }
        },
        field.value);
  }
}

}  // namespace tessera::cli
