#include "http/scope.h"

#include <array>

namespace tessera {
namespace {

constexpr std::array<Scope, 4> kAllScopes{Scope::none, Scope::search, Scope::events, Scope::admin};

}  // namespace

const char* to_string(Scope scope) {
  switch (scope) {
    case Scope::none:
      return "none";
    case Scope::search:
      return "search";
    case Scope::events:
      return "events";
    case Scope::admin:
      return "admin";
  }
  return "unknown";
}

std::optional<Scope> scope_from(std::string_view name) {
  for (const Scope scope : kAllScopes) {
    if (name == to_string(scope)) return scope;
  }
  return std::nullopt;
}

std::vector<std::string> ScopeSet::names() const {
  std::vector<std::string> names;
  for (const Scope scope : kAllScopes) {
    if (has(scope)) names.emplace_back(to_string(scope));
  }
  return names;
}

}  // namespace tessera
