#include <semaphore.h>

#include <cerrno>
#include <csignal>
#include <memory>

#include "base/error.h"
#include "cli/serve_until_end.h"
#include "serve/learn_fusion.h"

namespace tessera::cli {
namespace {

// What a signal handler may touch: a semaphore, and a flag that is set before it is posted.
sem_t signalled;
volatile std::sig_atomic_t end_asked = 0;

void on_signal(int signal) {
  if (signal != SIGHUP) end_asked = 1;
  sem_post(&signalled);
}

/// Catches the signals while it lives; a second SIGINT ends the process at once.
class Signals {
 public:
  Signals() {
    sem_init(&signalled, 0, 0);
    end_asked = 0;
    struct sigaction action = {};
    action.sa_handler = on_signal;
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < 3; ++i) sigaction(kSignals[i], &action, &before_[i]);
  }
  ~Signals() {
    for (size_t i = 0; i < 3; ++i) sigaction(kSignals[i], &before_[i], nullptr);
  }
  /// @return true when the process is to end, false for a SIGHUP
  bool wait() {
    while (sem_wait(&signalled) != 0 && errno == EINTR) {
    }
    return end_asked != 0;
  }

 private:
  static constexpr int kSignals[3] = {SIGINT, SIGTERM, SIGHUP};
  struct sigaction before_[3];
};

}  // namespace

serve::ServeOptions serve_options(const std::string& run, const RunContext& context, const nlohmann::json& flags) {
  const std::filesystem::path folder = find_run(run, context.runs);
  const Recipe recipe = load_recipe(folder / "recipe.toml");
  serve::ServeOptions options;
  if (recipe.has("serve")) assign(options, recipe.section("serve"), recipe.origin + ": [serve]");
  assign(options, flags, "serve");
  if (options.fusion.fusion == "learned") serve::read_learned_fusion(folder, options.fusion);
  return options;
}

void serve_until_end(const std::string& run, RunContext context, serve::ServeOptions options,
                     const std::function<void(serve::Service&)>& ready) {
  const auto log = context.log;
  serve::Service service(run, std::move(context), std::move(options));
  {
    Signals signals;
    service.start();
    ready(service);
    while (!signals.wait()) service.access_log().reopen();
  }
  if (log) log("serve: stopping");
  service.stop(std::chrono::seconds(10));
}

void add_serve(CLI::App& app, Program& program) {
  struct Flags {
    std::string run;
    nlohmann::json options = nlohmann::json::object();
  };
  auto flags = std::make_shared<Flags>();
  CLI::App* command = app.add_subcommand("serve", "Answer over HTTP: search, recommend, events, items, console");
  command->add_option("RUN", flags->run, "name or folder of a finished run")->required();
  serve::ServeOptions defaults;
  add_flags(*command, list_options(defaults), flags->options);
  command->callback([flags, &program] {
    program.action = [flags, &program] {
      const RunContext context = program.run_context();
      serve_until_end(flags->run, context, serve_options(flags->run, context, flags->options),
                      [&](serve::Service& service) {
                        const std::string version = service.models().active()->version();
                        if (program.json_output)
                          return print_json({{"address", service.address()}, {"model_version", version}});
                        print(fmt::format("serving {} at {} (console: {}/console/)\n", version, service.address(),
                                          service.address()));
                      });
    };
  });
}

}  // namespace tessera::cli
