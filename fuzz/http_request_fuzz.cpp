// Bytes of a connection -> head parser, our checks, router, keys, body framing and decompression, answer's head.
#include <cstdint>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "http/access_log.h"
#include "http/gateway.h"
#include "http/health.h"
#include "http/request_reader.h"
#include "http/response_head.h"

namespace {

using namespace tessera;

struct World {
  Router router;
  KeyRing keys;
  Metrics metrics;
  AccessLog log{nullptr, {}};
  Readiness readiness;
  std::unique_ptr<Gateway> gateway;

  World() {
    for (const char* pattern : {"/v1/items/{id}", "/v1/models/{name}:activate", "/console/{file...}", "/v1/search"}) {
      Route route;
      route.method = "POST";
      route.pattern = pattern;
      route.scope = Scope::search;
      route.summary = "Fuzzed.";
      route.handler = answer_with([](const HttpRequest&) { return HttpResponse(); });
      router.add(route);
    }
    add_health_routes(router, readiness);
    KeyWish wish;
    wish.scopes = {Scope::search};
    keys.add_secret("0123456789abcdef", wish);
    gateway = std::make_unique<Gateway>(router, keys, metrics, log, GatewayOptions{"0.0.0.0", {"*"}, 0, 0});
  }
};

void check(bool holds) {
  if (!holds) std::abort();
}

void answer(RequestReader& reader, const Admission& admission) {
  HttpRequest& request = reader.request();
  HttpExchange exchange;
  exchange.method = request.method;
  exchange.target = request.target;
  exchange.user_agent = request.headers.get("User-Agent");
  exchange.route = request.route;
  check(nlohmann::json::accept(access_log_line(exchange, true)));
  HttpResponse response = admission.early.value_or(HttpResponse(200, request.body));
  if (response.problem) response.body = render_problem(*response.problem, request.path, request.request_id);
  for (const NameValue& field : admission.headers) response.headers.add(field.name, field.value);
  const std::string head = response_head(response, {"date", request.request_id, true, false});
  check(head.find("\r\n\r\n") == head.size() - 4);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static World world;
  if (size < 1) return 0;
  const size_t piece = 1 + data[0] % 64;  // how many bytes come at once
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  RequestLimits limits;
  limits.header_bytes = 2048;
  limits.target_bytes = 512;
  limits.num_headers = 16;
  limits.body_bytes = 4096;
  auto reader = std::make_unique<RequestReader>(limits);
  Admission admission;
  std::string inbox;
  for (size_t at = 0; at < text.size(); at += piece) {
    inbox += text.substr(at, piece);
    while (true) {
      const auto before = reader->state();
      const size_t used = reader->feed(inbox);
      check(used <= inbox.size());
      inbox.erase(0, used);
      if (reader->state() == RequestReader::State::headed) {
        admission = world.gateway->admit(reader->request());
        reader->accept_body(admission.body_limit);
      }
      check(reader->request().body.size() <= limits.body_bytes + 1);
      if (reader->state() == RequestReader::State::done) {
        answer(*reader, admission);
        reader = std::make_unique<RequestReader>(limits);
        admission = {};
        if (inbox.empty()) break;
        continue;
      }
      if (reader->state() == RequestReader::State::failed) {
        admission.early = HttpResponse(reader->problem());
        answer(*reader, admission);
        return 0;
      }
      if (reader->state() == before || inbox.empty()) break;
    }
    check(inbox.size() <= limits.header_bytes + 64);
  }
  return 0;
}
