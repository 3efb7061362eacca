#pragma once

#include <memory>
#include <string>
#include <vector>

#include "http/access_log.h"
#include "http/keys.h"
#include "http/metrics.h"
#include "http/router.h"
#include "http/server.h"

namespace tessera {

struct GatewayOptions {
  std::string bind_address = "127.0.0.1";  ///< what the server listens on; decides about open loopback mode
  std::vector<std::string> cors_origins;   ///< "https://shop.example"; "*" allows all; empty: no CORS
  double anonymous_rate_per_second = 0;    ///< per peer, for requests without a valid key; 0: no limit
  double anonymous_burst = 0;
};

/// What stands between the server and the handlers of the routes, in this order: request id (the server), access log
/// and metrics (when the answer is written, whatever it was), CORS, route, key and scope, rate limit, body limit and
/// deadline of the route, handler. A request is refused before its body is read.
///
/// Open loopback mode: while there is no key at all and the server listens on a loopback address, every request counts
/// as admin, provided that its Host, and its Origin if it has one, are of this machine too: so pages from elsewhere, in
/// a browser on this machine, cannot reach in. It ends with the first key. Without a key on another address, everything
/// but scope `none` is refused.
class Gateway {
 public:
  /// All borrowed for the life of the gateway. The router must be complete.
  Gateway(const Router& router, KeyRing& keys, Metrics& metrics, AccessLog& log, GatewayOptions options);
  ~Gateway();
  Gateway(const Gateway&) = delete;
  Gateway& operator=(const Gateway&) = delete;

  /// For HttpServer. They refer to the gateway: it must outlive the server.
  HttpHandlers handlers();

  /// The steps, for tests and fuzzing. Thread-safe. admit() never throws a ProblemError: it answers early.
  Admission admit(HttpRequest& request) const;
  void handle(HttpRequest request, Reply reply) const;
  void finished(const HttpExchange& exchange) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// Gauges of the server: http_connections, http_requests_in_flight, http_request_body_bytes, and how many connections
/// were accepted, refused, or failed.
void add_server_metrics(Metrics& metrics, std::shared_ptr<const ServerCounters> counters);

/// GET /metrics in the text format. @param metrics  borrowed for the life of the router
void add_metrics_route(Router& router, Metrics& metrics, Scope scope);

}  // namespace tessera
