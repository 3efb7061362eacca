#include <csignal>
#include <memory>

#include "base/error.h"
#include "cli/program.h"
#include "serve/service.h"

namespace tessera::cli {
namespace {

/// Waits until the process is asked to end: SIGINT or SIGTERM. SIGHUP opens the access log anew.
void wait_for_end(const sigset_t& signals, serve::Service& service) {
  int signal = 0;
  while (sigwait(&signals, &signal) == 0 && signal == SIGHUP) service.access_log().reopen();
}

void serve_command(const std::string& run, const nlohmann::json& flags, const Program& program) {
  serve::ServeOptions options;
  assign(options, flags, "serve");
  // Blocked before any thread is made, so that none of them takes the signal.
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&signals, signal);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  serve::Service service(run, program.run_context(), std::move(options));
  service.start();
  print(fmt::format("serving {} at {}\n", service.models().active()->version(), service.address()));
  wait_for_end(signals, service);
  program.log("serve: stopping");
  service.stop(std::chrono::seconds(10));
}

}  // namespace

void add_serve(CLI::App& app, Program& program) {
  struct Flags {
    std::string run;
    nlohmann::json options = nlohmann::json::object();
  };
  auto flags = std::make_shared<Flags>();
  CLI::App* command = app.add_subcommand("serve", "Answer over HTTP: search, recommend, events, items, console");
  command->add_option("RUN", flags->run, "name or folder of a finished run")->required();
  serve::ServeOptions options;
  add_flags(*command, list_options(options), flags->options);
  command->callback([flags, &program] {
    program.action = [flags, &program] { serve_command(flags->run, flags->options, program); };
  });
}

}  // namespace tessera::cli
