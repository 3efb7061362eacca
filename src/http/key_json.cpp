#include <nlohmann/json.hpp>

#include "http/json.h"
#include "http/keys.h"

namespace tessera {
namespace {

using nlohmann::json;

constexpr int64_t kMaxTime = 253402300799;  // the end of the year 9999
constexpr double kMaxRate = 1e9;

ScopeSet scopes_from(const std::vector<std::string>& names) {
  ScopeSet scopes;
  for (const std::string& name : names) {
    const auto scope = scope_from(name);
    if (!scope || *scope == Scope::none) {
      throw ProblemError(
          {ProblemCode::invalid_parameter,
           fmt::format("There is no scope \"{}\"; there are search, events and admin.", name.substr(0, 80)), "scopes",
           0});
    }
    scopes.add(*scope);
  }
  return scopes;
}

bool is_hex(const std::string& text, size_t size) {
  return text.size() == size && text.find_first_not_of("0123456789abcdef") == std::string::npos;
}

}  // namespace

nlohmann::json key_to_public_json(const KeyRecord& record) {
  return {{"id", record.id},
          {"name", record.name},
          {"scopes", record.scopes.names()},
          {"expires_at", record.expires_at},
          {"rate_per_second", record.rate_per_second},
          {"burst", record.burst},
          {"created_at", record.created_at},
          {"last_used", record.last_used},
          {"disabled", record.disabled}};
}

nlohmann::json key_to_json(const KeyRecord& record) {
  json value = key_to_public_json(record);
  value["hash"] = record.hash;
  return value;
}

KeyRecord key_from_json(const nlohmann::json& value) {
  try {
    refuse_unknown(value, {"id", "name", "hash", "scopes", "expires_at", "rate_per_second", "burst", "created_at",
                           "last_used", "disabled"});
    KeyRecord record;
    record.id = require_string(value, "id", 64);
    record.hash = require_string(value, "hash", 64);
    TESSERA_CHECK(!record.id.empty() && is_hex(record.hash, 64), corrupt,
                  "the id must not be empty and the hash must have 64 hex digits");
    record.name = optional_string(value, "name", 200).value_or("");
    record.scopes = scopes_from(optional_strings(value, "scopes", 8, 20).value_or(std::vector<std::string>()));
    record.expires_at = optional_integer(value, "expires_at", 0, kMaxTime).value_or(0);
    record.rate_per_second = optional_number(value, "rate_per_second", 0, kMaxRate).value_or(0);
    record.burst = optional_number(value, "burst", 0, kMaxRate).value_or(0);
    record.created_at = optional_integer(value, "created_at", 0, kMaxTime).value_or(0);
    record.last_used = optional_integer(value, "last_used", 0, kMaxTime).value_or(0);
    record.disabled = optional_bool(value, "disabled").value_or(false);
    return record;
  } catch (const Error& error) {
    fail(ErrorKind::corrupt, "a stored API key cannot be used: {}", error.what());
  }
}

KeyWish key_wish_from_json(const nlohmann::json& value, const KeyWish& base) {
  refuse_unknown(value, {"name", "scopes", "expires_at", "rate_per_second", "burst", "disabled"});
  KeyWish wish = base;
  wish.name = optional_string(value, "name", 200).value_or(base.name);
  if (const auto names = optional_strings(value, "scopes", 8, 20)) wish.scopes = scopes_from(*names);
  if (wish.scopes.empty()) {
    throw ProblemError({ProblemCode::missing_parameter, "\"scopes\" must hold search, events or admin.", "scopes", 0});
  }
  wish.expires_at = optional_integer(value, "expires_at", 0, kMaxTime).value_or(base.expires_at);
  wish.rate_per_second = optional_number(value, "rate_per_second", 0, kMaxRate).value_or(base.rate_per_second);
  wish.burst = optional_number(value, "burst", 0, kMaxRate).value_or(base.burst);
  wish.disabled = optional_bool(value, "disabled").value_or(base.disabled);
  return wish;
}

}  // namespace tessera
