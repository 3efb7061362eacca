#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>

namespace tessera::serve {

/// One thing that somebody did, checked. As JSON it takes our names (docs/http-api.md) and those of UBI 1.3.
struct Event {
  std::string id;       ///< of the event; sent again, it counts once. "": never told apart
  std::string user;     ///< or session: one of them is there
  std::string session;  ///< for people who are not known
  std::string item;     ///< "" only for a search
  std::string action;   ///< impression, search, view, click, cart, order, rating or a name of the shop's own
  int64_t time = 0;     ///< seconds since 1970 UTC
  std::string query, query_id;
  int64_t position = 0;  ///< in the answer, from 1; 0: not said
  double value = 0;      ///< of an order or rating
};

/// @param now  for an event without a time, seconds since 1970 UTC
/// @throws Error(data) naming the field, the value found and what was wanted
Event event_from_json(const nlohmann::json& json, int64_t now);
nlohmann::json event_to_json(const Event& event);

}  // namespace tessera::serve
