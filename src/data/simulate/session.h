#pragma once

#include <cstdint>
#include <vector>

#include "data/simulate/user_model.h"

namespace tessera::shop {

enum Scene : int8_t { kSearch, kBrowse, kRecommend, kNumScenes };
const char* scene_name(int scene);

/// One page of results as the logging ranker made it.
struct Page {
  Scene scene = kSearch;
  Query query;                 ///< search only
  std::vector<int32_t> items;  ///< best first, 10 to 20
};

/// The logging ranker: candidates from the category lists, ordered by popularity, rough relevance and noise.
/// @param shown  results of earlier pages of the same list; these are passed over
Page make_page(const World& world, Scene scene, const Query& query, const Need& need, const UserState& state,
               int64_t time, const std::vector<int32_t>& shown, Random& random);

/// Probability that place `position` (0-based) of a page is looked at.
double examination(const World& world, size_t position);

/// Scene of a session. Depends on the user's state only.
Scene draw_scene(Random& random);

/// One event of the log, before numbers of queries are known.
struct ShopEvent {
  int32_t item;
  int32_t request;  ///< number within the user's log
  int32_t query;    ///< number within the user's queries; -1: none
  int64_t time;
  uint8_t action;
  int8_t scene;
  int16_t position;
};

/// The situation at a user's last click, for the ceiling.
struct LastClick {
  int32_t item = -1;
  int64_t time = 0;
  Need need;
  UserState before;                  ///< when the session began
  std::vector<int32_t> clicked_now;  ///< earlier clicks of the same session
};

struct UserLog {
  std::vector<ShopEvent> events;  ///< ascending in time
  std::vector<std::string> queries;
  int32_t num_requests = 0;
  int64_t num_sessions = 0;
  LastClick last;
};

/// Everything one user does, in order of time.
UserLog simulate_user(const World& world, uint64_t number);

}  // namespace tessera::shop
