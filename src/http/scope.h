#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tessera {

/// What a route asks for and a key grants.
enum class Scope : uint8_t {
  none,    ///< open to everybody: health, and files of the console that hold no data
  search,  ///< read: search, recommend, suggest
  events,  ///< write behaviour
  admin,   ///< everything
};

/// "search"
const char* to_string(Scope scope);
std::optional<Scope> scope_from(std::string_view name);

/// The scopes of a key. admin implies all.
class ScopeSet {
 public:
  ScopeSet() = default;
  ScopeSet(std::initializer_list<Scope> scopes) {
    for (const Scope scope : scopes) add(scope);
  }
  void add(Scope scope) { bits_ |= 1U << static_cast<unsigned>(scope); }
  bool allows(Scope scope) const { return scope == Scope::none || has(Scope::admin) || has(scope); }
  bool empty() const { return bits_ == 0; }
  /// The names as declared, e.g. {"search", "events"}; not what is implied.
  std::vector<std::string> names() const;

 private:
  bool has(Scope scope) const { return (bits_ >> static_cast<unsigned>(scope) & 1U) != 0; }
  uint32_t bits_ = 0;
};

}  // namespace tessera
