#include "serve/scoped_key.h"

#include <nlohmann/json.hpp>

#include "live/filter.h"

namespace tessera::serve {

std::string both_filters(const std::string& a, const std::string& b) {
  if (live::Filter::parse(a).accepts_all()) return b;
  if (live::Filter::parse(b).accepts_all()) return a;
  return "(" + a + ") && (" + b + ")";
}

void narrow_by_key(const Identity& identity, nlohmann::json& object) {
  if (identity.embedded_params.empty()) return;
  const nlohmann::json embedded = nlohmann::json::parse(identity.embedded_params);
  for (const auto& [name, value] : embedded.items()) {
    if (name == "expires_at") continue;
    const auto sent = object.find(name);
    if (name == "filter_by" && sent != object.end() && sent->is_string() && value.is_string()) {
      *sent = both_filters(sent->get<std::string>(), value.get<std::string>());
    } else {
      object[name] = value;
    }
  }
}

void narrow_by_key(HttpRequest& request) {
  if (request.identity.embedded_params.empty()) return;
  const nlohmann::json embedded = nlohmann::json::parse(request.identity.embedded_params);
  for (const auto& [name, value] : embedded.items()) {
    if (name == "expires_at") continue;
    const std::string text = value.is_string() ? value.get<std::string>() : value.dump();
    const bool narrows = name == "filter_by" && value.is_string();
    request.query.set(name, narrows ? both_filters(std::string(request.query.get(name)), text) : text);
  }
}

}  // namespace tessera::serve
