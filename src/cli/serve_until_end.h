#pragma once

#include <functional>
#include <string>

#include "cli/program.h"
#include "serve/service.h"

namespace tessera::cli {

/// Serves a run until the process is asked to end (SIGINT, SIGTERM); SIGHUP opens the access log anew.
/// @param context  where the run lives
/// @param ready    called once requests are answered
/// @throws Error as serve::Service
void serve_until_end(const std::string& run, RunContext context, serve::ServeOptions options,
                     const std::function<void(serve::Service&)>& ready);

}  // namespace tessera::cli
