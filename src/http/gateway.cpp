#include "http/gateway.h"

#include <algorithm>

#include "http/rate_limit.h"

namespace tessera {
namespace {

constexpr std::string_view kUnknownRoute = "none";

std::vector<std::string> route_patterns(const Router& router) {
  std::vector<std::string> patterns{std::string(kUnknownRoute)};
  for (const Route* route : router.routes()) {
    if (std::find(patterns.begin(), patterns.end(), route->pattern) == patterns.end()) {
      patterns.push_back(route->pattern);
    }
  }
  return patterns;
}

std::vector<std::string> status_codes() {
  std::vector<std::string> codes{"200", "201", "202", "204", "206", "207", "302", "304"};
  for (const ProblemInfo& info : problem_table()) {
    std::string code = std::to_string(info.status);
    if (std::find(codes.begin(), codes.end(), code) == codes.end()) codes.push_back(std::move(code));
  }
  return codes;
}

/// "localhost:8420" -> "localhost", "[::1]:80" -> "[::1]".
std::string_view without_port(std::string_view host) {
  if (!host.empty() && host[0] == '[') return host.substr(0, std::min(host.find(']') + 1, host.size()));
  return host.substr(0, host.find(':'));
}

bool is_local_host(std::string_view host) {
  const std::string_view name = without_port(host);
  return is_loopback(name) || equal_ignoring_case(name, "localhost");
}

bool is_local_origin(std::string_view origin) {
  const size_t scheme = origin.find("://");
  return scheme != std::string_view::npos && is_local_host(origin.substr(scheme + 3));
}

HttpResponse no_content(std::string allow) {
  HttpResponse response(204);
  if (!allow.empty()) response.headers.add("Allow", std::move(allow));
  return response;
}

}  // namespace

struct Gateway::Impl {
  const Router& router;
  KeyRing& keys;
  Metrics& metrics;
  AccessLog& log;
  GatewayOptions options;
  bool loopback;
  mutable RateLimiter limiter{};
  CounterFamily requests;
  HistogramFamily seconds;

  bool origin_allowed(std::string_view origin) const {
    return std::any_of(options.cors_origins.begin(), options.cors_origins.end(),
                       [&](const std::string& allowed) { return allowed == "*" || allowed == origin; });
  }
  void limit_anonymous(const HttpRequest& request) const {
    limit("peer:" + request.peer, options.anonymous_rate_per_second, options.anonymous_burst);
  }
  void limit(const std::string& name, double rate, double burst) const {
    const int wait_s = limiter.take(name, rate, burst);
    if (wait_s == 0) return;
    throw ProblemError(
        {ProblemCode::rate_limited, fmt::format("At most {} requests a second are allowed.", rate), "", wait_s});
  }
  std::optional<HttpResponse> cross_origin(const HttpRequest& request, Admission& admission) const;
  void authorise(HttpRequest& request, Scope scope) const;
  void authorise_open(HttpRequest& request) const;
  void admit(HttpRequest& request, Admission& admission) const;
};

/// @return the answer to a preflight
std::optional<HttpResponse> Gateway::Impl::cross_origin(const HttpRequest& request, Admission& admission) const {
  const std::string_view origin = request.headers.get("Origin");
  if (options.cors_origins.empty() || origin.empty()) return std::nullopt;
  admission.headers.push_back({"Vary", "Origin"});
  if (!origin_allowed(origin)) return std::nullopt;
  admission.headers.push_back({"Access-Control-Allow-Origin", std::string(origin)});
  admission.headers.push_back({"Access-Control-Expose-Headers", "X-Request-ID, Retry-After"});
  if (request.method != "OPTIONS" || !request.headers.has("Access-Control-Request-Method")) return std::nullopt;
  const std::string allow = router.allowed(request.path);
  admission.headers.push_back({"Access-Control-Allow-Methods", allow});
  admission.headers.push_back(
      {"Access-Control-Allow-Headers",
       "Authorization, Content-Type, Content-Encoding, Idempotency-Key, X-API-Key, X-API-Version, X-Request-Id, "
       "X-TYPESENSE-API-KEY, X-TYPESENSE-USER-ID"});
  admission.headers.push_back({"Access-Control-Max-Age", "600"});
  return no_content(allow);
}

void Gateway::Impl::authorise_open(HttpRequest& request) const {
  const std::string_view host = request.headers.get("Host"), origin = request.headers.get("Origin");
  const bool host_is_local = host.empty() || is_local_host(host);
  const bool origin_is_local = origin.empty() || is_local_origin(origin) || origin_allowed(origin);
  if (!host_is_local || !origin_is_local) {
    throw ProblemError({ProblemCode::origin_not_allowed,
                        "Without any API key only programs and pages of this machine may call; create a key.", "", 0});
  }
  request.identity = {"", {Scope::admin}, ""};
}

void Gateway::Impl::authorise(HttpRequest& request, Scope scope) const {
  if (scope == Scope::none) return;
  if (loopback && keys.empty()) {
    authorise_open(request);
    return limit_anonymous(request);
  }
  const std::string_view presented = presented_key(request);
  auto verified = presented.empty() ? std::nullopt : keys.verify(presented);
  if (!verified) {
    limit_anonymous(request);
    throw ProblemError({ProblemCode::unauthorized,
                        presented.empty() ? "There is no API key in the request." : "The API key is not valid.", "",
                        0});
  }
  request.identity = std::move(verified->identity);
  limit("key:" + request.identity.key_id, verified->rate_per_second, verified->burst);
  if (!request.identity.scopes.allows(scope)) {
    throw ProblemError({ProblemCode::forbidden,
                        fmt::format("This needs the scope {}; the key has {}.", to_string(scope),
                                    fmt::join(request.identity.scopes.names(), ", ")),
                        "", 0});
  }
}

void Gateway::Impl::admit(HttpRequest& request, Admission& admission) const {
  admission.early = cross_origin(request, admission);
  if (admission.early) return;
  if (request.method == "OPTIONS") {
    const std::string allow = router.allowed(request.path);
    if (!allow.empty()) {
      admission.early = no_content(allow);
      return;
    }
  }
  Router::Match match = router.match(request.method, request.path);
  request.route = match.route;
  request.path_parameters = std::move(match.parameters);
  admission.even_when_overloaded = match.route->even_when_overloaded;
  admission.deadline_ms = match.route->deadline_ms;
  if (match.route->body_limit > 0) admission.body_limit = match.route->body_limit;
  authorise(request, match.route->scope);
  remove_keys(request);
}

Gateway::Gateway(const Router& router, KeyRing& keys, Metrics& metrics, AccessLog& log, GatewayOptions options)
    : impl_(new Impl{
          router, keys, metrics, log, options, is_loopback(options.bind_address), RateLimiter{},
          metrics.counters("http_requests_total", "Answered requests.",
                           {{"route", route_patterns(router)},
                            {"method", {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}},
                            {"code", status_codes()}}),
          metrics.histograms("http_request_duration_seconds",
                             "From the complete head of a request to the last byte of its answer, errors included.",
                             {{"route", route_patterns(router)}}, Metrics::request_seconds())}) {
  metrics.gauge_from("access_log_dropped_lines", "Lines of the access log that were lost.",
                     [log = &log] { return static_cast<double>(log->dropped()); });
}

Gateway::~Gateway() {
  impl_->metrics.gauge_from("access_log_dropped_lines", "", nullptr);
}

Admission Gateway::admit(HttpRequest& request) const {
  Admission admission;
  try {
    impl_->admit(request, admission);
  } catch (const ProblemError& error) {
    admission.early = HttpResponse(error.problem());
    if (error.problem().code == ProblemCode::method_not_allowed) {
      admission.early->headers.add("Allow", impl_->router.allowed(request.path));
    }
  }
  return admission;
}

void Gateway::handle(HttpRequest request, Reply reply) const {
  const Route* route = request.route;
  TESSERA_CHECK(route != nullptr, internal, "a request reached the handlers without a route");
  route->handler(std::move(request), std::move(reply));
}

void Gateway::finished(const HttpExchange& exchange) const {
  const std::string_view route = exchange.route != nullptr ? std::string_view(exchange.route->pattern) : kUnknownRoute;
  impl_->requests.at({route, exchange.method, std::to_string(exchange.status)}).add();
  impl_->seconds.at({route}).observe(exchange.seconds);
  impl_->log.write(exchange);
}

HttpHandlers Gateway::handlers() {
  return {[this](HttpRequest& request) { return admit(request); },
          [this](HttpRequest request, Reply reply) { handle(std::move(request), std::move(reply)); },
          [this](const HttpExchange& exchange) { finished(exchange); }};
}

void add_server_metrics(Metrics& metrics, std::shared_ptr<const ServerCounters> counters) {
  const auto add = [&](const char* name, const char* help, std::atomic<int64_t> ServerCounters::*member) {
    metrics.gauge_from(name, help, [counters, member] { return static_cast<double>(((*counters).*member).load()); });
  };
  add("http_connections", "Open connections.", &ServerCounters::connections);
  add("http_requests_in_flight", "Requests handed to a handler and not answered.", &ServerCounters::in_flight);
  add("http_request_body_bytes", "Request bodies in memory.", &ServerCounters::body_bytes);
  add("http_connections_accepted", "Connections accepted since the start.", &ServerCounters::accepted);
  add("http_connections_refused", "Connections refused since the start, because there were too many.",
      &ServerCounters::refused);
  add("http_accept_errors", "Failed accepts since the start, e.g. for want of file descriptors.",
      &ServerCounters::accept_errors);
}

void add_metrics_route(Router& router, Metrics& metrics, Scope scope) {
  Route route;
  route.method = "GET";
  route.pattern = "/metrics";
  route.scope = scope;
  route.summary = "Metrics in the text format of Prometheus.";
  route.handler = answer_with([&metrics](const HttpRequest&) {
    return HttpResponse(200, metrics.exposition(), std::string(kMetricsContentType));
  });
  route.even_when_overloaded = true;
  router.add(std::move(route));
}

}  // namespace tessera
