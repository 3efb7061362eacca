#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "pipeline/serving_model.h"

namespace tessera::serve {

/// The model that answers, and the one before it. A request takes the pointer once and keeps it to its end, so that
/// replacing the model fails none. Thread-safe.
class ModelSlot {
 public:
  std::shared_ptr<ServingModel> active() const {
    const std::lock_guard lock(mutex_);
    return active_;
  }
  std::shared_ptr<ServingModel> previous() const {
    const std::lock_guard lock(mutex_);
    return previous_;
  }
  void activate(std::shared_ptr<ServingModel> model) {
    const std::lock_guard lock(mutex_);
    previous_ = std::move(active_);
    active_ = std::move(model);
  }

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<ServingModel> active_, previous_;
};

}  // namespace tessera::serve
