#pragma once

#include <atomic>

#include "http/router.h"

namespace tessera {

enum class ServerPhase { starting, warming, ready, stopping };
enum class ResourceError { none, out_of_disk, out_of_memory };

const char* to_string(ServerPhase phase);

/// Whether the service takes requests. Thread-safe.
class Readiness {
 public:
  void set(ServerPhase phase) { phase_.store(phase); }
  ServerPhase phase() const { return phase_.load(); }
  /// Shown by /health as Typesense shows it; the service is not ready meanwhile.
  void set_resource_error(ResourceError error) { error_.store(error); }
  ResourceError resource_error() const { return error_.load(); }
  bool ready() const { return phase() == ServerPhase::ready && resource_error() == ResourceError::none; }

 private:
  std::atomic<ServerPhase> phase_{ServerPhase::starting};
  std::atomic<ResourceError> error_{ResourceError::none};
};

/// Adds GET /livez (200 while the process answers), /readyz and /healthz (200 when ready, else 503, with the phase as
/// text) and /health ({"ok":true} or {"ok":false}, as Typesense). Open to everybody, answered beyond max_in_flight.
/// @param readiness  borrowed for the life of the router
void add_health_routes(Router& router, const Readiness& readiness);

/// Adds GET /problems and /problems/{code}: the documentation of the problems that answers name by `type`.
void add_problem_routes(Router& router);

}  // namespace tessera
