#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "pipeline/serving_model.h"
#include "serve/clock.h"

namespace tessera::serve {

/// Why an answer is less than it could be.
enum class Degraded {
  no,
  small_beam,    ///< the model was asked with fewer beams, as others waited
  queue_full,    ///< the model was not asked: too many waited
  deadline,      ///< the model was not asked, or not heard: there was no time left
  model_failed,  ///< the model threw; the log says what
};
const char* to_string(Degraded degraded);

/// One question to the model, which owns what it speaks of.
struct Generation {
  std::shared_ptr<const ServingModel> model;
  std::shared_ptr<const ModelItems> items;   ///< of the model; what the filter was made with
  std::shared_ptr<const ItemFilter> filter;  ///< null: all
  std::vector<ItemId> history, exclude;
  UserId user{-1};
  int64_t k = 10;
  Clock::time_point deadline = Clock::time_point::max();
  /// Called once, on the thread of the batcher: must not block. No results unless degraded is no or small_beam.
  std::function<void(Results, Degraded)> done;
};

}  // namespace tessera::serve
