#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "http/message.h"

namespace tessera::serve {

// What a scoped key embeds, put over what the caller sent: its `filter_by` is one more condition, every other parameter
// replaces the caller's. `expires_at` is the key ring's and is left out.

/// Both conditions, each of them parsed by itself first, so that no parenthesis of one reaches into the other.
/// @throws Error(data) for one that is no filter
std::string both_filters(const std::string& a, const std::string& b);

/// @param object  parameters as JSON
void narrow_by_key(const Identity& identity, nlohmann::json& object);
/// The same for the query string.
void narrow_by_key(HttpRequest& request);

}  // namespace tessera::serve
