#pragma once

#include <memory>
#include <mutex>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "data/catalogue.h"
#include "http/message.h"
#include "serve/behaviour.h"

namespace tessera::serve {

class Service;

// The shapes of gorse's REST API and ours. docs/compatibility.md says what becomes what.

/// An item of gorse over the one there is, whose fields that gorse does not know stay.
/// @param old  nullptr: a new one
/// @throws Error(data) naming the field
Item item_of_gorse(const nlohmann::json& json, const Item* old);
/// The members of a patch; null is left as it is.
Item patch_of_gorse(const Item& old, const nlohmann::json& patch);
nlohmann::ordered_json item_to_gorse(const Item& item);

/// The time of gorse's `Timestamp`: any RFC 3339 time, one without a zone (UTC), a date, seconds since 1970.
/// @return 0 for "" and for the year 1, which Go sends for no time
int64_t time_of_gorse(const std::string& text);

/// "1h30m", "90s", "0h0m0s" in seconds. @throws ProblemError
int64_t duration_of_gorse(const std::string& text);

/// A feedback as an event. A feedback with the same time, user, item and type is the same event.
Event event_of_gorse(const nlohmann::json& feedback, int64_t now);

/// gorse's feedback: one row for each (user, item, type), beside the events that it makes. Rows live in the store,
/// collections `feedback` (key user, item, type, with NUL between) and `feedback_by_item` (item, user, type).
/// Thread-safe; writers of one service wait for each other.
class GorseFeedback {
 public:
  explicit GorseFeedback(Service& service) : service_(service) {}

  /// Records the events, then the rows. A row that is there gets the sum of the values, or with `overwrite` the new
  /// one.
  /// @throws Error(data) naming the element; then nothing was recorded
  void insert(const std::vector<nlohmann::json>& feedback, bool overwrite);
  /// Rows of a user and an item, of one type or with "" of all; and takes them out of the user's history.
  /// @return how many rows
  int64_t erase(const std::string& user, const std::string& item, const std::string& type);
  /// The rows of an item that is gone.
  void erase_item(const std::string& item);

  nlohmann::ordered_json of_user(const std::string& user, const std::string& item, const std::string& type);
  nlohmann::ordered_json of_item(const std::string& item, const std::string& type);
  /// Up to n rows behind the cursor. @return {Cursor, Feedback}
  nlohmann::ordered_json page(const std::string& cursor, int64_t n, const std::string& type);

 private:
  Service& service_;
  std::mutex writing_;
};

/// The routes of users and feedback; those of items and recommendations are in face_gorse.cpp.
void add_gorse_people(Service& service, const std::shared_ptr<GorseFeedback>& feedback);

}  // namespace tessera::serve
