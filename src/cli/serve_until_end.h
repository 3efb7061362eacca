#pragma once

#include <functional>
#include <string>

#include "cli/program.h"
#include "serve/service.h"

namespace tessera::cli {

/// What `tessera serve` goes by: flags over the recipe's [serve] over defaults. @throws Error(config)
serve::ServeOptions serve_options(const std::string& run, const RunContext& context, const nlohmann::json& flags);

/// Serves a run until the process is asked to end (SIGINT, SIGTERM); SIGHUP opens the access log anew.
/// @param context  where the run lives
/// @param ready    called once requests are answered
/// @throws Error as serve::Service
void serve_until_end(const std::string& run, RunContext context, serve::ServeOptions options,
                     const std::function<void(serve::Service&)>& ready);

}  // namespace tessera::cli
